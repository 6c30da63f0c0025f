"""Declares the options of AcraServer's pipeline, and of those of its stages that have few."""

from __future__ import annotations

from acra_twisted.optionkinds import BOOLEAN, FILE, NAMES, Choice, Seconds
from acra_twisted.options import Option, Section

PIPELINE = Section(
    "pipeline",
    "Processing stages, nearest the client first; replies run the list backwards.",
    (
        Option("stages", NAMES, ("decryptor",), "Names of the stages, in their order."),
        Option(
            "stage_timeout",
            Seconds(),
            60.0,
            "Time limit of all stages together for one statement or one run of rows; then "
            "the session ends. 0 is no limit.",
        ),
    ),
)

CENSOR = Section(
    "censor",
    "AcraCensor, the SQL firewall. A rule file has its handlers, or sections [censor:NAME] "
    "here, in the order in which they decide. Either adds the stage censor, nearest the "
    "client, if stages does not name it. SIGHUP reads them again.",
    (
        Option("acracensor_config_file", FILE, "", "Rule file in Acra's YAML."),
        Option(
            "ignore_parse_error",
            BOOLEAN,
            False,
            "Pass statements that cannot be parsed to the handlers instead of denying them "
            "at once. For handlers in [censor:NAME]; a rule file has its own key.",
        ),
        Option(
            "parse_errors_log",
            FILE,
            "",
            "File for statements that cannot be parsed, without their literals. For "
            "handlers in [censor:NAME]; a rule file has its own key.",
        ),
        Option(
            "value_matches_functions",
            BOOLEAN,
            False,
            "%%VALUE%% also stands for a function call, as in Acra; this admits "
            "pg_sleep(5). For handlers in [censor:NAME]; a rule file has its own key.",
        ),
        Option(
            "unknown_functions",
            Choice("", "allow", "deny"),
            "",
            "Treatment of functions and operators that the firewall's table lacks, such as "
            "your own. allow: they are harmless. deny: they count like functions that run "
            "SQL from a text. Empty: no denial concerns them, and no permission for tables "
            "or by placeholder covers them. For handlers in [censor:NAME]; a rule file has "
            "its own key.",
        ),
        Option(
            "statistics",
            Choice("", "allow", "deny"),
            "",
            "Decides if a handler that denies tables also denies the planner's statistics, "
            "which show values of every table (pg_stats, pg_statistic). Empty means deny. "
            "For handlers in [censor:NAME]; a rule file has its own key.",
        ),
    ),
)

POISON = Section(
    "poison",
    "Reactions to a poison record in a result. The log always records the event.",
    (
        Option(
            "poison_detect_enable",
            BOOLEAN,
            False,
            "Add the stage poison, nearest the database, if stages does not name it. Each "
            "of the reactions below turns it on, and it cannot be off beside one.",
        ),
        Option(
            "poison_run_script_file",
            FILE,
            "",
            "Program to start, without arguments and with an empty environment.",
        ),
        Option(
            "poison_script_timeout",
            Seconds(0.1),
            60.0,
            "Time after which the program is killed.",
        ),
        Option("poison_stop_session_enable", BOOLEAN, False, "End the session that read it."),
        Option(
            "poison_shutdown_enable",
            BOOLEAN,
            False,
            "End the whole server, with exit status 1.",
        ),
    ),
)
