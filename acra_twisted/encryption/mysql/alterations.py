"""ALTER TABLE, RENAME TABLE and CALL that name a protected table, or what has the name of one in
another database."""

from __future__ import annotations

from typing import Final

from acra_twisted.encryption import refusals
from acra_twisted.encryption.mysql import names, tableitems
from acra_twisted.encryption.mysql.analysis import Analysis
from acra_twisted.encryption.mysql.cursor import Cursor
from acra_twisted.encryption.mysql.tableitems import Settings
from acra_twisted.encryption.refusals import refused
from acra_twisted.sql import lexer
from acra_twisted.sql.mysqlnames import fold

#: Options of a table that ALTER TABLE may set, with or without an equals sign.
_OPTIONS: Final = (
    "engine",
    "auto_increment",
    "comment",
    "algorithm",
    "lock",
    "row_format",
    "key_block_size",
) + ("checksum", "max_rows", "min_rows", "stats_persistent", "charset", "collate")
_NAMES: Final = (lexer.WORD, lexer.QUOTED)


def alter(analysis: Analysis, cursor: Cursor) -> None:
    """Take ALTER TABLE.  Raises StatementRefusedError, UnreadableError."""
    cursor.expect("alter")
    cursor.takes("online")
    cursor.takes("ignore")
    cursor.expect("table")
    cursor.takes_all("if", "exists")
    table = names.table(cursor)
    settings = tableitems.settings_of(analysis, table.database, table.name)
    if not settings:
        if analysis.view_of(table) is not None:
            raise cursor.error("a view is altered by it")
        _other(analysis, cursor)
        return
    while True:
        _change(cursor, settings)
        if not cursor.takes(","):
            break
    ends(cursor)


def rename(analysis: Analysis, cursor: Cursor) -> None:
    """Take RENAME TABLE of other tables.  Raises StatementRefusedError, UnreadableError."""
    cursor.expect("rename")
    if not cursor.takes("table", "tables"):
        raise cursor.error("RENAME without TABLE")
    cursor.takes_all("if", "exists")
    while True:
        _renamed(analysis, cursor)
        if cursor.takes("wait"):
            cursor.step()
        cursor.takes("nowait")
        cursor.expect("to")
        _renamed(analysis, cursor)
        if not cursor.takes(","):
            break
    ends(cursor)


def call(analysis: Analysis, cursor: Cursor) -> None:
    """Take CALL of a routine that has the name of another one.  Raises StatementRefusedError,
    UnreadableError."""
    cursor.expect("call")
    routine = names.table(cursor)
    # The first of two names may be that of a package.
    if fold(routine.database) in analysis.protection.names or analysis.protection.runs(
        routine.database or analysis.database, routine.name
    ):
        raise cursor.error("it is called")
    while cursor.kind != "end":
        _unnamed(analysis, cursor)


def ends(cursor: Cursor) -> None:
    """Raise UnreadableError where something stands behind a statement."""
    if cursor.kind != "end":
        raise cursor.error("something behind it")


def _renamed(analysis: Analysis, cursor: Cursor) -> None:
    """A table in RENAME TABLE, which is none that is protected, nor shows one."""
    table = names.table(cursor)
    is_protected = tableitems.settings_of(analysis, table.database, table.name)
    if is_protected or analysis.view_of(table) is not None:
        raise cursor.error("it would have another name")


def _other(analysis: Analysis, cursor: Cursor) -> None:
    """The changes of a table that is not protected: they may refer to one that is."""
    while cursor.kind != "end":
        if cursor.takes("references"):
            names.table(cursor)
            if cursor.here == "(":
                names.listed(cursor)
        else:
            _unnamed(analysis, cursor)


def _unnamed(analysis: Analysis, cursor: Cursor) -> None:
    """Step over a token that names nothing protected.  Raises UnreadableError."""
    kind, start, end = cursor.tokens[cursor.at]
    if kind in _NAMES:
        shown = cursor.text[start:end].decode("utf-8", "replace")
        if kind == lexer.QUOTED:
            shown = shown[1:-1].replace(shown[0] * 2, shown[0])
        if fold(shown) in analysis.protection.names:
            raise cursor.error("it is used by another one")
    cursor.step()


def _change(cursor: Cursor, settings: Settings) -> None:
    """One change of ALTER TABLE."""
    if cursor.takes("add"):
        _add(cursor, settings)
    elif cursor.takes("modify"):
        cursor.takes("column")
        cursor.takes_all("if", "exists")
        tableitems.definition(cursor, settings)
    elif cursor.takes("change"):
        cursor.takes("column")
        cursor.takes_all("if", "exists")
        _keeps(cursor, settings, names.name(cursor))
    elif cursor.takes("alter"):
        _alter_part(cursor, settings)
    elif cursor.takes("rename"):
        _rename_part(cursor, settings)
    elif cursor.takes("drop"):
        while cursor.kind in _NAMES:
            cursor.step()
    elif cursor.here in _OPTIONS or cursor.here in ("default", "character"):
        while _option(cursor):
            pass
    elif not (
        cursor.takes("force")
        or cursor.takes_all("disable", "keys")
        or cursor.takes_all("enable", "keys")
    ):
        raise cursor.error("a change that is not one of those that are")


def _option(cursor: Cursor) -> bool:
    """Step over an option of a table and its value, if one is here."""
    is_default = cursor.takes("default")
    if not cursor.takes(*_OPTIONS) and not cursor.takes_all("character", "set"):
        if is_default:
            raise cursor.error("a default that is not one of those that are")
        return False
    cursor.takes("=")
    cursor.step()
    return True


def _add(cursor: Cursor, settings: Settings) -> None:
    if cursor.here in tableitems.KEYS:
        tableitems.key(cursor)
    elif cursor.here == "constraint":
        tableitems.constraint(cursor, settings)
    elif cursor.here in tableitems.CONSTRAINTS:
        tableitems.rest(cursor, settings)
    else:
        cursor.takes("column")
        cursor.takes_all("if", "not", "exists")
        if not cursor.takes("("):
            tableitems.definition(cursor, settings)
            return
        while True:
            tableitems.definition(cursor, settings)
            if not cursor.takes(","):
                break
        cursor.expect(")")


def _keeps(cursor: Cursor, settings: Settings, before: str) -> None:
    """The new name of a column, and its type: a protected one keeps its name, and no other takes
    it."""
    setting = settings.get(fold(before))
    if cursor.kind not in _NAMES or settings.get(fold(_ahead(cursor))) is not setting:
        raise cursor.error("a protected column would have another name")
    tableitems.definition(cursor, settings)


def _ahead(cursor: Cursor) -> str:
    """The name here, which is not stepped over."""
    place = cursor.at
    found = names.name(cursor)
    cursor.at = place
    return found


def _alter_part(cursor: Cursor, settings: Settings) -> None:
    """ALTER of a column's default, or of an index that may be used or not."""
    if cursor.takes("index", "key"):
        names.name(cursor)
        cursor.takes("not")
        if not cursor.takes("visible", "invisible", "ignored"):
            raise cursor.error("a change that is not one of those that are")
        return
    cursor.takes("column")
    cursor.takes_all("if", "exists")
    setting = settings.get(fold(names.name(cursor)))
    if cursor.takes_all("drop", "default") or cursor.takes_all("set", "default", "null"):
        return
    if not cursor.takes_all("set", "default"):
        raise cursor.error("a change that is not one of those that are")
    if setting is not None:
        raise refused(refusals.EXPRESSION, setting, "would have a default in clear")
    tableitems.rest(cursor, settings)


def _rename_part(cursor: Cursor, settings: Settings) -> None:
    """RENAME of an index, or of a column that is not protected."""
    is_index = cursor.takes("index", "key")
    if not is_index and not cursor.takes("column"):
        raise cursor.error("it would have another name")
    for word in ("to", ""):
        name = names.name(cursor)
        if not is_index and fold(name) in settings:
            raise cursor.error("a protected column would have another name")
        if word:
            cursor.expect(word)
