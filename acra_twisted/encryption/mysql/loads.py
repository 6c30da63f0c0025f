"""Walks through LOAD DATA: tells which of the file's fields go to protected columns, and has the
server read a file of one format, in which values are as they are stored.

Bytes stand in such a file in digits, because the server reads it in a character set.  So each
protected column gets its value by SET from a variable.  A row with `FAILS` in its place makes the
server fail: there is nothing else by which a client could take a file back that it has begun to
send, and a file that ends early counts as whole.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from acra_twisted.encryption import refusals
from acra_twisted.encryption.mysql import loadreader, queries, storage, walking, writes
from acra_twisted.encryption.mysql.analysis import Analysis
from acra_twisted.encryption.mysql.cursor import Cursor
from acra_twisted.encryption.mysql.loadreader import Field, Load
from acra_twisted.encryption.mysql.nodes import Assignment, Joined, TableFactor
from acra_twisted.encryption.mysql.plan import Loaded
from acra_twisted.encryption.mysql.protection import Lacking, ProtectedTable
from acra_twisted.encryption.mysql.scopes import Scope
from acra_twisted.encryption.refusals import refused
from acra_twisted.encryption.settings import NUMBER_TOKENS, TEXT_TOKENS, TOKENIZED, ColumnSetting
from acra_twisted.sql import lexer
from acra_twisted.sql.mysqlnames import fold
from acra_twisted.wire.mysql.filepatterns import InfileError, check

#: No digits, and what no column stores.
FAILS: Final = b"("
#: Variables of ours, with a number behind.
_OWN: Final = "acra_load_"
_FORMAT: Final = (
    "FIELDS TERMINATED BY x'09' ENCLOSED BY '' ESCAPED BY x'5c'"
    " LINES STARTING BY '' TERMINATED BY x'0a'"
)


def take(
    analysis: Analysis,
    cursor: Cursor,
    assignments: Callable[[Cursor], list[Assignment]],
    backslash: bool | None,
) -> Loaded | None:
    """Take a LOAD DATA LOCAL; None if it loads nothing into protected columns.  Raises
    StatementRefusedError, UnreadableError."""
    load = loadreader.read(cursor, assignments, backslash)
    joined = Joined()
    joined.factors.append(TableFactor(load.table, None, ""))
    target = queries.ranges_of(analysis, joined, Scope())[0]
    table = target.written
    if table is None and analysis.view_of(load.table) is not None:
        raise writes.unwritable(load.table.name)
    for field in load.fields or ():
        if field.column is not None:
            writes.present(target, field.column)
    edits = len(analysis.edits)
    for one in load.assignments:
        writes.present(target, one.names[-1])
        if table is not None and fold(one.names[-1]) in table.settings:
            raise refused(
                refusals.EXPRESSION,
                table.settings[fold(one.names[-1])],
                "is given an expression in SET",
                "Load it from a field of the file.",
            )
        value = walking.value(analysis, one.value, Scope((target,)))
        analysis.ignore(value, "SET")
    if table is None:
        if load.fields is None:
            _by_order(analysis, target.lacking, load.listed)
        return None
    if len(analysis.edits) > edits or analysis.asked:
        raise refused(refusals.EXPRESSION, None, "is compared in SET")
    for kind, start, end in cursor.tokens:
        if kind == lexer.VARIABLE and not _is_apart(analysis.text[start:end]):
            raise refused(
                refusals.EXPRESSION,
                None,
                f"is loaded beside a variable that is {_OWN}, or may be",
                "Give the variable another name, of ASCII and without backslashes.",
            )
    return _into(analysis, load, table)


def _by_order(analysis: Analysis, lacking: Lacking, place: int) -> None:
    """Have the file loaded into the columns that a table is known to have, where it lacks protected
    ones: how many fields a file has is seen later.  Raises StatementRefusedError."""
    writes.by_order(lacking, 1)
    if lacking.columns:
        analysis.list_columns(lacking.columns, lacking.first, place)


def _is_apart(variable: bytes) -> bool:
    """Tell whether a variable of the client's is none of ours.  Servers compare their names without
    regard to case and accents, and read escapes in those in quotes."""
    return variable.isascii() and b"\\" not in variable and _OWN.encode() not in variable.lower()


def _into(analysis: Analysis, load: Load, table: ProtectedTable) -> Loaded | None:
    fields = load.fields
    if fields is None:
        names = [name for name, column in table.columns.items() if not column.invisible]
        filled = [table.columns[name].name for name in names]
        shown = analysis.shown_columns(filled, table.first)
        fields = [Field(name, one.encode()) for name, one in zip(names, shown, strict=True)]
    columns: list[ColumnSetting | None] = []
    rooms: list[storage.Room] = []
    for field in fields:
        room = storage.ANY
        name = None if field.column is None else fold(field.column)
        setting = None
        if name is not None:
            writes.known(table, name)
            setting = table.settings.get(name)
            if setting is not None:
                writes.fitting(table, name, setting)
                room = storage.room(table.columns[name])
        if setting is not None and setting in columns:
            raise refused(refusals.EXPRESSION, setting, "is loaded from two fields")
        columns.append(setting)
        rooms.append(room)
    given = [fold(field.column) for field in fields if field.column is not None]
    given += [fold(one.names[-1]) for one in load.assignments]
    writes.omit(analysis, table, given)
    if not any(columns):
        # The file goes on as it is, to columns that the text names.
        if load.fields is None and table.settings:
            raise refused(refusals.SCHEMA_MISMATCH, table.first, "is in no field of the file")
        return None
    try:
        check(load.form)
    except InfileError as error:
        raise refused(refusals.COPY_OPTIONS, None, f"is loaded from such a file: {error}") from None
    _rewrite(analysis, load, table, fields, columns)
    return Loaded(columns, load.form, load.charset, rooms)


def _rewrite(
    analysis: Analysis,
    load: Load,
    table: ProtectedTable,
    fields: Sequence[Field],
    columns: Sequence[ColumnSetting | None],
) -> None:
    """Put our format, and variables, in the place of the client's format and protected columns."""
    listed: list[bytes] = []
    assigned: list[bytes] = []
    for number, (field, setting) in enumerate(zip(fields, columns, strict=True)):
        if setting is None or field.column is None:
            listed.append(field.shown)
            continue
        variable = f"@{_OWN}{number + 1}"
        listed.append(variable.encode())
        assigned.append(field.shown + f" = {_stored(setting, variable)}".encode())
    made = f"{_FORMAT} (".encode() + b", ".join(listed) + b")"
    # Before those of the client's: nothing that they call can give a variable of ours a value.
    made += b" SET " + b", ".join(assigned)
    analysis.edits[load.formatted, load.assigned] = (made + b"," if load.assignments else made,)


def _stored(setting: ColumnSetting, variable: str) -> str:
    """The expression of what a column stores.  Beyond the greatest number there is no other: so
    that is an error, in every mode, and with IGNORE."""
    value = f"UNHEX({variable})"
    if setting.kind == TOKENIZED and setting.token_type in NUMBER_TOKENS:
        value = variable
    elif setting.kind == TOKENIZED and setting.token_type in TEXT_TOKENS:
        # The column may have another character set.
        value = f"CONVERT({value} USING utf8mb4)"
    fails = f"18446744073709551615 + LENGTH({variable})"
    return f"IF({variable} = x'{FAILS.hex()}', {fails}, {value})"
