"""Asking every destination of spans whether it would take some: an empty batch, and its answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import ensureDeferred

from acra_twisted.options import Settings
from acra_twisted.telemetry.export.destinations import make_exporters
from acra_twisted.telemetry.export.queue import BatchExporter, Refused

_TIMEOUT = 10.0
_SHOWN = 200


async def ask(reactor: Any, exporters: Sequence[Any]) -> list[tuple[str, str]]:
    """Name and what is wrong, empty if nothing is, of each exporter that sends something."""
    found = []
    for exporter in exporters:
        if not isinstance(exporter, BatchExporter):
            continue
        exporter.open()
        try:
            await ensureDeferred(exporter.probe()).addTimeout(_TIMEOUT, reactor)
            wrong = ""
        except Refused as error:
            wrong = str(error)
        except Exception as error:
            wrong = exporter.explained(error)[:_SHOWN]
        found.append((exporter.name, wrong))
        await exporter.close()
    return found


async def probe(reactor: Any, settings: Settings) -> list[tuple[str, str]]:
    """`ask` with the exporters that the settings name.  Raises ConfigError."""
    return await ask(reactor, make_exporters(reactor, "acra-twisted", settings))
