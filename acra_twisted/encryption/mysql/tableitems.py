"""Columns, keys and constraints in definitions of protected tables.

Each is read up to the comma or bracket behind it.  None may have a value for a protected column in
it, or work out something of one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from acra_twisted.encryption import refusals
from acra_twisted.encryption.mysql import names, storage
from acra_twisted.encryption.mysql.analysis import Analysis, unfit
from acra_twisted.encryption.mysql.cursor import Cursor
from acra_twisted.encryption.mysql.schema import Column
from acra_twisted.encryption.refusals import refused
from acra_twisted.encryption.settings import ColumnSetting
from acra_twisted.sql import lexer
from acra_twisted.sql.mysqlnames import fold

#: Settings of a table's protected columns, by folded names.
Settings = Mapping[str, ColumnSetting]

_KEYS: Final = ("index", "key")
#: First words of keys whose columns the server finds by what is stored.
KEYS: Final = ("primary", "unique", *_KEYS)
#: First words of constraints and keys that name no protected column.
CONSTRAINTS: Final = ("foreign", "check", "fulltext", "spatial")
#: Options of a key that have a value behind them, with or without an equals sign, and those alone.
_VALUED: Final = ("key_block_size", "comment", "algorithm", "lock", "using")
_ALONE: Final = ("visible", "invisible", "ignored")
#: Bytes of a character at most.
_WIDEST: Final = 4
_DIGITS: Final = 9


def settings_of(analysis: Analysis, database: str, name: str) -> Settings:
    """The settings of a configured table, by folded names; empty for any other."""
    compared = analysis.protection.compared
    where = database or analysis.database
    for table in analysis.protection.settings.tables:
        if compared(table.name) == compared(name) and (
            not table.schema or where is None or compared(table.schema) == compared(where)
        ):
            return {fold(column): setting for column, setting in table.protected.items()}
    return {}


def item(cursor: Cursor, settings: Settings) -> None:
    """A column, a key or a constraint of CREATE TABLE."""
    if cursor.here in KEYS:
        key(cursor)
    elif cursor.here == "constraint":
        constraint(cursor, settings)
    elif names.is_name(cursor):
        definition(cursor, settings)
    else:
        rest(cursor, settings)


def constraint(cursor: Cursor, settings: Settings) -> None:
    """CONSTRAINT, with or without a name.  Raises StatementRefusedError, UnreadableError."""
    cursor.expect("constraint")
    cursor.takes_all("if", "not", "exists")
    if names.is_name(cursor) and cursor.here not in (*KEYS, *CONSTRAINTS):
        names.name(cursor)
    if cursor.here in KEYS:
        key(cursor)
    elif cursor.here in CONSTRAINTS:
        rest(cursor, settings)
    else:
        raise cursor.error("a constraint that is not one of those that are")


def key(cursor: Cursor) -> None:
    """A key by which columns are found as they are stored.  Raises UnreadableError."""
    cursor.takes("unique", "primary")
    cursor.takes(*_KEYS)
    cursor.takes_all("if", "not", "exists")
    if names.is_name(cursor) and cursor.here != "using":
        names.name(cursor)
    if cursor.takes("using"):
        cursor.step()
    parts(cursor)


def parts(cursor: Cursor) -> None:
    """The columns of a key, with lengths.  Raises UnreadableError for an expression."""
    cursor.expect("(")
    while True:
        names.name(cursor)
        _length(cursor)
        cursor.takes("asc", "desc")
        if not cursor.takes(","):
            break
    cursor.expect(")")
    while cursor.takes(*_ALONE) or cursor.takes_all("not", "ignored") or _option(cursor):
        pass


def _option(cursor: Cursor) -> bool:
    """Step over an option of a key and its value, if one is here."""
    if not cursor.takes(*_VALUED):
        return False
    cursor.takes("=")
    cursor.step()
    return True


def _length(cursor: Cursor) -> int:
    """A number in brackets, -1 if there is none."""
    if not cursor.takes("("):
        return -1
    shown = cursor.text[cursor.start : cursor.tokens[cursor.at][2]]
    if cursor.kind != lexer.NUMBER or not shown.isdigit() or len(shown) > _DIGITS:
        raise cursor.error("a length that is no number")
    cursor.step()
    cursor.expect(")")
    return int(shown)


def definition(cursor: Cursor, settings: Settings) -> None:
    """A column and its type, up to the comma behind it."""
    setting = settings.get(fold(names.name(cursor)))
    if setting is None:
        rest(cursor, settings)
    else:
        _column(cursor, setting)


def rest(cursor: Cursor, settings: Settings) -> None:
    """The rest of an item of a definition, up to the comma or bracket behind it."""
    depth = 0
    while cursor.kind != "end" and (depth or cursor.here not in (",", ")")):
        if not depth and cursor.takes("after"):
            # The column before it.
            names.name(cursor)
            continue
        check_name(cursor, settings)
        depth += (cursor.here == "(") - (cursor.here == ")")
        cursor.step()


def check_name(cursor: Cursor, settings: Settings) -> None:
    """Refuse a protected column that is named here, in an expression of a definition."""
    kind, start, end = cursor.tokens[cursor.at]
    if kind not in (lexer.WORD, lexer.QUOTED):
        return
    shown = cursor.text[start:end].decode("utf-8", "replace").strip('`"')
    setting = settings.get(fold(shown))
    if setting is not None:
        raise refused(refusals.EXPRESSION, setting, "is in an expression of the table's definition")


def _column(cursor: Cursor, setting: ColumnSetting) -> None:
    """The type and the attributes of a protected column, up to the comma behind it."""
    kind = cursor.here
    cursor.step()
    length = _length(cursor)
    kind = "int" if kind == "integer" else kind
    size = length if kind in ("varbinary", "binary") or length < 0 else _WIDEST * length
    misfit = storage.misfit(setting, Column(setting.name, kind, size))
    if misfit:
        raise unfit(setting, misfit)
    while cursor.kind != "end" and cursor.here not in (",", ")"):
        if not _attribute(cursor):
            text = "is defined with an attribute that is not understood"
            raise refused(refusals.SCHEMA_MISMATCH, setting, text)


def _attribute(cursor: Cursor) -> bool:
    """Step over an attribute of a column that changes nothing for what it stores."""
    if cursor.takes("charset", "collate") or cursor.takes_all("character", "set"):
        cursor.step()
        return True
    if cursor.takes("comment"):
        cursor.step()
        return True
    if cursor.takes("after"):
        names.name(cursor)
        return True
    return (
        cursor.takes("null", "primary", "unique", "key", "unsigned", "first")
        or cursor.takes_all("not", "null")
        or cursor.takes_all("default", "null")
    )
