"""The relations that an expression can name, and what a column reference means among them.

Source: PostgreSQL's parse_relation.c (colNameToVar, refnameNamespaceItem).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from acra_twisted.encryption.postgresql.values import (
    OPEN,
    OTHER,
    PLAIN_COLUMN,
    PROTECTED,
    SOMETHING,
    UNCLEAR,
    UNSURE,
    Columns,
    Leaf,
    Output,
    Value,
    holds_protected,
    is_open,
)

_SYSTEM_COLUMNS: Final = frozenset(("tableoid", "ctid", "xmin", "xmax", "cmin", "cmax"))
_NO_TABLES: Final[Mapping[str, Columns]] = MappingProxyType({})


class Range(NamedTuple):
    """A relation of a FROM clause, or what stands for one.

    ``name`` is its alias or its own; ``schema`` is where a table without an alias stands, as the
    text says it.  ``bare``: its columns may be named alone.
    """

    name: str
    columns: Columns
    schema: str = ""
    bare: bool = True

    def column(self, name: str) -> Value | None:
        """The value of a column; None if there is none of that name, as far as is known."""
        found = [output.value for output in self.columns if output.name == name]
        if found:
            return found[0] if len(found) == 1 else _either(found)
        if any(not output.name and _matters(output.value) for output in self.columns):
            return UNSURE
        return None

    @property
    def row(self) -> Value:
        """The value of the whole row."""
        return UNSURE if holds_protected(self.columns) else SOMETHING


class Scope:
    """The relations of a statement, of those around it, and the names of common table expressions.

    ``tables`` are those expressions by name.
    """

    __slots__ = ("ranges", "outer", "tables")

    def __init__(
        self,
        ranges: Sequence[Range] = (),
        outer: Scope | None = None,
        tables: Mapping[str, Columns] = _NO_TABLES,
    ) -> None:
        self.ranges = ranges
        self.outer = outer
        self.tables: Mapping[str, Columns] = tables or (outer.tables if outer else _NO_TABLES)

    def inside(self, ranges: Sequence[Range]) -> Scope:
        """The scope of expressions that see further relations."""
        return Scope(ranges, self)

    def column(self, fields: Sequence[str]) -> Value:
        """The value of a column reference by the names that it is written with."""
        if len(fields) == 1:
            return self._bare(fields[0])
        qualifier, name = fields[-2], fields[-1]
        schema = fields[-3] if len(fields) > 2 else ""
        found = self.range(schema, qualifier)
        if found is None:
            return UNSURE
        if name == "*":
            return found.row
        value = found.column(name)
        if value is not None:
            return value
        if is_open(found.columns):
            return PLAIN_COLUMN
        # A function of the row may be written like a column.
        return SOMETHING if name in _SYSTEM_COLUMNS else found.row

    def is_missing(self, fields: Sequence[str]) -> bool:
        """Tell whether a column that is named alone is in no relation, where all columns of these
        are known, and some are protected.  The database would write such a statement, and what is
        compared with the column, to its log."""
        if len(fields) != 1 or fields[0] in _SYSTEM_COLUMNS or self.range("", fields[0]):
            return False
        holds = False
        scope: Scope | None = self
        while scope is not None:
            for one in scope.ranges:
                if is_open(one.columns) or one.column(fields[0]) is not None:
                    return False
                holds = holds or holds_protected(one.columns)
            scope = scope.outer
        return holds

    def range(self, schema: str, name: str) -> Range | None:
        """The relation that a qualified name means; None if none does."""
        scope: Scope | None = self
        while scope is not None:
            for one in scope.ranges:
                if one.name == name and (not schema or one.schema == schema):
                    return one
            scope = scope.outer
        return None

    def _bare(self, name: str) -> Value:
        may_hide = False
        scope: Scope | None = self
        while scope is not None:
            ranges = [one for one in scope.ranges if one.bare]
            values = [one.column(name) for one in ranges]
            found = [value for value in values if value is not None]
            if found:
                value = found[0] if len(found) == 1 else _either(found)
                return _perhaps(value) if may_hide else value
            may_hide = may_hide or any(is_open(one.columns) for one in ranges)
            scope = scope.outer
        whole = self.range("", name)
        if whole is not None:
            return whole.row
        return PLAIN_COLUMN


def renamed(columns: Columns, names: Sequence[str]) -> Columns:
    """Columns under the names of an alias; those that it does not name keep their own."""
    found: list[Output] = []
    for number, one in enumerate(columns):
        if one.rest and len(names) > number:
            # Which of them have the other names is not known.
            value = UNSURE if holds_protected(columns[number:]) else PLAIN_COLUMN
            found += (Output(name, value) for name in names[number:])
            return (*found, Output("", value, True))
        found.append(one._replace(name=names[number]) if number < len(names) else one)
    return tuple(found)


def _matters(value: Value) -> bool:
    return any(leaf.kind not in (OTHER, OPEN) for leaf in value)


def _either(values: Sequence[Value]) -> Value:
    """Several columns of one name: JOIN ... USING makes them one."""
    return tuple(dict.fromkeys(leaf for value in values for leaf in value))


def _perhaps(value: Value) -> Value:
    """A column of an outer query that one of an inner table may hide."""
    leaves = [Leaf(UNCLEAR) if leaf.kind == PROTECTED else leaf for leaf in value]
    return (*leaves, Leaf(OTHER))
