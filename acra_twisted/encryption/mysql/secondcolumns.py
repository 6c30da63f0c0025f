"""Definitions of second columns: of those that are filled beside a protected column whose type does
not hold both its plain and its stored form, until they take its name.

A second column is invisible, as the first one is behind the switch: statements that name no columns
do not see it.  A trigger empties it whenever the first one changes, so that nothing stale is left
in it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

from acra_twisted.encryption.migrating import ENCRYPT
from acra_twisted.encryption.mysql import storage
from acra_twisted.encryption.mysql.belt import quoted
from acra_twisted.encryption.mysql.moving import (
    NUMBERS,
    SETTINGS,
    TIMES,
    check_text,
    finder,
    label,
)
from acra_twisted.encryption.mysql.protection import ProtectedTable
from acra_twisted.encryption.mysql.question import hexed, text_of
from acra_twisted.encryption.mysql.schema import Column, Table
from acra_twisted.encryption.secondnames import BESIDE, LEFT, check_left
from acra_twisted.encryption.settings import TOKENIZED, ColumnSetting
from acra_twisted.errors import ConfigError
from acra_twisted.sql.mysqlnames import fold

#: The statements behind `lock`, whatever came of what was between.
UNLOCK: Final = ("ROLLBACK", "UNLOCK TABLES", SETTINGS[-1])
_LONGEST: Final = 64
#: Bytes of the plain form of a value that is not of characters or bytes.
_SHORT: Final = 40
_BLOBS: Final = ((1 << 16) - 1, "BLOB"), ((1 << 24) - 1, "MEDIUMBLOB"), ((1 << 32) - 1, "LONGBLOB")
_TEXTS: Final = ((1 << 16) - 1, "TEXT"), ((1 << 24) - 1, "MEDIUMTEXT"), ((1 << 32) - 1, "LONGTEXT")
_VARBINARY_MAX: Final = 8000
_PLAIN: Final = {
    "int16": "SMALLINT",
    "int32": "INT",
    "int64": "BIGINT",
    "float8": "DOUBLE",
    "date": "DATE",
    "uuid": "CHAR(36) CHARACTER SET ascii",
}
_INTEGERS: Final = {"int32": "INT", "int64": "BIGINT"}
_UTF8: Final = "CHARACTER SET utf8mb4"
#: Character sets in which a value is as long as in UTF-8.
_AS_LONG: Final = frozenset(("", "ascii", "utf8", "utf8mb3", "utf8mb4"))
_named: Final = re.compile(r"\w+").fullmatch


class Definition(NamedTuple):
    """A column's type as the server writes it, its character set, collation and comment, empty
    where it has none."""

    type: str
    charset: str
    collation: str
    comment: str


def preparation(
    table: ProtectedTable, change: str, has_trigger: bool, in_place: bool = False
) -> Sequence[str]:
    """The statements that put a second column beside each one whose type does not hold both forms;
    none if there is no such column.

    ``has_trigger``: the table has the one that was made for other second columns.  ``in_place``:
    types are changed instead, where one holds both forms.  Raises ConfigError.
    """
    changes: list[str] = []
    added: list[Column] = []
    for name, column in table.columns.items():
        setting = table.settings.get(name)
        if setting is None or column.expression or _second(table, column) is not None:
            continue
        if in_place and setting.kind != TOKENIZED:
            if change == ENCRYPT and storage.misfit(setting, column):
                _check_in_place(table, column)
                null = "" if column.nullable else " NOT NULL"
                kind = _stored_type(setting, column)
                changes.append(f"MODIFY {quoted(column.name)} {kind}{null}")
        else:
            kind = _second_type(setting, column, change)
            if kind:
                check_left(column, label(table.table), finder(table))
                changes.append(f"ADD COLUMN {_with(column.name, BESIDE)} {kind} INVISIBLE")
                added.append(column)
    lines = []
    if changes:
        lines.append(f"ALTER TABLE {_name_of(table.table)} {', '.join(changes)};")
    has_second = any(_is_protected(table, first) for first in _guarded(table))
    if added or (has_second and not has_trigger):
        if has_trigger:
            lines.append(f"{drop_trigger(table.table)};")
        lines.append(f"{trigger(table, added)};")
    return lines


def _second(table: ProtectedTable, column: Column) -> Column | None:
    return table.columns.get(fold(column.name + BESIDE))


def _check_in_place(table: ProtectedTable, column: Column) -> None:
    """Raises ConfigError for a column whose values another type would change: the server puts the
    bytes of characters, and the text of all else, in their place."""
    check_text(table.table, column)
    if column.charset not in _AS_LONG:
        raise ConfigError(
            f"column {label(table.table)}.{column.name}: convert it to utf8mb4 first, for its "
            f"bytes in {column.charset} would become those of its values"
        )


def _second_type(setting: ColumnSetting, column: Column, change: str) -> str:
    """A type for what a second column is to hold; empty if the column's own holds both forms."""
    if setting.kind == TOKENIZED:
        return _INTEGERS.get(setting.token_type) or _same_type(column)
    return (_stored_type if change == ENCRYPT else _plain_type)(setting, column)


def _stored_type(setting: ColumnSetting, column: Column) -> str:
    """A type for the stored form of values as long as the column has; empty if its own holds
    both."""
    if not storage.misfit(setting, column):
        return ""
    need = _utf8_size(column) + storage.overhead(setting)
    return _sized(need, f"VARBINARY({need})", _BLOBS)


def _utf8_size(column: Column) -> int:
    """The bytes of a column's longest value as UTF-8."""
    size, charset = column.length, column.charset
    if size <= 0:
        return _SHORT
    if charset in _AS_LONG:
        return size
    width = storage.WIDTHS.get(charset, 1)
    # A character that takes one or two bytes in another set takes up to three.
    return size // width * max(width, 3) if column.type in ("char", "varchar") else size * 3


def _plain_type(setting: ColumnSetting, column: Column) -> str:
    """The type that applications see; empty if the column's own holds both forms."""
    data_type = setting.data_type
    if data_type in _PLAIN:
        return _PLAIN[data_type]
    if data_type != "str":
        return ""
    size = max(column.length - storage.overhead(setting), 1)
    return f"{_sized(size, f'VARCHAR({size})', _TEXTS)} {_UTF8}"


def _same_type(column: Column) -> str:
    """A type for as many bytes or characters as a column has."""
    size, kind = column.length, column.type
    if kind in NUMBERS or kind in TIMES or size < 0:
        return f"VARCHAR({_SHORT}) {_UTF8}"
    if not column.charset:
        return _sized(size, f"VARBINARY({size})", _BLOBS)
    own = f"CHARACTER SET {column.charset} COLLATE {column.collation}"
    if kind in ("char", "varchar"):
        return f"VARCHAR({size // storage.WIDTHS.get(column.charset, 1)}) {own}"
    return f"{_sized(size, f'VARCHAR({size})', _TEXTS)} {own}"


def _sized(size: int, short: str, long: Sequence[tuple[int, str]]) -> str:
    """A type for a number of bytes."""
    if size <= _VARBINARY_MAX:
        return short
    return next((name for most, name in long if size <= most), long[-1][1])


# -- the switch -----------------------------------------------------------------------------------


def lock(table: Table, seconds: int) -> Sequence[str]:
    """The statements that keep everybody else from a table, and wait so long for it at most.

    What follows is one transaction until a definition ends it.
    """
    waits = f"SESSION lock_wait_timeout = {seconds}, SESSION innodb_lock_wait_timeout = {seconds}"
    return [f"SET SESSION autocommit = 0, {waits}", f"LOCK TABLES {_name_of(table)} WRITE"]


def definitions_question(table: Table) -> str:
    """The question for the definitions of a table's columns; its answer is for
    `read_definitions`."""
    shown = ", ".join(
        hexed(name)
        for name in ("COLUMN_NAME", "COLUMN_TYPE", "CHARACTER_SET_NAME", "COLLATION_NAME")
    )
    return (
        f"SELECT {shown}, {hexed('COLUMN_COMMENT')} FROM information_schema.COLUMNS "  # noqa: S608 - hex
        f"WHERE TABLE_SCHEMA = _utf8mb4 x'{table.database.encode().hex()}' "
        f"AND TABLE_NAME = _utf8mb4 x'{table.name.encode().hex()}'"
    )


def read_definitions(rows: Sequence[Sequence[bytes | None]]) -> Mapping[str, Definition]:
    """Read the answer: definitions by folded names.  Raises SchemaError for another one."""
    found = {}
    for row in rows:
        name, kind, charset, collation, comment = (text_of(cell) or "" for cell in row)
        found[fold(name)] = Definition(kind, charset, collation, comment)
    return found


def switch(table: ProtectedTable, definitions: Mapping[str, Definition], change: str) -> str:
    """The statement by which second columns take the names and the places of the first ones, which
    stay under another name, and may be NULL then.  The server runs all of it or nothing.  Raises
    ConfigError if the table is not as it is expected."""
    pairs = _guarded(table)
    if not pairs:
        raise ConfigError(f"table {label(table.table)} has no second column, named NAME{BESIDE}")
    changes = []
    for column, second in pairs.items():
        if not _is_protected(table, column):
            raise ConfigError(
                f"table {label(table.table)}: column {column.name} has a second one, "
                f"{second.name}, and the configuration does not protect it; a switch has all "
                "second columns of a table: name it there, or drop its second one"
            )
        check_left(column, label(table.table), finder(table))
        left, name = _with(column.name, LEFT[change]), quoted(column.name)
        first, other = definitions[fold(column.name)], definitions[fold(second.name)]
        other = other._replace(comment=other.comment or first.comment)
        hidden = " INVISIBLE" if column.invisible else ""
        null = "NULL" if column.nullable else "NOT NULL"
        changes += [
            f"CHANGE {name} {left} {_defined(first, 'NULL INVISIBLE')}",
            f"CHANGE {quoted(second.name)} {name} {_defined(other, null + hidden)} AFTER {left}",
        ]
    return f"ALTER TABLE {_name_of(table.table)} {', '.join(changes)}"


def unfilled(table: ProtectedTable) -> str:
    """The question for a row that has a value in one column of a pair alone: its server may show
    NULL for a value that is too long for it."""
    differs = " OR ".join(
        f"({quoted(first.name)} IS NULL) <> ({quoted(second.name)} IS NULL)"
        for first, second in _guarded(table).items()
    )
    return f"SELECT 1 FROM {_name_of(table.table)} WHERE {differs} LIMIT 1"  # noqa: S608 - quoted


def _guarded(table: ProtectedTable) -> Mapping[Column, Column]:
    """The columns that have a second one, with it, whether they are protected or not.  Those that
    the database computes are neither filled nor guarded."""
    found = {}
    for column in table.columns.values():
        second = _second(table, column)
        if second is not None and not column.expression and not second.expression:
            found[column] = second
    return found


def _is_protected(table: ProtectedTable, column: Column) -> bool:
    return fold(column.name) in table.settings


def _defined(definition: Definition, more: str) -> str:
    words = [definition.type]
    if definition.charset:
        if not _named(definition.charset) or not _named(definition.collation):
            raise ConfigError("the database's answer about a column is not understood")
        words.append(f"CHARACTER SET {definition.charset} COLLATE {definition.collation}")
    words.append(more)
    if definition.comment:
        comment = definition.comment.replace("\\", "\\\\").replace("'", "''")
        words.append(f"COMMENT '{comment}'")
    return " ".join(words)


def trigger_name(table: Table) -> str:
    """The name of the trigger of a table with second columns."""
    return f"{table.name}{BESIDE}"


def trigger(table: ProtectedTable, added: Collection[Column] = ()) -> str:
    """The statement that makes the trigger of the second columns that there are, and of those of
    ``added``.  A table has one trigger: it guards also the columns that are left out now."""
    guarded = {*_guarded(table), *added}
    return _trigger(table.table, [one for one in table.columns.values() if one in guarded])


def drop_trigger(table: Table) -> str:
    """The statement that takes the trigger away, if there is one."""
    name = _with(table.name, BESIDE)
    return f"DROP TRIGGER IF EXISTS {quoted(table.database)}.{name}"


def _trigger(table: Table, first: Sequence[Column]) -> str:
    """The statement that makes the trigger.  Values are compared by their bytes: a collation takes
    some others for the same."""
    sets = []
    for column in first:
        name, beside = quoted(column.name), _with(column.name, BESIDE)
        same = f"CAST(NEW.{name} AS BINARY) <=> CAST(OLD.{name} AS BINARY)"
        sets.append(f"NEW.{beside} = IF({same}, NEW.{beside}, NULL)")
    return (
        f"CREATE TRIGGER {quoted(table.database)}.{_with(table.name, BESIDE)} BEFORE UPDATE ON "  # noqa: S608 - quoted, or ours
        f"{_name_of(table)} FOR EACH ROW SET {', '.join(sets)}"
    )


def _name_of(table: Table) -> str:
    return quoted(table.database, table.name)


def _with(name: str, end: str) -> str:
    """A name with an ending, in quotes.  Raises ConfigError if the database takes none so long."""
    if len(name + end) > _LONGEST:
        raise ConfigError(f"{name}{end}: the database takes no name so long")
    return quoted(name + end)
