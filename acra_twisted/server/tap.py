"""``twistd acra-server``: options and service maker."""

from __future__ import annotations

from typing import Any

from acra_twisted.config.daemon import make_root
from acra_twisted.config.sections import SERVER_SECTIONS
from acra_twisted.config.usage import DaemonOptions, Program
from acra_twisted.options import Section, Settings
from acra_twisted.server.service import AcraServer, check


def _stage_sections(names: Any) -> list[Section]:
    # twisted.plugin looks through directories and imports every stage: only if one is asked for.
    if not names:
        return []
    from acra_twisted.pipeline.build import stage_sections

    return stage_sections(names)


def _installed() -> dict[str, Any]:
    from acra_twisted.pipeline.build import stage_factories

    return stage_factories()


class Options(DaemonOptions):
    """See ``twistd acra-server --help``."""

    program = Program("acra-server", SERVER_SECTIONS, check, _stage_sections, _installed)


def makeService(options: Options, reactor: Any = None) -> Any:
    """Twisted: the service for parsed options."""

    def make(reactor: Any, settings: Settings) -> AcraServer:
        return AcraServer(reactor, settings)

    return make_root(Options.program.name, options.settings, make, reactor)
