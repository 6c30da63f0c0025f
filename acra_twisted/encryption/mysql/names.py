"""Names in a statement: identifiers, and the words that are none."""

from __future__ import annotations

from typing import Final

from acra_twisted.encryption.mysql.cursor import Cursor
from acra_twisted.encryption.mysql.nodes import TableName
from acra_twisted.encryption.mysql.words import RESERVED
from acra_twisted.sql import lexer

#: Words behind a table that belong to its clause though they may be names.
NO_ALIASES: Final = RESERVED | {"skip", "nowait", "escape", "member", "sounds"}


def is_name(cursor: Cursor) -> bool:
    """Tell whether an identifier is here."""
    if cursor.kind == lexer.QUOTED:
        return True
    return cursor.kind == lexer.WORD and cursor.here not in RESERVED


def name(cursor: Cursor) -> str:
    """Read an identifier.  Raises UnreadableError."""
    if not is_name(cursor):
        raise cursor.error("a name is missing")
    return _any(cursor)


def _any(cursor: Cursor) -> str:
    """Read an identifier or a word in its place."""
    kind, start, end = cursor.tokens[cursor.at]
    if kind not in (lexer.WORD, lexer.QUOTED):
        raise cursor.error("a name is missing")
    shown = cursor.text[start:end].decode("utf-8", "replace")
    cursor.step()
    if kind == lexer.WORD:
        return shown
    quote = shown[0]
    return shown[1:-1].replace(quote * 2, quote)


def path(cursor: Cursor, most: int = 3) -> list[str]:
    """Read names with dots between them; behind a dot any word is one.  Raises
    UnreadableError."""
    found = [name(cursor)]
    while len(found) < most and cursor.here == "." and cursor.behind() != "*":
        cursor.step()
        found.append(_any(cursor))
    return found


def table(cursor: Cursor) -> TableName:
    """Read the name of a table.  Raises UnreadableError."""
    start = cursor.start
    found = path(cursor, 2)
    return TableName(found[0] if len(found) > 1 else "", found[-1], start, cursor.done)


def alias(cursor: Cursor, strings: bool = False) -> str:
    """Read an alias, "" if there is none.  ``strings``: a literal may be one."""
    said = cursor.takes("as")
    kind = cursor.kind
    if strings and kind == lexer.STRING:
        cursor.deciding.add(cursor.ordinal)
        shown = cursor.text[cursor.start + 1 : cursor.tokens[cursor.at][2] - 1]
        cursor.step()
        return shown.decode("utf-8", "replace")
    if said:
        return name(cursor)
    if kind == lexer.QUOTED or (kind == lexer.WORD and cursor.here not in NO_ALIASES):
        return _any(cursor)
    return ""


def listed(cursor: Cursor) -> list[str]:
    """Read names in brackets, with commas between.  Raises UnreadableError."""
    cursor.expect("(")
    found = [name(cursor)]
    while cursor.takes(","):
        found.append(name(cursor))
    cursor.expect(")")
    return found
