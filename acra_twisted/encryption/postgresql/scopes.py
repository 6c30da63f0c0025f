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


class _Names:
    """The columns of one relation by their names."""

    __slots__ = ("named", "is_open", "is_unsure", "is_protected")

    def __init__(self, columns: Columns) -> None:
        self.named: dict[str, list[Value]] = {}
        for one in columns:
            self.named.setdefault(one.name, []).append(one.value)
        self.is_open = is_open(columns)
        #: A column whose name is not known may be a protected one.
        self.is_unsure = any(map(_matters, self.named.get("", ())))
        self.is_protected = holds_protected(columns)

    def value(self, name: str) -> Value | None:
        """The value of a column; None if there is none of that name, as far as is known."""
        found = self.named.get(name)
        if found:
            return found[0] if len(found) == 1 else _either(found)
        return UNSURE if self.is_unsure else None

    @property
    def row(self) -> Value:
        """The value of the whole row."""
        return UNSURE if self.is_protected else SOMETHING


class _Ranges:
    """The relations of a scope, looked through once, however many names are looked up in them."""

    __slots__ = (
        *("is_open", "is_protected", "_is_known", "_own", "_names", "_called", "_bare", "_found"),
        "_told",
    )

    def __init__(self) -> None:
        #: Columns that are named alone may be those of a table that is not known.
        self.is_open = False
        self.is_protected = False
        self._is_known = True
        self._own: list[_Names] = []
        self._names: set[str] = set()
        self._called: dict[str, list[tuple[Range, _Names]]] = {}
        # By the name of a column, and under "" those that may have any.
        self._bare: dict[str, list[_Names]] = {}
        self._found: dict[str, Value | None] = {}
        self._told: dict[str, bool] = {}

    def look_through(self, ranges: Sequence[Range]) -> None:
        """Take in the relations behind those that are known."""
        if len(ranges) == len(self._own):
            return
        self._found.clear()
        self._told.clear()
        for one in ranges[len(self._own) :]:
            own = _Names(one.columns)
            self._own.append(own)
            self._called.setdefault(one.name, []).append((one, own))
            self._names.update(own.named)
            self._is_known = self._is_known and not (own.is_open or own.is_unsure)
            self.is_protected = self.is_protected or own.is_protected
            self.is_open = self.is_open or (one.bare and own.is_open)
            for name in own.named if one.bare else ():
                if name or own.is_unsure:
                    self._bare.setdefault(name, []).append(own)

    def called(self, schema: str, name: str) -> tuple[Range, _Names] | None:
        """The relation that a qualified name means; None if none does."""
        for found in self._called.get(name, ()):
            if not schema or found[0].schema == schema:
                return found
        return None

    def value(self, name: str) -> Value | None:
        """The value of a column that is named alone; None if no relation has one."""
        if name not in self._found:
            having = self._bare.get(name, [])
            values = [value for value in (own.value(name) for own in having) if value is not None]
            if len(self._bare.get("", ())) > sum(own.is_unsure for own in having):
                values.append(UNSURE)
            found = values[0] if len(values) == 1 else _either(values)
            self._found[name] = found if values else None
        return self._found[name]

    def tells(self, name: str) -> bool:
        """Tell whether one relation alone has a column of that name, and its columns are known."""
        if name not in self._told:
            having = [own for own in self._own if own.value(name) is not None]
            self._told[name] = len(having) == 1 and not having[0].is_open
        return self._told[name]

    def lacks(self, name: str) -> bool:
        """Tell whether no relation has a column of that name, and all columns are known."""
        return self._is_known and name not in self._names


class Scope:
    """The relations of a statement, of those around it, and the names of common table expressions.

    ``tables`` are those expressions by name.  More may be put behind the ``ranges`` later.
    """

    __slots__ = ("ranges", "outer", "tables", "_known")

    def __init__(
        self,
        ranges: Sequence[Range] = (),
        outer: Scope | None = None,
        tables: Mapping[str, Columns] = _NO_TABLES,
    ) -> None:
        self.ranges = ranges
        self.outer = outer
        self.tables: Mapping[str, Columns] = tables or (outer.tables if outer else _NO_TABLES)
        self._known: _Ranges | None = None

    def inside(self, ranges: Sequence[Range]) -> Scope:
        """The scope of expressions that see further relations."""
        return Scope(ranges, self)

    def column(self, fields: Sequence[str]) -> Value:
        """The value of a column reference by the names that it is written with."""
        if len(fields) == 1:
            return self._bare(fields[0])
        found = self._called(fields[-3] if len(fields) > 2 else "", fields[-2])
        if found is None:
            return UNSURE
        name = fields[-1]
        names = found[1]
        if name == "*":
            return names.row
        value = names.value(name)
        if value is not None:
            return value
        if names.is_open:
            return PLAIN_COLUMN
        # A function of the row may be written like a column.
        return SOMETHING if name in _SYSTEM_COLUMNS else names.row

    def is_missing(self, fields: Sequence[str]) -> bool:
        """Tell whether a column that is named alone is in no relation, where all columns of these
        are known, and some are protected.  The database would write such a statement, and what is
        compared with the column, to its log."""
        if len(fields) != 1 or fields[0] in _SYSTEM_COLUMNS or self.range("", fields[0]):
            return False
        holds = False
        scope: Scope | None = self
        while scope is not None:
            known = scope._looked_through()
            if not known.lacks(fields[0]):
                return False
            holds = holds or known.is_protected
            scope = scope.outer
        return holds

    def has(self, name: str) -> bool:
        """Tell whether a column that is named alone is, or may be, one of this scope's own
        relations."""
        return self._looked_through().value(name) is not None

    def tells(self, name: str) -> bool:
        """Tell whether one of this scope's own relations alone has a column of that name, and all
        columns of that one are known."""
        return self._looked_through().tells(name)

    @property
    def is_open(self) -> bool:
        """A column that is named alone may be one of its own relations that is not known."""
        return self._looked_through().is_open

    def range(self, schema: str, name: str) -> Range | None:
        """The relation that a qualified name means; None if none does."""
        found = self._called(schema, name)
        return None if found is None else found[0]

    def _called(self, schema: str, name: str) -> tuple[Range, _Names] | None:
        scope: Scope | None = self
        while scope is not None:
            found = scope._looked_through().called(schema, name)
            if found is not None:
                return found
            scope = scope.outer
        return None

    def _looked_through(self) -> _Ranges:
        if self._known is None:
            self._known = _Ranges()
        self._known.look_through(self.ranges)
        return self._known

    def _bare(self, name: str) -> Value:
        may_hide = False
        scope: Scope | None = self
        while scope is not None:
            known = scope._looked_through()
            value = known.value(name)
            if value is not None:
                return _perhaps(value) if may_hide else value
            may_hide = may_hide or known.is_open
            scope = scope.outer
        whole = self._called("", name)
        return PLAIN_COLUMN if whole is None else whole[1].row


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
