"""``twistd acra-connector``: options and service maker."""

from __future__ import annotations

from typing import Any

from acra_twisted.config.connector import CONNECTOR_SECTIONS
from acra_twisted.config.listeners import CONNECTORS, options_of
from acra_twisted.config.reading import Program
from acra_twisted.connector.checks import check, check_whole
from acra_twisted.connector.effects import RULES
from acra_twisted.connector.service import AcraConnector
from acra_twisted.daemon.root import exit_with, make_root
from acra_twisted.daemon.usage import DaemonOptions
from acra_twisted.options import Settings
from acra_twisted.telemetry.export.probe import probe
from acra_twisted.transport.activation import InheritedSockets


def _examination() -> Any:
    # It brings much along that nobody needs who starts a daemon.
    from acra_twisted.connector.examination import EXAMINATION

    return EXAMINATION


class Options(DaemonOptions):
    """See ``twistd acra-connector --help``."""

    program = Program(
        "acra-connector",
        CONNECTOR_SECTIONS,
        check,
        check_whole=check_whole,
        probe=probe,
        rules=RULES,
        examination=_examination,
        listener=options_of(CONNECTOR_SECTIONS, CONNECTORS),
    )


def makeService(options: Options, reactor: Any = None) -> Any:
    """Twisted: the service for parsed options."""

    def make(reactor: Any, settings: Settings, inherited: InheritedSockets) -> AcraConnector:
        return AcraConnector(reactor, settings, exit_with, inherited)

    return make_root(Options.program.name, options.settings, make, reactor, options.changes)
