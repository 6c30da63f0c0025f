"""The tables that an expression can name, and what a column means among them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from acra_twisted.encryption.mysql.protection import LACKS_NOTHING, Lacking, ProtectedTable
from acra_twisted.encryption.mysql.values import (
    NOT_SURE,
    PLAIN,
    UNSURE,
    Columns,
    Leaf,
    Output,
    Value,
    holds_protected,
    is_protected,
)
from acra_twisted.sql.mysqlnames import fold

_NO_COMMONS: Final[Mapping[str, Columns]] = {}


class Range(NamedTuple):
    """A table of a FROM clause, or what stands for one.

    ``name`` is its alias or its own, as tables are compared; ``database`` is where a table without
    an alias is.  ``table`` is set for one with protected columns, ``view`` for a view of one that
    can be written like a table.  ``lacking`` tells the protected columns that the table has not.
    """

    name: str
    columns: Columns
    database: str | None = ""
    table: ProtectedTable | None = None
    view: ProtectedTable | None = None
    lacking: Lacking = LACKS_NOTHING

    @property
    def written(self) -> ProtectedTable | None:
        """The table or the view that can be written, None for any other."""
        return self.table or self.view

    @property
    def is_open(self) -> bool:
        """Tell whether it may have columns that are not known."""
        return any(one.rest for one in self.columns)

    def column(self, name: str) -> Value | None:
        """Tell what a column is; None if there is none of that name, as far as is known."""
        found = [one.value for one in self.columns if one.name == name and not one.rest]
        if found:
            return found[0] if len(found) == 1 else NOT_SURE
        if any(one.rest and is_protected(one.value) for one in self.columns):
            return NOT_SURE
        return None


class Scope:
    """The tables of a statement and those of the statements around it.

    ``commons`` are common table expressions by their names.  ``aliases`` are columns that clauses
    behind the list of SELECT may name.
    """

    __slots__ = ("ranges", "outer", "commons", "aliases")

    def __init__(
        self,
        ranges: Sequence[Range] = (),
        outer: Scope | None = None,
        commons: Mapping[str, Columns] = _NO_COMMONS,
        aliases: Sequence[Output] = (),
    ) -> None:
        self.ranges = ranges
        self.outer = outer
        self.commons: Mapping[str, Columns] = commons or (outer.commons if outer else _NO_COMMONS)
        self.aliases = aliases

    def column(self, names: Sequence[str], compared: Callable[[str], str]) -> Value:
        """Tell what a column is by the names that it is written with; ``compared`` gives a table's
        name as it is compared."""
        name = fold(names[-1])
        if len(names) == 1:
            return self._bare(name)
        database = compared(names[-3]) if len(names) > 2 else ""
        table = compared(names[-2])
        is_there = holds = hidden = False
        scope: Scope | None = self
        while scope is not None:
            found = named(scope.ranges, table, database)
            values = [value for one in found if (value := one.column(name)) is not None]
            if values:
                # Two databases may have tables of one name, and only one of them the column.
                is_sure = len(values) == 1 and (len(found) == 1 or not _is_any_open(found))
                if is_sure and not hidden:
                    return values[0]
                return NOT_SURE if any(map(is_protected, values)) else PLAIN
            is_there = is_there or bool(found)
            # A column that is not known hides those of the tables around.
            hidden = hidden or _is_any_open(found)
            holds = holds or any(holds_protected(one.columns) for one in found)
            scope = scope.outer
        return PLAIN if is_there and (hidden or not holds) else NOT_SURE

    def _bare(self, name: str) -> Value:
        hidden = holds = False
        scope: Scope | None = self
        while scope is not None:
            found = [value for one in scope.ranges if (value := one.column(name)) is not None] + [
                one.value for one in scope.aliases if one.name == name
            ]
            if found:
                value = found[0] if all(one == found[0] for one in found) else _either(found)
                # One of an inner table that is not known may be meant.
                return NOT_SURE if hidden and is_protected(value) else value
            hidden = hidden or any(one.is_open for one in scope.ranges)
            holds = holds or any(holds_protected(one.columns) for one in scope.ranges)
            scope = scope.outer
        # The server would write a statement with a column that is not there to its log.
        return NOT_SURE if holds and not hidden else PLAIN


def named(ranges: Sequence[Range], name: str, database: str = "") -> list[Range]:
    """The tables of a statement that a name may mean, with its database or without: several, where
    databases have tables of one name.  One whose database is not known may be in any."""
    return [
        one
        for one in ranges
        if one.name == name and (not database or one.database in (database, None))
    ]


def _is_any_open(ranges: Sequence[Range]) -> bool:
    return any(one.is_open for one in ranges)


def _either(values: Sequence[Value]) -> Value:
    """Several columns of one name."""
    if any(map(is_protected, values)):
        return (Leaf(UNSURE),)
    return PLAIN


def renamed(columns: Columns, names: Sequence[str]) -> Columns | None:
    """Columns under other names; None if it is not known which has which."""
    if not names:
        return columns
    if len(names) != len(columns) or any(one.rest for one in columns):
        return None
    return [one._replace(name=fold(name)) for one, name in zip(columns, names, strict=True)]
