"""Declares the options of the history that survives a restart."""

from __future__ import annotations

from typing import Final

from acra_twisted.config.common import METRICS
from acra_twisted.config.commoneffects import METRICS_RULES
from acra_twisted.config.effects import Rule
from acra_twisted.optionkinds import FILE, Integer
from acra_twisted.options import Option, Section

_HISTORY: Final = Section(
    "history",
    "A file with traces, security events and figures, which survives a restart; acra-trace --store "
    "reads it.",
    (
        Option(
            "trace_store_file",
            FILE,
            "",
            "SQLite file of the history, which is made with mode 0600. Each daemon needs a file "
            "of its own. Empty is off.",
        ),
        Option(
            "trace_store_max_bytes",
            Integer(16 << 20, 1 << 40),
            512 << 20,
            "Limit of the file and of the files beside it, in bytes. The oldest makes room.",
        ),
        Option(
            "trace_store_max_age",
            Integer(60, 10 * 366 * 86_400),
            30 * 86_400,
            "Seconds after which something is removed, although there is room.",
        ),
    ),
)

#: The sections of what a daemon shows of itself.
WATCHING: Final = (METRICS, _HISTORY)
#: The rules of these sections.
WATCHING_RULES: Final[tuple[Rule, ...]] = (
    *METRICS_RULES,
    Rule(
        ("trace_store_max_bytes", "trace_store_max_age"),
        lambda settings: settings["trace_store_file"],
        "trace_store_file is not set",
    ),
)
