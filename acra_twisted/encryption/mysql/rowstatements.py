"""Statements that read and write the stored values of a table's protected columns, row by row.

Rows are found by the table's key.  A row is locked and read again before it is written: one that
somebody has changed meanwhile is left alone, and no statement sends a value in order to compare it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from acra_twisted.encryption.mysql.belt import quoted
from acra_twisted.encryption.mysql.moving import NUMBERS, SHORT_BYTES, TIMES, Key, Part
from acra_twisted.encryption.mysql.schema import Column, Table
from acra_twisted.encryption.mysql.storage import BYTES
from acra_twisted.errors import ConfigError

_DIGITS: Final = frozenset(b"0123456789-.: ")
#: Rows, and bytes of values, that are written at a time: a server goes through the rows of a
#: statement for each of them, and takes statements of a certain length.
_ROWS: Final = 50
_BYTES_AT_ONCE: Final = 1 << 16


class NewValues(NamedTuple):
    """The values to write into a row, by the numbers of their parts; ``key`` is the row's."""

    key: Sequence[bytes]
    values: Mapping[int, bytes]


class Rows:
    """The statements about the rows of one table.

    A key is given as its cells, in the order of its columns.  ``skip`` is what is said behind
    ``FOR UPDATE``, so that nobody is waited for.
    """

    def __init__(
        self,
        table: Table,
        found_by: Key,
        wanted: Sequence[Part],
        clocks: Sequence[str] = (),
        skip: str = "SKIP LOCKED",
    ) -> None:
        self._table = quoted(table.database, table.name)
        self._key = found_by.columns
        # Without it a small table may be read, and locked, as a whole.
        self._forced = f"{self._table} FORCE INDEX ({quoted(found_by.index_name)})"
        self._parts = wanted
        self._clocks = "".join(f", {quoted(name)} = {quoted(name)}" for name in clocks)
        self._skip = f" {skip}" if skip else ""
        self._order = ", ".join(quoted(column.name) for column in self._key)
        self._due = ", ".join([self._order, *map(_due, wanted)])
        self._written = ", ".join([self._order, *(_text(part.target) for part in wanted)])
        both = (_text(column) for part in wanted for column in (part.source, part.target))
        self._both = ", ".join([self._order, *both])

    def read(self, behind: Sequence[bytes] | None, most: int) -> str:
        """The question for rows in the order of their keys, behind one, None for the first: key,
        and the value of each part, NULL for one that needs no change."""
        return self._read(self._due, behind, most)

    def pairs(self, behind: Sequence[bytes] | None, most: int) -> str:
        """The same question for key, and the values of the first and of the second column of each
        part."""
        return self._read(self._both, behind, most)

    def _read(self, shown: str, behind: Sequence[bytes] | None, most: int) -> str:
        where = "" if behind is None else f" WHERE {self._behind(behind)}"
        # Names are in quotes, and everything else is a literal of ours.
        return (
            f"SELECT {shown} FROM {self._forced}{where} "  # noqa: S608 - quoted, or ours
            f"ORDER BY {self._order} LIMIT {most}"
        )

    def place(self, number: int) -> str:
        """The question for the key of a row by its number in this order, from 1."""
        return (
            f"SELECT {self._order} FROM {self._forced} "  # noqa: S608 - quoted, or ours
            f"ORDER BY {self._order} LIMIT 1 OFFSET {number - 1}"
        )

    def lock(self, keys: Sequence[Sequence[bytes]]) -> str:
        """The question of `read` for some rows, which nobody else may change from then on."""
        return f"{self._some(self._due, keys)} FOR UPDATE{self._skip}"

    def again(self, keys: Sequence[Sequence[bytes]]) -> str:
        """The question for what the columns that are written hold in some rows now."""
        return self._some(self._written, keys)

    def _some(self, shown: str, keys: Sequence[Sequence[bytes]]) -> str:
        return f"SELECT {shown} FROM {self._forced} WHERE {self._any(keys)}"  # noqa: S608 - quoted, or ours

    def empty(self, keys: Sequence[Sequence[bytes]]) -> Iterator[str]:
        """The statements that empty second columns of rows, some rows at a time."""
        sets = ", ".join(f"{quoted(part.target.name)} = NULL" for part in self._parts)
        for begin in range(0, len(keys), _ROWS):
            where = self._any(keys[begin : begin + _ROWS])
            yield f"UPDATE {self._forced} SET {sets}{self._clocks} WHERE {where}"  # noqa: S608 - quoted, or ours

    def writes(self, rows: Sequence[NewValues]) -> Iterator[str]:
        """The statements that write values into rows, some rows at a time."""
        some: list[NewValues] = []
        size = 0
        for one in rows:
            own = sum(map(len, one.values.values()))
            if some and (len(some) == _ROWS or size + own > _BYTES_AT_ONCE):
                yield self._write(some)
                some, size = [], 0
            some.append(one)
            size += own
        if some:
            yield self._write(some)

    def _write(self, rows: Sequence[NewValues]) -> str:
        conditions = [self._is(one.key) for one in rows]
        sets = []
        for at, part in enumerate(self._parts):
            cases = [
                f"WHEN {condition} THEN {_written(part.target, one.values[at])}"
                for one, condition in zip(rows, conditions, strict=True)
                if at in one.values
            ]
            if cases:
                name = quoted(part.target.name)
                sets.append(f"{name} = CASE {' '.join(cases)} ELSE {name} END")
        where = " OR ".join(f"({condition})" for condition in conditions)
        return (
            f"UPDATE {self._forced} SET {', '.join(sets)}{self._clocks} "  # noqa: S608 - quoted, or ours
            f"WHERE {where}"
        )

    def _any(self, keys: Sequence[Sequence[bytes]]) -> str:
        return " OR ".join(f"({self._is(one)})" for one in keys)

    def _is(self, row: Sequence[bytes]) -> str:
        return " AND ".join(
            f"{quoted(column.name)} = {literal(column, cell)}"
            for column, cell in zip(self._key, row, strict=True)
        )

    def _behind(self, row: Sequence[bytes]) -> str:
        """The condition that a key comes behind another."""
        found = ""
        for column, cell in reversed(list(zip(self._key, row, strict=True))):
            name, value = quoted(column.name), literal(column, cell)
            found = (
                f"({name} > {value} OR ({name} = {value} AND {found}))"
                if found
                else f"{name} > {value}"
            )
        return found


def literal(column: Column, cell: bytes) -> str:
    """A cell of a column of a key as statements have it."""
    if column.type in NUMBERS | TIMES:
        if not cell or not _DIGITS.issuperset(cell):
            raise ConfigError(f"a value of {column.name} in the key is not understood")
        text = cell.decode("ascii")
        return text if column.type in NUMBERS else f"'{text}'"
    return f"x'{cell.hex()}'" if column.type in SHORT_BYTES else f"_utf8mb4 x'{cell.hex()}'"


def _text(column: Column) -> str:
    """The expression of a value's bytes, or of its text in UTF-8, whatever set the answer has."""
    name = quoted(column.name)
    if column.type in BYTES or column.type in SHORT_BYTES:
        return name
    return f"CAST(CONVERT({name} USING utf8mb4) AS BINARY)"


def _due(part: Part) -> str:
    """The expression of a value that may need a change, NULL for one that needs none."""
    if not part.beside:
        return _text(part.source)
    source, target = quoted(part.source.name), quoted(part.target.name)
    return f"CASE WHEN {source} IS NOT NULL AND {target} IS NULL THEN {_text(part.source)} END"


def _written(column: Column, value: bytes) -> str:
    """A value as a statement has it: a number would be read out of digits of bytes."""
    return f"x'{value.hex()}'" if column.type in BYTES else f"_utf8mb4 x'{value.hex()}'"
