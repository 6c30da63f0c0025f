"""Numbers that MySQL and MariaDB give to types, to the flags of columns and to character sets."""

from __future__ import annotations

from typing import Final

DECIMAL: Final = 0
TINY: Final = 1
SHORT: Final = 2
LONG: Final = 3
FLOAT: Final = 4
DOUBLE: Final = 5
NULL: Final = 6
TIMESTAMP: Final = 7
LONGLONG: Final = 8
INT24: Final = 9
DATE: Final = 10
TIME: Final = 11
DATETIME: Final = 12
YEAR: Final = 13
VARCHAR: Final = 15
BIT: Final = 16
VECTOR: Final = 242
JSON: Final = 245
NEWDECIMAL: Final = 246
ENUM: Final = 247
SET: Final = 248
TINY_BLOB: Final = 249
MEDIUM_BLOB: Final = 250
LONG_BLOB: Final = 251
BLOB: Final = 252
VAR_STRING: Final = 253
STRING: Final = 254
GEOMETRY: Final = 255

#: A value's length in binary form, by its type.
WIDTHS: Final[dict[int, int]] = {
    TINY: 1,
    SHORT: 2,
    YEAR: 2,
    LONG: 4,
    INT24: 4,
    FLOAT: 4,
    LONGLONG: 8,
    DOUBLE: 8,
}
#: Types whose value in binary form has its length, of one byte, in front of it.
DATES: Final = frozenset((TIMESTAMP, DATE, TIME, DATETIME))
#: Types whose value in binary form is a length-encoded string.
STRINGS: Final = frozenset(
    (DECIMAL, VARCHAR, BIT, VECTOR, JSON, NEWDECIMAL, ENUM, SET)
    + (TINY_BLOB, MEDIUM_BLOB, LONG_BLOB, BLOB, VAR_STRING, STRING, GEOMETRY)
)
#: Types of columns of which MariaDB reads no value of a parameter: it takes NULL, and what follows
#: for the next value.
UNREAD_BY_MARIADB: Final = frozenset((INT24, YEAR, BIT, GEOMETRY))
#: Types whose values are numbers, dates or times, which hold nothing else.
PLAIN: Final = frozenset(
    (DECIMAL, TINY, SHORT, LONG, FLOAT, DOUBLE, NULL, TIMESTAMP, LONGLONG, INT24)
    + (DATE, TIME, DATETIME, YEAR, BIT, NEWDECIMAL)
)

# Flags of a column.
NOT_NULL: Final = 0x0001
UNSIGNED: Final = 0x0020
IS_BINARY: Final = 0x0080

#: The character set of bytes that are no text.
BINARY: Final = 63

#: The character sets by the numbers of their collations, where both kinds of server agree.
_BOTH: Final[dict[str, tuple[int, ...]]] = {
    "big5": (1, 84),
    "latin2": (2, 9, 21, 27, 77),
    "dec8": (3, 69),
    "cp850": (4, 80),
    "latin1": (5, 8, 15, 31, 47, 48, 49, 94),
    "hp8": (6, 72),
    "koi8r": (7, 74),
    "swe7": (10, 82),
    "ascii": (11, 65),
    "ujis": (12, 91),
    "sjis": (13, 88),
    "cp1251": (14, 23, 50, 51, 52),
    "hebrew": (16, 71),
    "tis620": (18, 89),
    "euckr": (19, 85),
    "latin7": (20, 41, 42, 79),
    "koi8u": (22, 75),
    "gb2312": (24, 86),
    "greek": (25, 70),
    "cp1250": (26, 34, 44, 66, 99),
    "gbk": (28, 87),
    "cp1257": (29, 58, 59),
    "latin5": (30, 78),
    "armscii8": (32, 64),
    "utf8mb3": (33, 83, *range(192, 216), 223),
    "cp866": (36, 68),
    "keybcs2": (37, 73),
    "macce": (38, 43),
    "macroman": (39, 53),
    "cp852": (40, 81),
    "utf8mb4": (45, 46, *range(224, 248)),
    "cp1256": (57, 67),
    "binary": (63,),
    "geostd8": (92, 93),
    "cp932": (95, 96),
    "eucjpms": (97, 98),
}
#: Of MySQL alone.
_MYSQL: Final[dict[str, tuple[int, ...]]] = {
    "utf8mb3": (76,),
    "utf8mb4": tuple(range(255, 324)),
    "gb18030": (248, 249, 250),
}


def _by_number(*tables: dict[str, tuple[int, ...]]) -> dict[int, bytes]:
    return {
        number: name.encode()
        for table in tables
        for name, numbers in table.items()
        for number in numbers
    }


_NAMES_MARIADB: Final = _by_number(_BOTH)
_NAMES_MYSQL: Final = _by_number(_BOTH, _MYSQL)


def character_set(collation: int, *, mariadb: bool) -> bytes:
    """Return the name of a collation's character set as one kind of server has it; empty for a
    number that it may not know, in whose place it takes a character set of its own choice, and for
    one that no client can have."""
    return (_NAMES_MARIADB if mariadb else _NAMES_MYSQL).get(collation, b"")
