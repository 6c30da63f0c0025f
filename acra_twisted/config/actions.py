"""Declares what the command line of a daemon asks for, beside its settings."""

from __future__ import annotations

from acra_twisted.options import BOOLEAN, FILE, Option, Section

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
