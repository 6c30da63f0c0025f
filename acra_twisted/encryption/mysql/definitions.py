"""Statements on protected tables that read and write no rows: definitions and administration.

A definition is let through where no value and no computed copy of one can be in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from acra_twisted.encryption import refusals
from acra_twisted.encryption.mysql import names, storage, viewreader
from acra_twisted.encryption.mysql.analysis import Analysis, unfit
from acra_twisted.encryption.mysql.cursor import Cursor, UnreadableError
from acra_twisted.encryption.mysql.nodes import Query
from acra_twisted.encryption.mysql.schema import Column
from acra_twisted.encryption.plan import Refusal
from acra_twisted.encryption.refusals import StatementRefusedError, refused
from acra_twisted.encryption.settings import ColumnSetting
from acra_twisted.sql import lexer
from acra_twisted.sql.mysqlnames import fold

#: First words of statements that carry no values of rows.
_HARMLESS: Final = frozenset(
    ("show", "describe", "desc", "explain", "lock", "unlock", "analyze", "check", "optimize")
    + ("repair", "checksum", "flush", "grant", "revoke", "savepoint", "release")
)
#: Those that describe a table, and those that look after tables: in MariaDB both may also run or
#: explain another statement.
_DESCRIBING: Final = frozenset(("describe", "desc", "explain"))
_CARING: Final = frozenset(("analyze", "check", "optimize", "repair", "checksum"))
#: Statements that name what somebody may do.
_RIGHTS: Final = frozenset(("grant", "revoke"))
#: The same, and the schema is another behind them.
_ENDING: Final = frozenset(("drop", "truncate"))
_KEYS: Final = ("index", "key")
#: What ALTER TABLE may set, with or without an equals sign.
_OPTIONS: Final = ("engine", "auto_increment", "comment", "algorithm", "lock")
#: Bytes of a character at most.
_WIDEST: Final = 4
_DIGITS: Final = 9

_LOADED: Final = Refusal(
    refusals.SERVER_FILE,
    "",
    "the statement loads a file of the server's, or one of XML, into a table that AcraServer"
    " protects: its values would not be encrypted",
    "Load it from the client by LOAD DATA LOCAL, or write its rows by INSERT.",
)
_Settings = Mapping[str, ColumnSetting]


def take(analysis: Analysis, cursor: Cursor, query: Callable[[Cursor], Query]) -> bool:
    """Judge a statement that names a protected table; tell whether the schema is another then.
    ``query`` reads a query.  Raises StatementRefusedError."""
    word = cursor.here
    try:
        if word in _HARMLESS:
            if word not in _RIGHTS and _has(cursor, "select", "where"):
                raise cursor.error("a condition")
            _alone(cursor, word)
            return False
        if word in ("create", "alter") and viewreader.begins(cursor):
            _view(analysis, cursor, query)
        elif word == "create":
            _create(analysis, cursor)
        elif word == "alter":
            _alter(analysis, cursor)
        elif word == "load":
            raise StatementRefusedError(_LOADED)
        elif word not in _ENDING:
            raise cursor.error(f"{word.upper()} is not one of those that are")
    except UnreadableError as error:
        text = (
            f"the statement names a table that AcraServer protects, and is not understood: {error}"
        )
        reason = refusals.OPAQUE_CODE if word in ("call", "begin") else refusals.UNPARSABLE
        raise StatementRefusedError(Refusal(reason, "", text)) from None
    return True


def _alone(cursor: Cursor, word: str) -> None:
    """Read what describes or looks after tables, up to where no other statement can be in it.
    Raises UnreadableError."""
    if word in _CARING:
        cursor.step()
        cursor.takes("local", "no_write_to_binlog")
        if not cursor.takes("table", "tables"):
            raise cursor.error(f"{word.upper()} without TABLE")
    elif word in _DESCRIBING:
        cursor.step()
        names.table(cursor)
        if names.is_name(cursor) or cursor.kind == lexer.STRING:
            cursor.step()
        _ends(cursor)


def _has(cursor: Cursor, *words: str) -> bool:
    """Tell whether one of some words is here or further on."""
    return any(cursor.behind(further) in words for further in range(len(cursor.tokens)))


def _create(analysis: Analysis, cursor: Cursor) -> None:
    cursor.step()
    temporary = False
    while cursor.here in ("or", "replace", "temporary", "unique"):
        temporary = temporary or cursor.here == "temporary"
        cursor.step()
    if cursor.takes("index"):
        names.name(cursor)
        cursor.expect("on")
        names.table(cursor)
        _parts(cursor)
        _ends(cursor)
        return
    cursor.expect("table")
    cursor.takes_all("if", "not", "exists")
    table = names.table(cursor)
    if temporary:
        raise cursor.error("a temporary table that may hide another")
    if cursor.takes("like"):
        return
    if _has(cursor, "select", "with", "union"):
        raise cursor.error("a table that is made of a query, or of other tables")
    settings = _settings_of(analysis, table.database, table.name)
    cursor.expect("(")
    while True:
        _item(cursor, settings)
        if not cursor.takes(","):
            break
    cursor.expect(")")
    while cursor.kind != "end":
        # Partitions may be divided by values.
        _check_name(cursor, settings)
        cursor.step()


def _view(analysis: Analysis, cursor: Cursor, query: Callable[[Cursor], Query]) -> None:
    """Take CREATE VIEW or ALTER VIEW, whose query shows protected columns as they are."""
    tree = viewreader.query_of(cursor, query)
    _ends(cursor)
    if analysis.compares(tree):
        raise refused(
            refusals.EXPRESSION,
            None,
            "is compared by a view",
            "Have it show the column, and compare what it shows.",
        )


def _settings_of(analysis: Analysis, database: str, name: str) -> _Settings:
    """The settings of a configured table, by folded names; empty for any other."""
    compared = analysis.protection.compared
    where = database or analysis.database
    for table in analysis.protection.settings.tables:
        if compared(table.name) == compared(name) and (
            not table.schema or where is None or compared(table.schema) == compared(where)
        ):
            return {fold(column): setting for column, setting in table.protected.items()}
    return {}


def _alter(analysis: Analysis, cursor: Cursor) -> None:
    cursor.step()
    cursor.takes("online")
    cursor.takes("ignore")
    cursor.expect("table")
    cursor.takes_all("if", "exists")
    table = names.table(cursor)
    settings = _settings_of(analysis, table.database, table.name)
    if not settings:
        raise cursor.error("another table is altered by it")
    while True:
        _change(cursor, settings)
        if not cursor.takes(","):
            break
    _ends(cursor)


def _ends(cursor: Cursor) -> None:
    if cursor.kind != "end":
        raise cursor.error("something behind it")


def _change(cursor: Cursor, settings: _Settings) -> None:
    """One change of ALTER TABLE."""
    if cursor.takes("add"):
        if cursor.here in ("primary", "unique", *_KEYS):
            _key(cursor)
            return
        cursor.takes("column")
        cursor.takes_all("if", "not", "exists")
        _definition(cursor, settings)
    elif cursor.takes("modify"):
        cursor.takes("column")
        _definition(cursor, settings)
    elif cursor.takes("drop"):
        while cursor.kind in (lexer.WORD, lexer.QUOTED):
            cursor.step()
    elif cursor.takes(*_OPTIONS):
        cursor.takes("=")
        cursor.step()
    elif not (cursor.takes_all("disable", "keys") or cursor.takes_all("enable", "keys")):
        raise cursor.error("a change that is not one of those that are")


def _item(cursor: Cursor, settings: _Settings) -> None:
    """A column or a key of CREATE TABLE, up to the comma behind it."""
    if cursor.here in ("primary", "unique", *_KEYS):
        _key(cursor)
    elif names.is_name(cursor):
        _definition(cursor, settings)
    else:
        _rest(cursor, settings)


def _key(cursor: Cursor) -> None:
    cursor.takes("unique", "primary")
    cursor.takes(*_KEYS)
    if names.is_name(cursor):
        names.name(cursor)
    _parts(cursor)


def _parts(cursor: Cursor) -> None:
    """The columns of a key, with lengths.  Raises UnreadableError for an expression."""
    cursor.expect("(")
    while True:
        names.name(cursor)
        _length(cursor)
        cursor.takes("asc", "desc")
        if not cursor.takes(","):
            break
    cursor.expect(")")
    while cursor.takes("using", "btree", "hash"):
        pass


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


def _definition(cursor: Cursor, settings: _Settings) -> None:
    """A column and its type, up to the comma behind it."""
    setting = settings.get(fold(names.name(cursor)))
    if setting is None:
        _rest(cursor, settings)
    else:
        _column(cursor, setting)


def _rest(cursor: Cursor, settings: _Settings) -> None:
    """The rest of an item of a definition, up to the comma or bracket behind it."""
    depth = 0
    while cursor.kind != "end" and (depth or cursor.here not in (",", ")")):
        _check_name(cursor, settings)
        depth += (cursor.here == "(") - (cursor.here == ")")
        cursor.step()


def _check_name(cursor: Cursor, settings: _Settings) -> None:
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
    return (
        cursor.takes("null", "primary", "unique", "key", "unsigned", "first")
        or cursor.takes_all("not", "null")
        or cursor.takes_all("default", "null")
    )
