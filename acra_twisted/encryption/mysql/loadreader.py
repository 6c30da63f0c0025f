"""Reads LOAD DATA of MySQL and MariaDB, wholly: what is not understood is an error."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from acra_twisted.encryption.mysql import names
from acra_twisted.encryption.mysql.cursor import Cursor
from acra_twisted.encryption.mysql.nodes import Assignment, TableName
from acra_twisted.sql import lexer
from acra_twisted.sql.literals import mysql_value
from acra_twisted.wire.mysql.filepatterns import InfileFormat

_QUOTE: Final = b"'"
_HEX_MARKS: Final = (b"x'", b"X'", b"0x")
_DIGITS: Final = frozenset(b"0123456789")
#: Digits of the greatest number of lines that are left out.
_MOST_DIGITS: Final = 9
_UNKNOWN_MODE: Final = "ESCAPED BY is not given, and sql_mode is unknown"


class Field(NamedTuple):
    """A field of the file: the column that it goes to by its name, None for a variable, and the
    text of either."""

    column: str | None
    shown: bytes


class Load(NamedTuple):
    """LOAD DATA LOCAL of a file.  ``charset`` is that of the file in small letters, empty where the
    text names none.  ``formatted`` is the place behind it, where its format is told; ``listed`` is
    the place behind that, where fields are listed; ``assigned`` is where the assignments begin, or
    the statement's end.  ``fields`` is None where the text lists none."""

    table: TableName
    charset: str
    form: InfileFormat
    fields: Sequence[Field] | None
    assignments: Sequence[Assignment]
    formatted: int
    listed: int
    assigned: int


def is_local(cursor: Cursor) -> bool:
    """Tell whether the statement here is LOAD DATA of a file of the client's."""
    further = 2
    while cursor.behind(further) in ("low_priority", "concurrent"):
        further += 1
    return cursor.here == "load" and cursor.behind() == "data" and cursor.behind(further) == "local"


def read(
    cursor: Cursor,
    assignments: Callable[[Cursor], list[Assignment]],
    backslash: bool | None,
) -> Load:
    """Read such a statement up to its end.  ``assignments`` reads those of SET; ``backslash``:
    whether one escapes in strings, None where that is not known.  Raises UnreadableError."""
    for word in ("load", "data"):
        cursor.expect(word)
    cursor.takes("low_priority", "concurrent")
    cursor.expect("local")
    cursor.expect("infile")
    if cursor.kind != lexer.STRING:
        raise cursor.error("the name of the file is missing")
    cursor.step()
    cursor.takes("replace", "ignore")
    cursor.expect("into")
    cursor.expect("table")
    table = names.table(cursor)
    if cursor.takes("partition"):
        names.listed(cursor)
    charset = _charset(cursor)
    formatted = cursor.done
    form = _format(cursor, backslash)
    listed = cursor.done
    fields = _fields(cursor) if cursor.here == "(" else None
    given: Sequence[Assignment] = ()
    is_set = cursor.takes("set")
    assigned = cursor.done
    if is_set:
        given = assignments(cursor)
    if cursor.kind != "end":
        raise cursor.error("something behind it")
    return Load(table, charset, form, fields, given, formatted, listed, assigned)


def _charset(cursor: Cursor) -> str:
    if not (cursor.takes("charset") or cursor.takes_all("character", "set")):
        return ""
    kind, start, end = cursor.tokens[cursor.at]
    if kind not in (lexer.WORD, lexer.STRING) or b"\\" in cursor.text[start:end]:
        raise cursor.error("the file's character set is missing")
    cursor.step()
    return cursor.text[start:end].decode("utf-8", "replace").strip("'\"").lower()


def _format(cursor: Cursor, backslash: bool | None) -> InfileFormat:
    """The clauses that tell the file's format."""
    found: dict[str, Any] = {}

    def string(name: str) -> None:
        cursor.expect("by")
        found[name] = _string(cursor, backslash)

    if cursor.takes("fields", "columns"):
        before = cursor.at
        while True:
            if cursor.takes("terminated"):
                string("fields")
            elif cursor.takes("optionally"):
                cursor.expect("enclosed")
                string("enclosed")
            elif cursor.takes("enclosed"):
                string("enclosed")
            elif cursor.takes("escaped"):
                string("escape")
            else:
                break
        if cursor.at == before:
            raise cursor.error("FIELDS without a clause")
    if cursor.takes("lines"):
        before = cursor.at
        while True:
            if cursor.takes("terminated"):
                string("lines")
            elif cursor.takes("starting"):
                string("start")
            else:
                break
        if cursor.at == before:
            raise cursor.error("LINES without a clause")
    if "escape" not in found:
        if backslash is None:
            raise cursor.error(_UNKNOWN_MODE)
        if not backslash:
            found["escape"] = b""
    return InfileFormat(**found, skipped=_skipped(cursor))


def _skipped(cursor: Cursor) -> int:
    """The number of IGNORE ... LINES."""
    if not cursor.takes("ignore"):
        return 0
    _, start, end = cursor.tokens[cursor.at]
    digits = cursor.text[start:end]
    if not digits or not _DIGITS.issuperset(digits) or len(digits) > _MOST_DIGITS:
        raise cursor.error("IGNORE without a number of lines")
    cursor.step()
    if not cursor.takes("lines", "rows"):
        raise cursor.error("IGNORE without LINES")
    return int(digits)


def _string(cursor: Cursor, backslash: bool | None) -> bytes:
    """The value of a string or of digits."""
    kind, start, end = cursor.tokens[cursor.at]
    raw = cursor.text[start:end]
    if kind == lexer.STRING and raw[:1] in (_QUOTE, b'"'):
        if b"\\" in raw and backslash is None:
            raise cursor.error("it has a backslash, and sql_mode is unknown")
        found = mysql_value(lexer.STRING, raw, backslash is False)[1]
    elif kind == lexer.HEX and raw[:2] in _HEX_MARKS:
        digits = raw[2:-1] if raw.endswith(_QUOTE) else raw[2:]
        found = bytes.fromhex(digits.decode("ascii")) if len(digits) % 2 == 0 else b"\xff"
    else:
        raise cursor.error("a string is missing in the file's format")
    cursor.step()
    return found


def _fields(cursor: Cursor) -> list[Field]:
    """The columns and variables in brackets."""
    cursor.expect("(")
    found: list[Field] = []
    if cursor.here == ")":
        # Servers take this for all columns.
        raise cursor.error("a list without a column")
    while not cursor.takes(")"):
        start = cursor.start
        if cursor.kind == lexer.VARIABLE:
            cursor.step()
            shown = cursor.text[start : cursor.done]
            if shown[1:2] in (b"", b"@"):
                raise cursor.error("a variable in its list that is not the session's own")
            found.append(Field(None, shown))
        else:
            column = names.path(cursor)[-1]
            found.append(Field(column, cursor.text[start : cursor.done]))
        if cursor.here != ")":
            cursor.expect(",")
    return found
