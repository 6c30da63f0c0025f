"""Values for a table with protected columns of all types, and their forms in rows of COPY.

Every text for a protected column has `MARK` in it, the other values are of few that no other
statement has: so a search for `SECRETS` finds whatever is in clear.
"""

from __future__ import annotations

import datetime
import struct
import uuid
from collections.abc import Iterable, Sequence

MARK = "SECRET"
NUMBERS = (1471114711, -1471114712, 1471114713)
_LARGE = (14711147110147, -14711147110148)
_DATES = (datetime.date(1847, 11, 23), datetime.date(2147, 11, 22))
_IDS = (uuid.UUID("5ec2e700-1471-4711-8471-5ec2e75ec2e7"), uuid.UUID(int=1471 << 90))
_REALS = (1471114.7115, -1.471114712e-09)
#: The columns that hold containers, and those that hold tokens; id and note are not protected.
SEALED = {
    **{"name": "text", "email": "text", "card": "text", "age": "int", "raw": "bytea"},
    **{"big": "bigint", "flag": "bool", "born": "date", "uid": "uuid", "score": "float8"},
}
TOKENS = {"tok": "text", "num": "int"}
KINDS = {**SEALED, **TOKENS, "id": "int", "note": "text"}
#: The columns whose values are compared by the database.
SEARCHED = ("email", "age", "tok", "num", "big")
#: All columns of the table in their order.
ORDER = ("id", *SEALED, *TOKENS, "note")
#: What must not be in the database's log.
SECRETS = (MARK, *map(str, (*NUMBERS, *_LARGE, *_DATES, *_IDS, *_REALS)))
_TEXTS = (
    f"{MARK}",
    f"{MARK} it's",
    f"{MARK}\\x41",
    f"{MARK} Żółć €",
    f"{MARK} $$ ; -- /* %",
    f"{MARK}\nline\ttab",
    f"{MARK}'\n'{MARK}'\n",
    f"  {MARK} ",
    f"\\x{MARK}",
    MARK * 40,
    "",
)
_BYTES = (MARK.encode(), b"\x00\xff" + MARK.encode(), b'"""""""" ' + MARK.encode(), b"")
_POOLS: dict[str, Sequence[object]] = {
    "text": _TEXTS,
    "int": NUMBERS,
    "bytea": _BYTES,
    "bigint": _LARGE,
    "bool": (True, False),
    "date": _DATES,
    "uuid": _IDS,
    "float8": _REALS,
}
CONFIG = """
schemas:
  - table: people
    columns: [id, name, email, card, age, raw, big, flag, born, uid, score, tok, num, note]
    encrypted:
      - {column: name, data_type: str}
      - {column: email, data_type: str, searchable: true}
      - {column: card, data_type: str, masking: xxxx, plaintext_length: 0, plaintext_side: right}
      - {column: age, data_type: int32, searchable: true}
      - {column: raw, data_type: bytes}
      - {column: big, data_type: int64, searchable: true}
      - {column: flag, data_type: bool}
      - {column: born, data_type: date}
      - {column: uid, data_type: uuid}
      - {column: score, data_type: float8}
      - {column: tok, token_type: str, consistent_tokenization: true}
      - {column: num, token_type: int32, consistent_tokenization: true}
"""
_MIDNIGHT = datetime.date(2000, 1, 1)
_BINARY = b"PGCOPY\n\xff\r\n\0" + bytes(8)


def pool(column: str) -> Sequence[object]:
    """Values for a column."""
    if column == "id":
        return range(1, 13)
    if column == "note":
        return ("plain", "it's plain", "", "Ż")
    return _POOLS[KINDS[column]]


def rows_of(form: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """Rows as COPY FROM reads them in its form "text", "csv" or "binary"."""
    if form == "binary":
        return _BINARY + b"".join(_packed_row(columns, row) for row in rows) + b"\xff\xff"
    cell, comma = (_quoted, ",") if form == "csv" else (_escaped, "\t")
    return "".join(comma.join(map(cell, row)) + "\n" for row in rows).encode()


def as_text(value: object) -> str:
    """A value as PostgreSQL reads it in text."""
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    if isinstance(value, bool):
        return "t" if value else "f"
    return str(value)


def array_text(values: Iterable[object]) -> str:
    """The text of an array of values."""
    texts = (None if one is None else as_text(one) for one in values)
    escaped = (
        "NULL" if one is None else '"' + one.replace("\\", "\\\\").replace('"', '\\"') + '"'
        for one in texts
    )
    return "{" + ",".join(escaped) + "}"


def _quoted(value: object) -> str:
    if value is None:
        return ""
    return '"' + as_text(value).replace('"', '""') + '"'


def _escaped(value: object) -> str:
    if value is None:
        return "\\N"
    text = as_text(value).replace("\\", "\\\\")
    return text.replace("\n", "\\n").replace("\t", "\\t")


def _packed_row(columns: Sequence[str], row: Sequence[object]) -> bytes:
    cells = (
        b"\xff" * 4 if value is None else _with_size(_packed(KINDS[column], value))
        for column, value in zip(columns, row, strict=True)
    )
    return struct.pack(">h", len(columns)) + b"".join(cells)


def _with_size(data: bytes) -> bytes:
    return struct.pack(">i", len(data)) + data


def _packed(kind: str, value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, datetime.date):
        return struct.pack(">i", (value - _MIDNIGHT).days)
    if isinstance(value, uuid.UUID):
        return value.bytes
    formats = {"int": ">i", "bigint": ">q", "bool": ">?", "float8": ">d"}
    if kind in formats:
        return struct.pack(formats[kind], value)
    return str(value).encode()
