"""The protected columns of a table whose stored values are changed, and the key by which its rows
are found.

A column is changed in place if its type holds both forms.  Otherwise a second column stands beside
it, ``NAME__acra``, which is filled row by row, and takes its name at the end.

Connections have `SETTINGS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from acra_twisted.encryption import canonical, secondnames
from acra_twisted.encryption.migrating import DECRYPT
from acra_twisted.encryption.mysql import storage
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
NUMBERS: Final = frozenset(("tinyint", "smallint", "mediumint", "int", "bigint", "decimal"))
# A timestamp is none: in the hour that a zone has twice its text means two.
TIMES: Final = frozenset(("date", "time", "datetime", "year"))
_TEXTS: Final = frozenset(("char", "varchar"))
SHORT_BYTES: Final = frozenset(("binary", "varbinary"))
#: Types whose values have a text: a timestamp has another one in each time zone, and that of a
#: float has six digits.
_READ: Final = (
    *(NUMBERS, TIMES, SHORT_BYTES, storage.BYTES, storage.TEXTS),
    frozenset(("char", "enum", "set", "json", "double", "uuid", "inet4", "inet6")),
)


class Part(NamedTuple):
    """A column to change: ``source`` is read, ``target`` written.  They are one in place."""

    setting: ColumnSetting
    source: Column
    target: Column

    @property
    def beside(self) -> bool:
        """Tell whether a second column is filled."""
        return self.source.name != self.target.name


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
        if setting is None:
            continue
        target = secondnames.written(column, setting, change, finder(table))
        if target is None:
            continue
        part = Part(setting, column, target)
        _check(table.table, part, change)
        found.append(part)
    return found


def finder(table: ProtectedTable) -> Callable[[str], Column | None]:
    """Return what finds a column of a table by its name."""
    return lambda name: table.columns.get(fold(name))


def _check(table: Table, part: Part, change: str) -> None:
    setting = part.setting
    name = f"column {label(table)}.{part.source.name}"
    if part.source.expression or part.target.expression:
        raise ConfigError(f"{name}: the database computes its values")
    if setting.kind == TOKENIZED and not part.beside:
        raise ConfigError(
            f"{name}: a token looks like any value, and is not told from it in one column; see "
            "--ddl, or leave it out by --columns"
        )
    misfit = storage.misfit(setting, part.source if change == DECRYPT else part.target)
    if misfit:
        remedy = "" if change == DECRYPT or part.beside else "; see --ddl"
        raise ConfigError(f"{name}: {misfit}{remedy}")
    if part.beside:
        check_text(table, part.source)
    if change == DECRYPT and setting.data_type == "bool":
        raise ConfigError(f"{name}: read its values through AcraServer, and write them elsewhere")


def check_text(table: Table, column: Column) -> None:
    """Raises ConfigError for a column whose values have no text that is the same everywhere, and
    says all of them."""
    if not any(column.type in kinds for kinds in _READ):
        raise ConfigError(
            f"column {label(table)}.{column.name}: values of its type {column.type} have no text "
            "that is the same everywhere; change the type first"
        )


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
    known = column.type in NUMBERS | TIMES | _TEXTS | SHORT_BYTES
    return known and not column.nullable and fold(column.name) not in table.settings


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


def stored(column: Column, text: bytes) -> bytes:
    """A value as it is shown: bytes of a column of bytes, else its text in UTF-8."""
    return text


def plaintext(part: Part, text: bytes) -> bytes:
    """The canonical plaintext of a value that was never encrypted.  Raises ValueRefusedError."""
    data_type, kind = part.setting.data_type, part.source.type
    if kind == "double":
        return canonical.canonical(data_type, text)
    return canonical.whole(data_type, text, kind in NUMBERS)
