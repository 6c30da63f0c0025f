"""The meanings of the event codes of protected columns, as `eventmeanings` has the others."""

from __future__ import annotations

from typing import Final

from acra_twisted import events
from acra_twisted.eventmeanings import Event

#: By code.
PROTECTION_MEANINGS: Final[dict[int, Event]] = {
    events.COLUMN_REFUSED: Event(
        5,
        "warning",
        "a statement or a value was refused for a protected column",
        "Look at ``rule``, ``column`` and ``error``, which tell how to write the statement; "
        "``acra-explain`` shows what becomes of others. A statement that must pass as it is needs "
        "a bypass.",
        events.BLOCKED,
        events.FAILURE,
    ),
    events.COLUMN_BYPASSED: Event(
        6,
        "error",
        "a bypass let a statement pass that leaves protected columns unprotected",
        "Compare ``rule``, which names the bypass, and ``reason`` with what you have agreed to; "
        "take the bypass out as soon as it has done its work.",
        events.ALLOWED,
        events.SUCCESS,
    ),
    events.COLUMN_CLOSED: Event(
        3,
        "warning",
        "values of protected columns could not be read; the client received what "
        "``response_on_fail`` says",
        "Check that the client's keys are there and whose keys encrypt the column (``client_id`` "
        "in its configuration).",
    ),
    events.BYPASSES_IN_FORCE: Event(
        5,
        "warning",
        "statements may leave protected columns unprotected, as long as the bypasses in the line "
        "are in force; told each hour",
        "Take out each bypass that has done its work.",
    ),
    events.COLUMN_MISFIT: Event(
        5,
        "warning",
        "a protected column, its table or its index is not as the configuration needs it",
        "Change the table or the configuration as the line says; ``--check_config "
        "--schema`` shows all such findings.",
    ),
}
