"""Statements that change the stored values of a table's protected columns in place.

Rows are found by the table's key.  A row is locked and read again before it is written: one that
somebody has changed meanwhile is left alone, and no statement sends a value in order to compare it.

Connections have `SETTINGS`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from acra_twisted.encryption import canonical
from acra_twisted.encryption.migrating import DECRYPT, ENCRYPT
from acra_twisted.encryption.mysql import storage
from acra_twisted.encryption.mysql.belt import quoted
from acra_twisted.encryption.mysql.protection import ProtectedTable
from acra_twisted.encryption.mysql.schema import Column, Table
from acra_twisted.encryption.settings import TOKENIZED, ColumnSetting
from acra_twisted.errors import ConfigError
from acra_twisted.sql.mysqlnames import fold

#: Statements with which a connection begins: what is written is what was sent or an error; and a
#: transaction sees one moment.
SETTINGS: Final = (
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'",
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "SET SESSION autocommit = 1, SESSION sql_select_limit = DEFAULT, "
    "SESSION innodb_lock_wait_timeout = 1, SESSION lock_wait_timeout = 5",
)
_NUMBERS: Final = frozenset(("tinyint", "smallint", "mediumint", "int", "bigint", "decimal"))
# A timestamp is none: in the hour that a zone has twice its text means two.
_TIMES: Final = frozenset(("date", "time", "datetime", "year"))
_TEXTS: Final = frozenset(("char", "varchar"))
_BYTES: Final = frozenset(("binary", "varbinary"))
_DIGITS: Final = frozenset(b"0123456789-.: ")
#: Rows, and bytes of values, that are written at a time: a server goes through the rows of a
#: statement for each of them, and takes statements of a certain length.
_ROWS: Final = 50
_BYTES_AT_ONCE: Final = 1 << 16
#: Bytes of the plain form of a value that is not of characters or bytes.
_SHORT: Final = 40
_BLOBS: Final = ((1 << 16) - 1, "BLOB"), ((1 << 24) - 1, "MEDIUMBLOB"), ((1 << 32) - 1, "LONGBLOB")
_VARBINARY_MAX: Final = 8000


class Part(NamedTuple):
    """A column to change."""

    setting: ColumnSetting
    source: Column

    @property
    def target(self) -> Column:
        """Return the same column: it is changed in place."""
        return self.source

    @property
    def beside(self) -> bool:
        """Tell that there is no second column."""
        return False


class NewValues(NamedTuple):
    """The values to write into a row, by the numbers of their parts; ``key`` is the row's."""

    key: Sequence[bytes]
    values: Mapping[int, bytes]


class Key(NamedTuple):
    """The columns by which rows are found, and the name of their index."""

    index_name: str
    columns: Sequence[Column]


class Facts(NamedTuple):
    """Facts of a table that its schema does not tell: an estimate of its rows, why its rows cannot
    be changed safely, empty if they can, and the columns that every change sets to the time."""

    rows: int
    trouble: str
    clocks: Sequence[str]


def label(table: Table) -> str:
    """A table as messages name it."""
    return f"{table.database}.{table.name}"


def parts(table: ProtectedTable, change: str) -> Sequence[Part]:
    """The columns of a table to change.  Raises ConfigError for one that cannot be changed as it
    is."""
    found = []
    for name, column in table.columns.items():
        setting = table.settings.get(name)
        if setting is None or (setting.kind == TOKENIZED and change not in (ENCRYPT, DECRYPT)):
            continue
        _check(table.table, setting, column, change)
        found.append(Part(setting, column))
    return found


def _check(table: Table, setting: ColumnSetting, column: Column, change: str) -> None:
    name = f"column {label(table)}.{column.name}"
    if column.expression:
        raise ConfigError(f"{name}: the database computes its values")
    if setting.kind == TOKENIZED:
        raise ConfigError(
            f"{name}: a token looks like any value, and is not told from it; write the rows again "
            "through AcraServer"
        )
    misfit = storage.misfit(setting, column)
    if misfit:
        raise ConfigError(f"{name}: {misfit}; see --ddl")
    if change == DECRYPT and setting.data_type == "bool":
        raise ConfigError(f"{name}: read its values through AcraServer, and write them elsewhere")


def key(table: ProtectedTable) -> Key:
    """The key by which rows are found: the primary one, or another that is unique and has no NULL.
    Raises ConfigError if there is none that serves."""
    indexes = sorted(table.table.indexes, key=lambda index: (index.name != "PRIMARY", index.name))
    for index in indexes:
        columns = [table.columns.get(fold(part.column)) for part in index.parts]
        if not index.unique or any(part.length for part in index.parts):
            continue
        found = [one for one in columns if one is not None and _serves(table, one)]
        if len(found) == len(columns):
            return Key(index.name, found)
    raise ConfigError(
        f"table {label(table.table)}: it needs a primary key, or a unique one without NULL, of "
        "whole columns of numbers, characters, bytes or times that are not protected"
    )


def _serves(table: ProtectedTable, column: Column) -> bool:
    known = column.type in _NUMBERS | _TIMES | _TEXTS | _BYTES
    return known and not column.nullable and fold(column.name) not in table.settings


# -- definitions ----------------------------------------------------------------------------------


def definitions(table: ProtectedTable) -> Sequence[str]:
    """The statements that make columns hold both the plain and the stored form of their values."""
    changes = []
    for name, column in table.columns.items():
        setting = table.settings.get(name)
        if setting is None or setting.kind == TOKENIZED or not storage.misfit(setting, column):
            continue
        null = "" if column.nullable else " NOT NULL"
        changes.append(f"MODIFY {quoted(column.name)} {_type(setting, column)}{null}")
    if not changes:
        return []
    own = quoted(table.table.database, table.table.name)
    return [f"ALTER TABLE {own} {', '.join(changes)};"]


def _type(setting: ColumnSetting, column: Column) -> str:
    """A type for the stored form of values as long as the column has."""
    need = (column.length if column.length > 0 else _SHORT) + storage.overhead(setting)
    if need <= _VARBINARY_MAX:
        return f"VARBINARY({need})"
    return next((name for size, name in _BLOBS if need <= size), _BLOBS[-1][1])


def facts_question(table: Table) -> str:
    """The question for `Facts`; its answer is for `read_facts`."""
    where = " AND ".join(
        f"{name} = _utf8mb4 x'{value.encode().hex()}'"
        for name, value in (("TABLE_SCHEMA", table.database), ("TABLE_NAME", table.name))
    )
    return (
        "SELECT 'table', LOWER(ENGINE), LOWER(TABLE_TYPE), CAST(TABLE_ROWS AS CHAR) "  # noqa: S608 - hex
        f"FROM information_schema.TABLES WHERE {where} UNION ALL SELECT 'clock', "
        "HEX(CONVERT(COLUMN_NAME USING utf8mb4)), NULL, NULL FROM information_schema.COLUMNS "
        f"WHERE {where} AND EXTRA LIKE '%on update%'"
    )


def read_facts(rows: Sequence[Sequence[bytes | None]]) -> Facts:
    """Read the answer to `facts_question`.  Raises ConfigError for another one."""
    number, trouble, clocks = -1, "", []
    for kind, first, second, third in rows:
        if kind == b"clock":
            clocks.append(bytes.fromhex((first or b"").decode("ascii", "replace")).decode())
            continue
        number = int(third or b"0")
        if second == b"view":
            trouble = "it is a view; name its tables"
        elif first != b"innodb":
            trouble = "its engine has no transactions; make it InnoDB"
        elif second != b"base table":
            trouble = (
                "it keeps former rows, and with them the values that are changed; end its "
                "versioning first"
            )
    if number < 0:
        raise ConfigError("the database's answer about a table is not understood")
    return Facts(number, trouble, clocks)


# -- rows -----------------------------------------------------------------------------------------


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
        self._shown = ", ".join([self._order, *(quoted(part.source.name) for part in wanted)])

    def read(self, behind: Sequence[bytes] | None, most: int) -> str:
        """The question for rows in the order of their keys, behind one, None for the first: key,
        and the value of each part."""
        where = "" if behind is None else f" WHERE {self._behind(behind)}"
        # Names are in quotes, and everything else is a literal of ours.
        return (
            f"SELECT {self._shown} FROM {self._forced}{where} "  # noqa: S608 - quoted, or ours
            f"ORDER BY {self._order} LIMIT {most}"
        )

    def place(self, number: int) -> str:
        """The question for the key of a row by its number in this order, from 1."""
        return (
            f"SELECT {self._order} FROM {self._forced} "  # noqa: S608 - quoted, or ours
            f"ORDER BY {self._order} LIMIT 1 OFFSET {number - 1}"
        )

    def lock(self, keys: Sequence[Sequence[bytes]]) -> str:
        """The question for rows, which nobody else may change from then on."""
        return f"{self.again(keys)} FOR UPDATE{self._skip}"

    def again(self, keys: Sequence[Sequence[bytes]]) -> str:
        """The question for rows as they are now."""
        where = " OR ".join(f"({self._is(one)})" for one in keys)
        return f"SELECT {self._shown} FROM {self._forced} WHERE {where}"  # noqa: S608 - quoted, or ours

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
                f"WHEN {condition} THEN x'{one.values[at].hex()}'"
                for one, condition in zip(rows, conditions, strict=True)
                if at in one.values
            ]
            if cases:
                name = quoted(part.source.name)
                sets.append(f"{name} = CASE {' '.join(cases)} ELSE {name} END")
        where = " OR ".join(f"({condition})" for condition in conditions)
        return (
            f"UPDATE {self._forced} SET {', '.join(sets)}{self._clocks} "  # noqa: S608 - quoted, or ours
            f"WHERE {where}"
        )

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
    if column.type in _NUMBERS | _TIMES:
        if not cell or not _DIGITS.issuperset(cell):
            raise ConfigError(f"a value of {column.name} in the key is not understood")
        text = cell.decode("ascii")
        return text if column.type in _NUMBERS else f"'{text}'"
    return f"x'{cell.hex()}'" if column.type in _BYTES else f"_utf8mb4 x'{cell.hex()}'"


def stored(column: Column, text: bytes) -> bytes:
    """A value as its column shows it, which is of bytes."""
    return text


def plaintext(part: Part, text: bytes) -> bytes:
    """The canonical plaintext of a value that was never encrypted.  Raises ValueRefusedError."""
    return canonical.canonical(part.setting.data_type, text)
