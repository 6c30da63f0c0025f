"""Declares what the command line of a daemon asks for, beside its settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from acra_twisted.errors import ConfigError
from acra_twisted.optionkinds import BOOLEAN, FILE, Integer
from acra_twisted.options import Option, Section

#: Actions that do nothing without another.
_NEED: Final[Mapping[str, str]] = {
    "probe": "check_config",
    "probe_exporters": "check_config",
    "schema": "check_config",
    "sample": "schema",
}

#: Only on the command line.
ACTIONS = Section(
    "command line",
    "Only on the command line.",
    (
        Option(
            "config_file",
            FILE,
            "",
            "Path of the file to read: ini, or Acra's YAML.",
            short="config",
        ),
        Option("check_config", BOOLEAN, False, "Check the whole configuration and exit."),
        Option(
            "probe",
            BOOLEAN,
            False,
            "With --check_config: look at files, certificates, keys and ports, and ask the "
            "database, AcraServer and destinations of spans, too, as acra-doctor does.",
        ),
        Option(
            "probe_exporters",
            BOOLEAN,
            False,
            "With --check_config: ask every destination of spans whether it takes some, too.",
        ),
        Option(
            "schema",
            BOOLEAN,
            False,
            "With --check_config: log in to the database (schema_user), and tell which tables, "
            "columns and indexes are not as protected columns need them.",
        ),
        Option(
            "sample",
            Integer(0, 1_000),
            0,
            "With --schema: look at so many values of each protected column, and count those that "
            "are in clear, or cannot be read. schema_user needs SELECT on these columns.",
        ),
        Option(
            "dump_config",
            BOOLEAN,
            False,
            "Print the settings in force as an ini file. With a config_file whose name ends in "
            ".yaml or .yml: write them there, as Acra does.",
        ),
        Option(
            "generate_markdown_args_table",
            BOOLEAN,
            False,
            "Print a table of the options in Markdown.",
        ),
        Option("version", BOOLEAN, False, "Print the version and exit."),
        Option("help", BOOLEAN, False, "Print this help and exit.", short="h"),
    ),
)


def ineffective(actions: Mapping[str, Any]) -> Iterator[ConfigError]:
    """Yield an error for each action that would do nothing."""
    for name, needed in _NEED.items():
        if actions[name] and not actions[needed]:
            yield ConfigError(f"--{name}: give --{needed}, too")
