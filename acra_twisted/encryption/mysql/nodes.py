"""The tree of a statement: expressions, queries, and what they read.

A node has its place in the text, so that it can be replaced there.  Words and functions are in
small letters, names as the text has them, without their quotes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from acra_twisted.encryption.mysql.plan import Source

# Kinds of expression.
#: A value of the client, see ``source``.
VALUE: Final = "value"
NULL: Final = "null"
DEFAULT: Final = "default"
#: A column, by one to three ``names``; ``*`` is the last of those of STAR.
COLUMN: Final = "column"
STAR: Final = "star"
#: A function by its ``word``, or by the ``names`` of a routine if they are in quotes or several; or
#: an operator.  Everything in it is in ``items``.
CALL: Final = "call"
#: Several values in brackets; one in brackets is that value itself.
ROW: Final = "row"
#: CAST or CONVERT of the one item to the type that begins with ``word``.
CAST: Final = "cast"
#: CASE: the first item if ``flag``, then conditions and values in turn, then ELSE's value if there
#: is one.
CASE: Final = "case"
#: Two items and the sign between them.
COMPARE: Final = "compare"
#: The first item and those that it is looked for among; ``flag`` for NOT IN.
AMONG: Final = "among"
#: The item IS NULL, or with ``flag`` IS NOT NULL.
IS_NULL: Final = "is null"
#: The item, the pattern, and the escape if there is one; ``flag`` for NOT LIKE.
LIKE: Final = "like"
#: The item COLLATE ``word``.
COLLATE: Final = "collate"
#: A query in brackets, ``query``.
SUBQUERY: Final = "subquery"


class Node:
    """An expression."""

    __slots__ = ("kind", "start", "end", "items", "word", "names", "source", "query", "flag")

    def __init__(
        self,
        kind: str,
        start: int,
        end: int,
        items: Sequence[Node] = (),
        word: str = "",
        names: Sequence[str] = (),
        source: Source | None = None,
        query: Query | None = None,
        flag: bool = False,
    ) -> None:
        self.kind = kind
        self.start = start
        self.end = end
        self.items = items
        self.word = word
        self.names = names
        self.source = source
        self.query = query
        self.flag = flag


class TableName:
    """A table by its name; ``database`` is "" where the text names none."""

    __slots__ = ("database", "name", "start", "end")

    def __init__(self, database: str, name: str, start: int, end: int) -> None:
        self.database = database
        self.name = name
        self.start = start
        self.end = end


class TableFactor:
    """A table, or a query in its place, under an alias: "" for none.  ``columns`` are the names
    that the alias gives them."""

    __slots__ = ("table", "query", "alias", "columns")

    def __init__(
        self,
        table: TableName | None,
        query: Query | None,
        alias: str,
        columns: Sequence[str] = (),
    ) -> None:
        self.table = table
        self.query = query
        self.alias = alias
        self.columns = columns


class Joined:
    """The tables of a FROM clause, the conditions of its joins, and the columns that they name by
    USING; ``natural``: one of them finds these columns itself."""

    __slots__ = ("factors", "conditions", "using", "natural")

    def __init__(self) -> None:
        self.factors: list[TableFactor] = []
        self.conditions: list[Node] = []
        self.using: list[str] = []
        self.natural = False


class Output:
    """An item of a SELECT list under its alias, "" for none."""

    __slots__ = ("value", "alias")

    def __init__(self, value: Node, alias: str) -> None:
        self.value = value
        self.alias = alias


class Select:
    """One SELECT.  ``distinct`` are the places of this word, None without it.  ``groups`` and
    ``orders`` are the items of these clauses, ``rollup`` is of the first; ``others`` are further
    expressions, as of LIMIT and of windows.  ``filtered`` is the end of WHERE."""

    __slots__ = (
        *("distinct", "outputs", "source", "where", "groups", "having", "orders", "others"),
        *("into", "rollup", "filtered"),
    )

    def __init__(self) -> None:
        self.distinct: tuple[int, int] | None = None
        self.outputs: list[Output] = []
        self.source = Joined()
        self.where: Node | None = None
        self.groups: list[Node] = []
        self.having: Node | None = None
        self.orders: list[Node] = []
        self.others: list[Node] = []
        self.into = False
        self.rollup = False
        self.filtered = 0


class Common:
    """A common table expression."""

    __slots__ = ("name", "columns", "query")

    def __init__(self, name: str, columns: Sequence[str], query: Query) -> None:
        self.name = name
        self.columns = columns
        self.query = query


class Query:
    """Selects with UNION and its like between them.  ``keeps_all``: each of these has ALL, and is
    UNION.  ``orders`` and ``others`` belong to the whole."""

    __slots__ = ("commons", "recursive", "branches", "keeps_all", "orders", "others")

    def __init__(self) -> None:
        self.commons: list[Common] = []
        self.recursive = False
        self.branches: list[Select | Query] = []
        self.keeps_all = True
        self.orders: list[Node] = []
        self.others: list[Node] = []


class Assignment:
    """``column = value``; the column by one to three names."""

    __slots__ = ("names", "value")

    def __init__(self, names: Sequence[str], value: Node) -> None:
        self.names = names
        self.value = value


class Insert:
    """INSERT or REPLACE.  ``columns`` is None where the text lists none; ``listed`` is the place
    where it may.  ``query`` stands in place of ``rows``.  ``alias`` and ``alias_columns`` name the
    row in ``updates``."""

    __slots__ = (
        *("table", "columns", "listed", "rows", "query", "alias", "alias_columns", "updates"),
        "returning",
    )

    def __init__(self, table: TableName) -> None:
        self.table = table
        self.columns: list[str] | None = None
        self.listed = table.end
        self.rows: list[list[Node]] = []
        self.query: Query | None = None
        self.alias = ""
        self.alias_columns: Sequence[str] = ()
        self.updates: list[Assignment] = []
        self.returning: list[Output] = []


class Update:
    """UPDATE of one table or of several."""

    __slots__ = ("commons", "recursive", "source", "assignments", "where", "orders", "others")

    def __init__(self) -> None:
        self.commons: list[Common] = []
        self.recursive = False
        self.source = Joined()
        self.assignments: list[Assignment] = []
        self.where: Node | None = None
        self.orders: list[Node] = []
        self.others: list[Node] = []


class Delete:
    """DELETE from one table or from several; which, is among the names of ``source``."""

    __slots__ = ("commons", "recursive", "source", "where", "orders", "others", "returning")

    def __init__(self) -> None:
        self.commons: list[Common] = []
        self.recursive = False
        self.source = Joined()
        self.where: Node | None = None
        self.orders: list[Node] = []
        self.others: list[Node] = []
        self.returning: list[Output] = []


Statement = Query | Insert | Update | Delete


def unsigned(item: Node) -> Node:
    """An expression without brackets and signs: a server takes a number so as well."""
    while len(item.items) == 1 and (
        item.kind == ROW or (item.kind == CALL and item.word in ("+", "-"))
    ):
        item = item.items[0]
    return item


def is_plain(query: Query) -> bool:
    """Tell whether a query is one SELECT without groups, whose columns are those of its rows."""
    one = query.branches[0]
    if len(query.branches) > 1:
        return False
    if isinstance(one, Query):
        return is_plain(one)
    return one.distinct is None and not one.groups


def bare(item: Node) -> Node:
    """An expression without the brackets around it."""
    while item.kind == ROW and len(item.items) == 1:
        item = item.items[0]
    return item
