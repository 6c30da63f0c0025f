"""Findings: what does not fit between the configuration of protected columns and a MySQL server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from acra_twisted.encryption import searching
from acra_twisted.encryption.misfits import ERROR, NOTICE, ROWS, WARNING, Finding
from acra_twisted.encryption.mysql import belt, storage
from acra_twisted.encryption.mysql.protection import ProtectedTable, Protection
from acra_twisted.encryption.mysql.schema import EVENT, ROUTINE, TRIGGER, VIEW, Column, Index
from acra_twisted.encryption.settings import SEARCHABLE, TOKENIZED, ColumnSetting, TableSetting
from acra_twisted.nearest import meant
from acra_twisted.sql.mysqlnames import fold

#: Findings about code that are told one by one.
_MANY: Final = 100
#: Character sets in which ASCII has other bytes: a token is not what is compared there.
_WIDE: Final = ("ucs2", "utf16", "utf16le", "utf32")
_CODE: Final = {
    VIEW: "this view uses a protected table; it can be read if it shows columns as they are, and "
    "is not written to",
    ROUTINE: "this routine uses a protected table or check_constraint_checks, sets a role or runs "
    "text that is not its own, or its text is not shown; calls are refused",
    TRIGGER: "this trigger uses a protected table, and may write plaintext to it, or sets a role: "
    "statements on its table are refused then",
    EVENT: "this event uses a protected table, and may write plaintext to it",
}


def findings(protection: Protection, tables: Iterable[str] = ()) -> list[Finding]:
    """All findings, in the order of the configuration.

    ``tables`` are the names of the server's tables, for the nearest one.
    """
    known = list(tables)
    found: list[Finding] = []
    for setting in protection.settings.tables:
        found += _configured(protection, setting, known)
    for table in protection.tables:
        for name, column in table.columns.items():
            own = table.settings.get(name)
            if own is not None:
                found += _column(protection, table, column, own)
        found += _triggers(protection, table)
    if protection.tables and not protection.schema.checked:
        found.append(
            Finding(
                WARNING,
                "",
                "check_constraint_checks of the server is off: no CHECK keeps plaintext out of "
                "protected columns",
                "Set check_constraint_checks = ON.",
            )
        )
    if protection.tables and not protection.schema.strict:
        found.append(
            Finding(
                WARNING,
                "",
                "sql_mode of the server is not strict: it cuts values that are too long, and what "
                "is left of an encrypted one opens no more",
                "Set STRICT_TRANS_TABLES in sql_mode.",
            )
        )
    found += _code(protection)
    return found


def _configured(
    protection: Protection, setting: TableSetting, known: Sequence[str]
) -> Iterator[Finding]:
    """Findings about a table of the configuration."""
    label = setting.label
    tables = [one for one in protection.schema.tables if protection.setting_of(one) is setting]
    if not tables:
        yield Finding(ERROR, label, f"the server has no such table{meant(setting.name, known)}")
    if len(tables) > 1:
        places = ", ".join(sorted(one.database for one in tables))
        text = f"it means the tables of that name in databases {places}"
        yield Finding(NOTICE, label, text, "Name the database.")
    for table in tables:
        names = [fold(column.name) for column in table.columns]
        for name, own in setting.protected.items():
            if fold(name) not in names:
                text = f"table {table.database}.{table.name} has no such column{meant(name, names)}"
                yield Finding(ERROR, own.label, text)
        shown = [fold(column.name) for column in table.columns if not column.invisible]
        if setting.columns and [fold(one) for one in setting.columns] not in (names, shown):
            yield Finding(
                WARNING,
                label,
                f"columns is not the order of table {table.database}.{table.name}; the table's "
                "own is used",
                "Leave columns out.",
            )


def _column(
    protection: Protection, table: ProtectedTable, column: Column, setting: ColumnSetting
) -> Iterator[Finding]:
    """Findings about a protected column."""
    misfit = storage.misfit(setting, column)
    if misfit:
        yield Finding(
            ERROR, setting.label, misfit, f"Make it {storage.recommended(setting)}; {ROWS}."
        )
    elif setting.kind == TOKENIZED and column.charset in _WIDE:
        text = f"its character set {column.charset} has other bytes for the letters of tokens"
        yield Finding(ERROR, setting.label, text, "Make it utf8mb4.")
    if column.default_in_clear:
        yield Finding(ERROR, setting.label, "its default is stored in clear", "Drop the default.")
    if column.expression:
        yield Finding(ERROR, setting.label, "the database computes its values, and in clear")
    for other in table.table.columns:
        if other is not column and _reads(other, column):
            text = f"column {other.name} is computed from what is stored"
            # A column of prefixes, for searches, is computed from it too.
            level = NOTICE if other.type in ("varbinary", "binary") else ERROR
            yield Finding(level, setting.label, text)
    yield from _indexes(table, column, setting)
    yield from _foreign_keys(protection, table, column, setting)


def _reads(other: Column, column: Column) -> bool:
    """Tell whether a column may be computed from another."""
    return bool(other.expression) and fold(column.name) in fold(other.expression)


def _indexes(table: ProtectedTable, column: Column, setting: ColumnSetting) -> Iterator[Finding]:
    name = fold(column.name)
    serves = False
    for index in table.table.indexes:
        part = next((one for one in index.parts if fold(one.column) == name), None)
        if part is None or setting.kind == TOKENIZED:
            continue
        enough = not part.length or part.length >= searching.SIZE
        serves = serves or (enough and part is index.parts[0])
        if index.unique and (setting.kind != SEARCHABLE or part.length != searching.SIZE):
            yield _unique(index, setting)
        elif setting.kind != SEARCHABLE:
            yield Finding(NOTICE, setting.label, f"index {index.name} finds nothing by a value")
    if setting.kind == SEARCHABLE and not serves:
        text = "searches of it read the whole table"
        remedy = belt.index(setting, table.table.database, table.table.name)
        yield Finding(NOTICE, setting.label, text, remedy)


def _unique(index: Index, setting: ColumnSetting) -> Finding:
    remedy = ""
    if setting.kind == SEARCHABLE:
        remedy = f"Make it a unique key on {belt.quoted(setting.name)}({searching.SIZE})."
    return Finding(
        WARNING,
        setting.label,
        f"unique index {index.name} never fires: equal values are stored differently",
        remedy,
    )


def _foreign_keys(
    protection: Protection, table: ProtectedTable, column: Column, setting: ColumnSetting
) -> Iterator[Finding]:
    if setting.kind == TOKENIZED and setting.consistent:
        return
    own = tuple(map(fold, (table.table.database, table.table.name, column.name)))
    for key in protection.schema.foreign_keys:
        if own in (tuple(map(fold, key.column)), tuple(map(fold, key.refers))):
            text = (
                f"foreign key {key.name} never finds its row: equal values are stored differently"
            )
            yield Finding(WARNING, setting.label, text)


def _triggers(protection: Protection, table: ProtectedTable) -> Iterator[Finding]:
    own = (fold(table.table.database), fold(table.table.name))
    for one in protection.schema.code:
        if one.kind == TRIGGER and (fold(one.database), fold(one.table)) == own:
            yield Finding(
                WARNING,
                f"{table.table.database}.{table.table.name}",
                f"trigger {one.name} sees what is stored, and may write plaintext",
            )


def _code(protection: Protection) -> Iterator[Finding]:
    """Findings about code of the server that uses a protected table."""
    found = sorted(protection.uses, key=lambda one: (one.database, one.name, one.kind))
    for one in found[:_MANY]:
        level = NOTICE if one.kind == VIEW else WARNING
        yield Finding(level, f"{one.database}.{one.name}", _CODE[one.kind])
    if found[_MANY:]:
        text = f"{len(found) - _MANY} more views, routines and triggers use protected tables"
        yield Finding(WARNING, "", text)
