"""Statements that make, read and close cursors."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from acra_twisted.encryption.postgresql.syntax import Statement

DECLARE: Final = "declare"
FETCH: Final = "fetch"
CLOSE: Final = "close"

#: A statement of a text may begin so: behind another, a comment, or the end of a line.  Each blank
#: is read once: those behind a line's end belong to that end.
_BEGINNING: Final = re.compile(
    rb"(?:\A|[;\n\r]|\*/)[ \t\f\v]*+(?:declare|fetch|close|discard)\b", re.I
)
#: PostgreSQL's CURSOR_OPT_HOLD.
_HOLD: Final = 0x20


class CursorCommand(NamedTuple):
    """A statement makes, reads or closes the cursor of a name, as ``kind`` says: one of DECLARE,
    FETCH and CLOSE.  The name is None for all cursors.  ``is_held``: the cursor outlives its
    transaction."""

    kind: str
    name: str | None
    is_held: bool = False


def may_command(text: bytes) -> bool:
    """Tell whether a text may have such a statement; it may say yes of one that has none."""
    return _BEGINNING.search(text) is not None


def command_of(statement: Statement) -> CursorCommand | None:
    """Return the command that a statement is; None for one that does nothing with a cursor, or
    moves it alone."""
    fields = statement.fields
    name = fields.get("portalname")
    if statement.kind == "DeclareCursorStmt":
        return CursorCommand(DECLARE, name, bool(fields.get("options", 0) & _HOLD))
    if statement.kind == "FetchStmt" and not fields.get("ismove"):
        return CursorCommand(FETCH, name)
    if statement.kind == "ClosePortalStmt":
        return CursorCommand(CLOSE, name)
    if statement.kind == "DiscardStmt" and fields.get("target") == "DISCARD_ALL":
        return CursorCommand(CLOSE, None)
    return None
