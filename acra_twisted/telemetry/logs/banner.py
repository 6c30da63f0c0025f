"""Lines that a daemon logs at every level: that it listens, where, and that it has stopped."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from acra_twisted import __version__, events
from acra_twisted.optionkinds import Address
from acra_twisted.options import Settings
from acra_twisted.transport.failures import shown


def begins(log: Any, settings: Settings, exporters: Iterable[Any], **facts: str) -> None:
    """The daemon accepts connections: one line with what it does, and where to look at it."""
    log.info(
        "Start listening connections",
        always=True,
        code=events.START_LISTENING,
        address=shown(settings["incoming_connection_string"]),
        exporters=", ".join(sorted({exporter.name for exporter in exporters})) or "none",
        version=__version__,
        **_pages(settings),
        **facts,
    )


def summaries(stages: Iterable[Any]) -> str:
    """Stages by name, with the ``summary`` that a stage may have."""
    found = []
    for stage in stages:
        summary = getattr(stage, "summary", "")
        found.append(f"{stage.name} ({summary})" if summary else stage.name)
    return ", ".join(found) or "none"


def stops(log: Any) -> None:
    """The daemon takes no new connections."""
    log.info("Stop listening", always=True, code=events.STOP_LISTENING)


def stopped(log: Any) -> None:
    """Nothing of it runs any more."""
    log.info("Stopped", always=True, code=events.STOP_LISTENING)


def _pages(settings: Settings) -> dict[str, str]:
    metrics: Address | None = settings["incoming_connection_prometheus_metrics_string"]
    pages: Address | None = settings["incoming_connection_zpages_string"]
    scheme = "https" if settings["zpages_tls_enable"] else "http"
    shared = metrics is not None and metrics == pages
    return {
        "metrics": _url(metrics, "/metrics", scheme if shared else "http"),
        "pages": _url(pages, "/", scheme),
    }


def _url(address: Address | None, path: str, scheme: str) -> str:
    if address is None:
        return "none"
    return str(address) if address.path else f"{scheme}://{shown(address)}{path}"
