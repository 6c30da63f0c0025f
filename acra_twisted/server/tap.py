"""``twistd acra-server``: options and service maker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from acra_twisted.blocks import ALL_BLOCKS, CENSOR_BLOCKS, COLUMN_BLOCKS, blocks_of
from acra_twisted.config.listeners import SERVERS, options_of
from acra_twisted.config.reading import Program
from acra_twisted.config.server import SERVER_SECTIONS
from acra_twisted.daemon.dialect import dialect_of
from acra_twisted.daemon.root import exit_with, make_root
from acra_twisted.daemon.usage import DaemonOptions
from acra_twisted.options import Block, Section, Settings
from acra_twisted.server.checks import check, check_whole
from acra_twisted.server.effects import RULES
from acra_twisted.server.service import AcraServer
from acra_twisted.telemetry.export.probe import probe
from acra_twisted.transport.activation import InheritedSockets

#: Reactions to a poison record.
_REACTIONS = ("poison_run_script_file", "poison_stop_session_enable", "poison_shutdown_enable")


def settle(values: dict[str, Any], given: Mapping[str, str]) -> None:
    """A reaction to poison records turns their detection on, and the database has the port of its
    kind, unless these have been set."""
    if "db_port" not in given:
        values["db_port"] = dialect_of(values).default_port
    if "poison_detect_enable" not in given and any(values[name] for name in _REACTIONS):
        values["poison_detect_enable"] = True


def chosen_stages(values: Mapping[str, Any], blocks: Sequence[Block] = ()) -> tuple[str, ...]:
    """The stages to run: those named, and those that Acra's own settings switch on."""
    names: tuple[str, ...] = tuple(values.get("stages", ()))
    has_rules = values.get("acracensor_config_file") or blocks_of(blocks, CENSOR_BLOCKS)
    if has_rules and "censor" not in names:
        names = ("censor", *names)
    has_columns = values.get("encryptor_config_file") or blocks_of(blocks, COLUMN_BLOCKS)
    if has_columns and "encryptor" not in names:
        names = _before_decryptor("encryptor", names)
    if values.get("poison_detect_enable") and "poison" not in names:
        names = (*names, "poison")
    return names


def _before_decryptor(stage: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """The names with one more, in front of the decryptor; at the end if that is not among them."""
    at = names.index("decryptor") if "decryptor" in names else len(names)
    return (*names[:at], stage, *names[at:])


def _stage_sections(values: Mapping[str, Any], blocks: Sequence[Block]) -> list[Section]:
    names = chosen_stages(values, blocks)
    # twisted.plugin looks through directories and imports every stage: only if one is asked for.
    if not names:
        return []
    from acra_twisted.plugins.chosen import stage_sections

    return stage_sections(names)


def _installed() -> dict[str, Any]:
    from acra_twisted.plugins.chosen import stage_factories

    return stage_factories()


def _examination() -> Any:
    # It brings much along that nobody needs who starts a daemon.
    from acra_twisted.server.examination import EXAMINATION

    return EXAMINATION


class Options(DaemonOptions):
    """See ``twistd acra-server --help``."""

    program = Program(
        "acra-server",
        SERVER_SECTIONS,
        check,
        _stage_sections,
        _installed,
        ALL_BLOCKS,
        check_whole,
        probe,
        settle,
        RULES,
        _examination,
        options_of(SERVER_SECTIONS, SERVERS),
    )


def makeService(options: Options, reactor: Any = None) -> Any:
    """Twisted: the service for parsed options."""

    def make(reactor: Any, settings: Settings, inherited: InheritedSockets) -> AcraServer:
        return AcraServer(reactor, settings, exit_with, inherited)

    return make_root(Options.program.name, options.settings, make, reactor, options.changes)
