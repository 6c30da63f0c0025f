"""The tree of a statement as the censor sees it, the same for every parser.

A tree is `Node`, `Literal`, list, str, int, bool and None.  Positions, parentheses and the
quotation of names are gone; a literal is known by its place among the text's literals, so that a
tree says nothing about values and may stand for every text of the same skeleton.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple


class Node:
    """One element of the grammar.  ``fields`` holds only what is present."""

    __slots__ = ("kind", "fields")

    def __init__(self, kind: str, fields: dict[str, Any]) -> None:
        self.kind = kind
        self.fields = fields


class Literal:
    """The text's literal number ``ordinal``; ``negative`` if a minus sign belongs to it."""

    __slots__ = ("ordinal", "negative")

    def __init__(self, ordinal: int, negative: bool = False) -> None:
        self.ordinal = ordinal
        self.negative = negative


class Table(NamedTuple):
    """``schema`` is empty where the statement names none.  As the database compares them."""

    schema: str
    name: str


# Kinds of statement that patterns name, and MERGE; everything else has the kind OTHER.
SELECT, UNION, INSERT, UPDATE, DELETE = "SELECT", "UNION", "INSERT", "UPDATE", "DELETE"
BEGIN, COMMIT, ROLLBACK, OTHER = "BEGIN", "COMMIT", "ROLLBACK", "OTHER"
MERGE = "MERGE"


#: A field at the root of a tree, for clauses that change nothing that a denial is about: only
#: permissions compare it.
ASIDE = "aside"
#: In `Parsed.schemas`: it may be any.
ANY_SCHEMA = ""


class Nested(NamedTuple):
    """A statement inside another.  ``subquery``: it stands where a value or a table may."""

    kind: str
    tree: Any
    subquery: bool


class Parsed:
    """One statement.

    ``opaque`` says why its text does not show what it does, ``beyond`` why a permission for its
    tables does not cover it, ``apart`` why such a permission does not cover it though no denial of
    tables concerns it, ``values`` why one does though a permission may cover it, ``refused`` why
    no rule may allow it, ``moves`` why bare names may mean other tables after it; empty where
    nothing is to say.  ``unknown`` are functions and operators
    that the table of functions does not have, ``unsure`` what may be such a function or a field.
    ``views`` are those whose content it reaches by a function, ``shown`` the catalogs whose
    content its views show.
    ``names`` are identifiers that the tree does not explain as columns or aliases.  ``whole``:
    every literal is in the tree and nothing depends on one, so the verdict holds for every text of
    the same skeleton.  ``prepares`` and ``executes`` name a prepared statement.  ``schemas`` are
    those whose tables it moves to another.  ``loose``: a name of a table may be another to the
    server, so that names are compared by `names.loose`; ``other_tables`` are what its tables may
    be as well, None if that cannot be told.
    """

    __slots__ = (
        "kind",
        "tree",
        "tables",
        "nested",
        "opaque",
        "beyond",
        "apart",
        "values",
        "refused",
        "moves",
        "unknown",
        "unsure",
        "views",
        "shown",
        "names",
        "whole",
        "prepares",
        "executes",
        "schemas",
        "loose",
        "other_tables",
    )

    def __init__(self, kind: str, tree: Any) -> None:
        self.kind = kind
        self.tree = tree
        self.tables: frozenset[Table] = frozenset()
        self.nested: tuple[Nested, ...] = ()
        self.opaque = ""
        self.beyond = ""
        self.apart = ""
        self.values = ""
        self.refused = ""
        self.moves = ""
        self.unknown: frozenset[str] = frozenset()
        self.unsure: frozenset[str] = frozenset()
        self.views: frozenset[Table] = frozenset()
        self.shown: frozenset[Table] = frozenset()
        self.names: frozenset[str] = frozenset()
        self.whole = True
        self.prepares = ""
        self.executes = ""
        self.schemas: frozenset[str] = frozenset()
        self.loose = False
        self.other_tables: frozenset[Table] | None = frozenset()


def walk(tree: Any) -> Iterator[Any]:
    """Every Node and Literal of a tree, with a stack of our own."""
    waiting = [tree]
    while waiting:
        item = waiting.pop()
        if type(item) is Node:
            yield item
            waiting.extend(item.fields.values())
        elif type(item) is list:
            waiting.extend(item)
        elif type(item) is Literal:
            yield item


def shape(tree: Any) -> tuple[str, list[Literal]]:
    """A text that two trees share exactly if they differ in literals alone, and the literals."""
    parts: list[str] = []
    literals: list[Literal] = []
    waiting = [tree]
    while waiting:
        item = waiting.pop()
        if type(item) is Node:
            parts.append(f"({item.kind}")
            waiting.append(_END)
            for name in sorted(item.fields, reverse=True):
                waiting.append(item.fields[name])
                waiting.append(_Name(name))
        elif type(item) is list:
            parts.append("[")
            waiting.append(_END)
            waiting.extend(reversed(item))
        elif type(item) is Literal:
            parts.append("-?" if item.negative else "?")
            literals.append(item)
        elif type(item) is _Name:
            parts.append(f".{item}")
        elif item is _END:
            parts.append(")")
        else:
            parts.append(repr(item))
    return " ".join(parts), literals


class _Name(str):
    """The name of a field, while `shape` walks."""

    __slots__ = ()


_END = object()


def fold(name: str) -> str:
    """ASCII letters to lower case and no others, as PostgreSQL folds names."""
    return name if name.islower() and name.isascii() else name.translate(_LOWER)


_LOWER = {code: code + 32 for code in range(65, 91)}


class UnparsableError(Exception):
    """The parser refuses the text.  ``str()`` holds nothing of it."""
