"""Shapes of statements: what is the same of all requests whose figures are counted together.

A shape is a database and a redacted statement.  Lists of values that differ only in how long they
are have one shape.  Its id is made of these alone, so that it is the same in every daemon.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Final

from acra_twisted.sql.redact import Redacted

#: Kinds of shapes: statements that run, those that are prepared, logins.
STATEMENT, PREPARE, LOGIN = "statement", "prepare", "login"
#: Kinds of exchanges that have another name as shapes.  Whatever else there is has its own kind:
#: calls of functions, statements that run for many rows at once or are fetched from, commands.
_KIND_OF: Final = {
    **dict.fromkeys(("query", "execute", "init_db", "field_list", "process_kill"), STATEMENT),
    **dict.fromkeys(("startup", "change_user"), LOGIN),
}

_VALUE: Final = r"(?:\?|\$\d{1,5})"
_VALUES: Final = re.compile(rf"({_VALUE})(?:\s?,\s?{_VALUE}|(?!))++")
_LISTS: Final = re.compile(r"(\([?$][^()]{0,20}\))(?:\s?,\s?\([?$][^()]{0,20}\)|(?!))++")
_UNREAD: Final = re.compile(r"<statement of [0-9]+ bytes>")
#: Ends a text that was cut.
_CUT: Final = "\N{HORIZONTAL ELLIPSIS}"
_ID_DIGITS: Final = 16


class Shape:
    """``text`` is the redacted statement, empty for what has none; ``summary`` names operations and
    tables.  ``system`` and ``database`` are those of the session."""

    __slots__ = ("id", "system", "database", "kind", "summary", "text")

    def __init__(self, system: str, database: str, kind: str, summary: str, text: str) -> None:
        self.system = system
        self.database = database
        self.kind = kind
        self.summary = summary
        self.text = text
        parts = "\0".join((system, database, kind, text))
        self.id = sha256(parts.encode("utf-8", "replace")).hexdigest()[:_ID_DIGITS]

    @property
    def size(self) -> int:
        """Characters that it holds."""
        return len(self.text) + len(self.summary) + len(self.database)


#: Stands for all shapes for which there is no place.
OTHERS: Final = Shape("", "", "others", "others", "")
OTHERS.id = "others"


def kind_of_shape(kind: str) -> str:
    """Return the kind of shape of an exchange's kind."""
    return _KIND_OF.get(kind, kind)


def shape_of(system: str, database: str, kind: str, shown: Redacted | None) -> Shape:
    """Return the shape of requests of a kind of exchange, with the statement as it is ``shown``."""
    found = kind_of_shape(kind)
    if shown is None:
        return Shape(system, database, found, found, "")
    return Shape(system, database, found, shown.summary, squeezed(shown.text))


def squeezed(text: str) -> str:
    """Shorten the lists of a redacted statement: ``IN (?, ?, ?)`` becomes ``IN (?, ...)``."""
    if _UNREAD.fullmatch(text):
        return "<long statement>"
    short = _LISTS.sub(r"\1, ...", _VALUES.sub(r"\1, ...", text))
    if short.endswith(_CUT):
        short = short.rstrip(_CUT + " ,") + _CUT
    return short
