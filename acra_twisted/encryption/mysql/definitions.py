"""Statements on protected tables that read and write no rows: definitions and administration.

A definition is let through where no value and no computed copy of one can be in it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from acra_twisted.encryption import refusals
from acra_twisted.encryption.mysql import alterations, concerns, names, tableitems, viewreader
from acra_twisted.encryption.mysql.analysis import Analysis
from acra_twisted.encryption.mysql.cursor import Cursor, UnreadableError
from acra_twisted.encryption.mysql.nodes import Query
from acra_twisted.encryption.plan import SOME_TABLE, Refusal
from acra_twisted.encryption.refusals import StatementRefusedError, refused
from acra_twisted.sql import lexer

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
#: Words between CREATE and INDEX.
_INDEXES: Final = ("or", "replace", "online", "offline", "unique", "fulltext", "spatial")
_DATABASES: Final = ("database", "schema")
#: Words before rows that a table is made of; those of partitions stand behind a name in brackets.
_ROWS: Final = ("values", "value", "table", "as", "replace", "ignore")

_LOADED: Final = Refusal(
    refusals.SERVER_FILE,
    "",
    "the statement loads a file of the server's, or one of XML, into a table that AcraServer"
    " protects: its values would not be encrypted",
    "Load it from the client by LOAD DATA LOCAL, or write its rows by INSERT.",
)


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
        if concerns.is_of_accounts(cursor.text, cursor.tokens):
            return False
        if word in ("create", "alter") and viewreader.begins(cursor):
            _view(analysis, cursor, query)
        elif word == "create":
            _create(analysis, cursor)
        elif word == "alter":
            alterations.alter(analysis, cursor)
        elif word == "rename":
            alterations.rename(analysis, cursor)
        elif word == "call":
            alterations.call(analysis, cursor)
            return False
        elif word == "use":
            cursor.step()
            names.name(cursor)
            alterations.ends(cursor)
            return False
        elif word == "load":
            raise StatementRefusedError(_LOADED)
        elif word not in _ENDING:
            raise cursor.error(f"{word.upper()} is not one of those that are")
    except UnreadableError as error:
        text = f"the statement names {SOME_TABLE}, and is not understood: {error}"
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
        alterations.ends(cursor)


def _has(cursor: Cursor, *words: str) -> bool:
    """Tell whether one of some words is here or further on."""
    return any(cursor.behind(further) in words for further in range(len(cursor.tokens)))


def _create(analysis: Analysis, cursor: Cursor) -> None:
    cursor.step()
    place = cursor.at
    while cursor.takes(*_INDEXES):
        pass
    if cursor.takes("index"):
        _index(cursor)
        return
    cursor.at = place
    temporary = False
    while cursor.here in ("or", "replace", "temporary"):
        temporary = temporary or cursor.here == "temporary"
        cursor.step()
    if not temporary and cursor.takes(*_DATABASES):
        # Its options name no table.
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
    settings = tableitems.settings_of(analysis, table.database, table.name)
    cursor.expect("(")
    while True:
        tableitems.item(cursor, settings)
        if not cursor.takes(","):
            break
    cursor.expect(")")
    _options(cursor, settings)


def _options(cursor: Cursor, settings: tableitems.Settings) -> None:
    """Step over the rest of CREATE TABLE.  Raises UnreadableError where it has rows."""
    depth, before, is_divided = 0, "", False
    while cursor.kind != "end":
        here = cursor.here
        is_divided = is_divided or here == "partition"
        opens = here == "(" and not depth and not is_divided
        if opens or here in _ROWS and (not depth or before == "("):
            raise cursor.error("a table that is made of rows")
        # Partitions may be divided by values.
        tableitems.check_name(cursor, settings)
        depth += (here == "(") - (here == ")")
        before = here
        cursor.step()


def _index(cursor: Cursor) -> None:
    """CREATE INDEX behind its first words, of columns as they are stored."""
    cursor.takes_all("if", "not", "exists")
    names.name(cursor)
    if cursor.takes("using"):
        cursor.step()
    cursor.expect("on")
    names.table(cursor)
    tableitems.parts(cursor)
    alterations.ends(cursor)


def _view(analysis: Analysis, cursor: Cursor, query: Callable[[Cursor], Query]) -> None:
    """Take CREATE VIEW or ALTER VIEW, whose query shows protected columns as they are."""
    tree = viewreader.query_of(cursor, query)
    alterations.ends(cursor)
    if analysis.compares(tree):
        raise refused(
            refusals.EXPRESSION,
            None,
            "is compared by a view",
            "Have it show the column, and compare what it shows.",
        )
