"""The question about a server's schema, and the reading of its answer.

It is asked on a client's connection, in whatever modes and character set that has: its text is
ASCII, names and texts come as hexadecimal digits of UTF-8, and its own LIMIT counts where
``sql_select_limit`` cuts other answers.  The answer shows what the client's user may see.
"""

from __future__ import annotations

import binascii
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from acra_twisted.encryption.mysql.schema import (
    EVENT,
    ROUTINE,
    SYSTEM_DATABASES,
    TRIGGER,
    VIEW,
    Code,
    Column,
    ForeignKey,
    Index,
    KeyPart,
    Schema,
    Table,
)
from acra_twisted.errors import AcraError, LexError
from acra_twisted.sql import lexer, mysqllexer
from acra_twisted.sql.mysqltokens import ANSI_MODES

_Row = Sequence[bytes | None]

# Kinds of rows, and their cells behind the kind.
_SETTINGS: Final = b"settings"
_COLUMN: Final = b"column"
_KEY: Final = b"key"
_REFERENCE: Final = b"reference"
_CODE: Final = {b"view": VIEW, b"routine": ROUTINE, b"trigger": TRIGGER, b"event": EVENT}
_END: Final = b"end"
_WIDTH: Final = 11
#: Rows of an answer at most.
MOST: Final = 1_000_000
#: Stands for an expression that cannot be read.
_UNREAD: Final = "?"
#: A variable that is off, as a number and as a text.
_OFF: Final = ("0", "OFF")
_STRICT: Final = ("STRICT_TRANS_TABLES", "STRICT_ALL_TABLES", "TRADITIONAL")


class SchemaError(AcraError):
    """The database's answer about its schema is not understood."""


def schema_question(tables: Iterable[str]) -> bytes:
    """Return the text that asks for the tables of some names, and for all code."""
    # No table has the name NULL, and an empty list is a mistake of syntax.
    listed = [f"_utf8 x'{one.encode().hex()}'" for one in sorted({*tables})] or ["NULL"]
    names = ", ".join(listed)
    system = ", ".join(f"'{one.encode().hex().upper()}'" for one in sorted(SYSTEM_DATABASES))

    def outside(column: str) -> str:
        # By bytes: another one may differ in case alone.
        return f"{hexed(column)} NOT IN ({system})"

    parts = [
        _part(
            "settings",
            "@@lower_case_table_names",
            "@@GLOBAL.sql_mode",
            "@@SESSION.sql_mode",
            # MySQL has no such variable, and takes this for a comment.
            "CONCAT('' /*M!100201 , @@GLOBAL.check_constraint_checks */)",
        ),
        _part(
            "column",
            *("TABLE_SCHEMA", "TABLE_NAME", "COLUMN_NAME"),
            "ORDINAL_POSITION",
            "DATA_TYPE",
            "CHARACTER_OCTET_LENGTH",
            "CHARACTER_SET_NAME",
            "COLLATION_NAME",
            "CONCAT(IS_NULLABLE = 'YES', COLUMN_DEFAULT IS NOT NULL AND COLUMN_DEFAULT <> 'NULL', "
            "EXTRA LIKE '%INVISIBLE%')",
            "GENERATION_EXPRESSION",
            behind=f"COLUMNS WHERE TABLE_NAME IN ({names}) AND {outside('TABLE_SCHEMA')}",
        ),
        _part(
            "key",
            *("TABLE_SCHEMA", "TABLE_NAME", "INDEX_NAME"),
            "SEQ_IN_INDEX",
            "COLUMN_NAME",
            "SUB_PART",
            "NON_UNIQUE",
            behind=f"STATISTICS WHERE TABLE_NAME IN ({names}) AND {outside('TABLE_SCHEMA')}",
        ),
        _part(
            "reference",
            *("TABLE_SCHEMA", "TABLE_NAME", "COLUMN_NAME", "CONSTRAINT_NAME"),
            *("REFERENCED_TABLE_SCHEMA", "REFERENCED_TABLE_NAME", "REFERENCED_COLUMN_NAME"),
            behind="KEY_COLUMN_USAGE WHERE REFERENCED_TABLE_NAME IS NOT NULL AND "
            f"(TABLE_NAME IN ({names}) OR REFERENCED_TABLE_NAME IN ({names}))",
        ),
        _part(
            "view",
            *("TABLE_SCHEMA", "TABLE_NAME", "''", "VIEW_DEFINITION", "@@SESSION.sql_mode"),
            behind=f"VIEWS WHERE {outside('TABLE_SCHEMA')}",
        ),
        _part(
            "routine",
            *("ROUTINE_SCHEMA", "ROUTINE_NAME", "''"),
            # Code in another language puts SQL together: nobody can read it.
            "IF(COALESCE(EXTERNAL_LANGUAGE, 'SQL') = 'SQL', ROUTINE_DEFINITION, NULL)",
            "SQL_MODE",
            behind=f"ROUTINES WHERE {outside('ROUTINE_SCHEMA')}",
        ),
        _part(
            "trigger",
            *(
                "TRIGGER_SCHEMA",
                "TRIGGER_NAME",
                "EVENT_OBJECT_TABLE",
                "ACTION_STATEMENT",
                "SQL_MODE",
            ),
            behind=f"TRIGGERS WHERE {outside('TRIGGER_SCHEMA')}",
        ),
        _part(
            "event",
            *("EVENT_SCHEMA", "EVENT_NAME", "''", "EVENT_DEFINITION", "SQL_MODE"),
            behind=f"EVENTS WHERE {outside('EVENT_SCHEMA')}",
        ),
        _part("end"),
    ]
    return (" UNION ALL ".join(parts) + f" LIMIT {MOST}").encode()


def _part(kind: str, *cells: str, behind: str = "") -> str:
    """A SELECT of one kind of rows; cells are expressions of numbers or texts."""
    shown = [hexed(one) for one in cells]
    shown += ["NULL"] * (_WIDTH - 1 - len(cells))
    told = f" FROM information_schema.{behind}" if behind else ""
    return f"SELECT '{kind}', {', '.join(shown)}{told}"


def hexed(expression: str) -> str:
    """Return an expression of the digits of a number or text, which every character set has."""
    return f"HEX(CONVERT({expression} USING utf8mb4))"


def read_schema(rows: Sequence[_Row], number: int) -> Schema:
    """Read the answer; ``number`` is the schema's.  Raises SchemaError."""
    reading = _Reading()
    for row in rows:
        reading.take(row)
    return reading.schema(number)


def database_question() -> bytes:
    """Return the text that asks for the database in which the session's tables are looked for."""
    return b"SELECT HEX(CONVERT(DATABASE() USING utf8mb4)) LIMIT 1"


def read_database(rows: Sequence[_Row]) -> bytes:
    """Read the answer, empty for none.  Raises SchemaError."""
    if len(rows) != 1 or len(rows[0]) != 1:
        raise SchemaError("the database's answer about the session is not understood")
    return (text_of(rows[0][0]) or "").encode()


class _Reading:
    def __init__(self) -> None:
        self._folds: bool | None = None
        self._strict = self._checked = False
        self._modes: frozenset[str] = frozenset()
        self._is_over = False
        self._columns: dict[tuple[str, str], list[tuple[int, Column]]] = {}
        # By table, and by the name of an index.
        self._keys: dict[tuple[str, str], dict[str, list[tuple[int, KeyPart, bool]]]] = {}
        self._code: list[Code] = []
        self._references: list[ForeignKey] = []

    def take(self, row: _Row) -> None:
        if len(row) != _WIDTH or self._is_over:
            raise SchemaError("the database's answer about its schema is not understood")
        kind, cells = ascii_of(row[0] or b""), [text_of(cell) for cell in row[1:]]
        if kind == _SETTINGS:
            self._folds = _needed(cells[0]) != "0"
            self._strict = not _modes(cells[1]).isdisjoint(_STRICT)
            self._modes = _modes(cells[2])
            self._checked = _needed(cells[3]).upper() not in _OFF
        elif kind == _COLUMN:
            self._column(cells)
        elif kind == _KEY:
            self._key(cells)
        elif kind == _REFERENCE:
            here, name, there = _path(cells), _needed(cells[3]), _path(cells[4:])
            self._references.append(ForeignKey(name, here, there))
        elif kind in _CODE:
            database, name = _needed(cells[0]), _needed(cells[1])
            shown = None if cells[3] is None else plain(cells[3], _modes(cells[4]))
            code = Code(_CODE[kind], database, name, shown or None, cells[2] or "")
            self._code.append(code)
        elif kind == _END:
            self._is_over = True
        else:
            raise SchemaError("the database's answer about its schema is not understood")

    def schema(self, number: int) -> Schema:
        if self._folds is None or not self._is_over:
            raise SchemaError("the database's answer about its schema is cut short")
        tables = [
            Table(*key, _ordered(columns), _indexes(self._keys.get(key, {})))
            for key, columns in sorted(self._columns.items())
        ]
        return Schema(
            number,
            tables,
            self._folds,
            sorted(self._code, key=_place_of),
            self._strict,
            sorted(self._references),
            self._checked,
        )

    def _column(self, cells: Sequence[str | None]) -> None:
        database, table, name = _path(cells)
        flags = _needed(cells[8])
        if len(flags) != 3:
            raise SchemaError("the database's answer about a column is not understood")
        column = Column(
            name,
            _needed(cells[4]).lower(),
            -1 if cells[5] is None else _number(cells[5]),
            (cells[6] or "").lower(),
            (cells[7] or "").lower(),
            flags[0] == "1",
            flags[1] == "1",
            "" if not cells[9] else plain(cells[9], self._modes) or _UNREAD,
            flags[2] == "1",
        )
        self._columns.setdefault((database, table), []).append((_number(cells[3]), column))

    def _key(self, cells: Sequence[str | None]) -> None:
        # A part that is an expression has no column.
        part = KeyPart(cells[4] or "", _number(cells[5] or "0"))
        database, table, name = _path(cells)
        found = self._keys.setdefault((database, table), {}).setdefault(name, [])
        found.append((_number(cells[3]), part, cells[6] == "0"))


def _indexes(keys: Mapping[str, list[tuple[int, KeyPart, bool]]]) -> Sequence[Index]:
    return [
        Index(name, [part for _, part, _ in sorted(parts)], parts[0][2])
        for name, parts in sorted(keys.items())
    ]


def _place_of(code: Code) -> tuple[str, str, str, str, str]:
    """The place of code among other code.  A procedure and a function may have the same name, and
    the text of one alone may be shown."""
    return code.kind, code.database, code.name, code.text or "", code.table


def plain(text: str, modes: Collection[str]) -> str | None:
    """Return code with the same names and words as it is read without modes, and without strings;
    as it is, if no mode changes how it is read.  None if it cannot be read."""
    ansi, no_backslash = not ANSI_MODES.isdisjoint(modes), "NO_BACKSLASH_ESCAPES" in modes
    if not ansi and not no_backslash:
        return text
    data = text.encode()
    try:
        tokens = mysqllexer.tokens(data, ansi, no_backslash, limit=len(data) + 1)
    except LexError:
        return None
    parts = []
    for kind, start, end in tokens:
        if kind == lexer.COMMENT:
            # One that ends with its line would take the rest with it.
            continue
        part = data[start:end].decode("utf-8", "replace")
        if kind == lexer.STRING:
            part = "''"
        elif kind == lexer.QUOTED and part[0] == '"':
            name = part[1:-1].replace('""', '"').replace("`", "``")
            part = f"`{name}`"
        parts.append(part)
    return " ".join(parts)


def _modes(cell: str | None) -> frozenset[str]:
    return frozenset(mode.strip() for mode in (cell or "").upper().split(","))


def _ordered(columns: list[tuple[int, Column]]) -> Sequence[Column]:
    return [column for _, column in sorted(columns)]


def _path(cells: Sequence[str | None]) -> tuple[str, str, str]:
    return _needed(cells[0]), _needed(cells[1]), _needed(cells[2])


def _needed(cell: str | None) -> str:
    if cell is None:
        raise SchemaError("the database's answer about its schema lacks something")
    return cell


def _number(cell: str | None) -> int:
    shown = _needed(cell)
    if not shown.isdecimal() or len(shown) > 20:
        raise SchemaError("the database's answer about its schema has no number where one is due")
    return int(shown)


def ascii_of(cell: bytes) -> bytes:
    """Return a cell of ASCII as it is in most character sets: a sign has zeros beside it in UCS-2,
    UTF-16 and UTF-32."""
    return cell.replace(b"\0", b"")


def text_of(cell: bytes | None) -> str | None:
    """Return the text of a cell of digits, None for NULL.  Raises SchemaError."""
    if cell is None:
        return None
    try:
        return binascii.unhexlify(ascii_of(cell)).decode()
    except ValueError:
        raise SchemaError("the database's answer about its schema is not in UTF-8") from None
