"""Kinds of statements by their first words: those that control a transaction, and those that change
nothing of what names mean."""

from __future__ import annotations

import re
from typing import Final

from acra_twisted.sql.settings import is_indifferent

#: Beginnings of statements that change nothing of what names mean.
_HARMLESS: Final = re.compile(
    rb"\s*(?:select|insert|update|delete|merge|values|with|table|declare|fetch|move|close|show|copy"
    rb"|listen|unlisten|notify|lock|truncate|deallocate)\b",
    re.I,
)
#: A statement that begins or ends a transaction, or a part of one, or says how it is to be, and has
#: no value at all but the name of a snapshot.  In a transaction that has failed nothing else is
#: done, and the database cannot be asked; nor can it before a transaction is told how it is to be.
_CONTROL: Final = re.compile(
    rb"\s*(?:(?:begin|start|commit|end|rollback|abort|savepoint|release)\b[\w\s,\"]*"
    rb"|set\s+(?:local\s+)?transaction\b(?:[\w\s,]*|\s+snapshot\s+'[0-9A-Fa-f-]*'\s*))(?:;\s*)?",
    re.I,
)


def is_control(text: bytes) -> bool:
    """Tell whether a statement does nothing but begin or end a transaction, or say how
    it is to be."""
    return _CONTROL.fullmatch(text) is not None


def may_change(text: bytes) -> bool:
    """Tell whether a statement may change tables, or what names mean."""
    if _HARMLESS.match(text) is None or b";" in text.rstrip(b"; \t\r\n"):
        return not is_indifferent(text)
    lowered = text.lower()
    if b"temp" in lowered and b"into" in lowered:
        return True
    # A function that sets, a view that does, and names that cannot be read.
    return b"set_config" in lowered or b"pg_settings" in lowered or b'u&"' in lowered


def is_quiet(text: bytes) -> bool:
    """Tell whether a statement changes nothing of what names mean, and neither begins nor ends a
    transaction."""
    return not is_control(text) and not may_change(text)
