"""Reads CREATE VIEW and ALTER VIEW."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from acra_twisted.encryption.mysql import names
from acra_twisted.encryption.mysql.cursor import Cursor
from acra_twisted.encryption.mysql.nodes import Query
from acra_twisted.sql import lexer

#: Words between the first one and VIEW, none of which has a value in it.
_BEFORE: Final = frozenset(
    ("or", "replace", "algorithm", "=", "undefined", "merge", "temptable", "definer")
    + ("current_user", "current_role", "(", ")", "sql", "security", "invoker", "@")
)
#: Kinds of tokens that name its definer.
_NAMING: Final = (lexer.QUOTED, lexer.STRING, lexer.VARIABLE)
_CHECKS: Final = ("cascaded", "local", "check", "option")


def begins(cursor: Cursor) -> bool:
    """Tell whether a definition of a view is here."""
    return _place(cursor) > 0


def _place(cursor: Cursor) -> int:
    """How many tokens further on VIEW stands, 0 if it does not."""
    further = 1
    is_named = False
    while cursor.behind(further) in _BEFORE or is_named or cursor.kind_behind(further) in _NAMING:
        # The definer's name may be any word.
        is_named = cursor.behind(further) == "=" and cursor.behind(further - 1) == "definer"
        further += 1
    return further if cursor.behind(further) == "view" else 0


def query_of(cursor: Cursor, query: Callable[[Cursor], Query]) -> Query:
    """Read a definition up to its end; its query, which ``query`` reads.  Raises
    UnreadableError."""
    for _ in range(_place(cursor) + 1):
        cursor.step()
    cursor.takes_all("if", "not", "exists")
    names.table(cursor)
    if cursor.here == "(":
        names.listed(cursor)
    cursor.expect("as")
    found = query(cursor)
    if cursor.takes("with"):
        while cursor.takes(*_CHECKS):
            pass
    return found
