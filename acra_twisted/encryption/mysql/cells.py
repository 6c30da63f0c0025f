"""Types and cells of protected columns as clients of MySQL see them, and the other way round."""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from acra_twisted.encryption import canonical, errors
from acra_twisted.encryption.mysql.encodings import UTF8, from_utf8, result_codec_of
from acra_twisted.wire.mysql import types
from acra_twisted.wire.mysql.columndefinitions import modifier_of

#: Bytes of a value, at most, that stands for one without a limit.
_LONGEST: Final = 0xFFFF
#: Decimals of a number that has any number of them.
_ANY: Final = 31
# Flags that a type has, and those that a column keeps whatever its type.
_BLOB: Final = 0x0010
_KEPT: Final = 0x100F
#: Numbers of the collations that servers take for a character set come before others.
_NUMBERS: Final[tuple[int, ...]] = (45, 33, 8, 9, 41, 51, 59, *range(1, 100))
#: The same of sets that only results can have.
_WIDE: Final = {"ucs2": 35, "utf16": 54, "utf16le": 56, "utf32": 60}
_WIDE_NAMES: Final = {number: name for name, number in _WIDE.items()}
_NO_TEXT: Final = frozenset((b"NaN", b"Infinity", b"-Infinity"))


class Described(NamedTuple):
    """A type as a definition of a column has it; ``is_text``: its character set is the
    client's."""

    kind: int
    size: int
    flags: int
    decimals: int = 0
    is_text: bool = False


_TYPES: Final = {
    "bytes": Described(types.BLOB, _LONGEST, types.IS_BINARY | _BLOB),
    "str": Described(types.VAR_STRING, _LONGEST, 0, is_text=True),
    "int16": Described(types.SHORT, 6, types.IS_BINARY),
    "int32": Described(types.LONG, 11, types.IS_BINARY),
    "int64": Described(types.LONGLONG, 20, types.IS_BINARY),
    "bool": Described(types.TINY, 1, types.IS_BINARY),
    "float8": Described(types.DOUBLE, 22, types.IS_BINARY, _ANY),
    "uuid": Described(types.STRING, 144, 0, is_text=True),
    "date": Described(types.DATE, 10, types.IS_BINARY),
}
_TEXTS: Final = frozenset(name for name, one in _TYPES.items() if one.is_text)
#: Types that are characters in rows in text form.
_FIGURES: Final = frozenset(_TYPES) - _TEXTS - {"bytes"}
_WIDTHS: Final = {"int16": 2, "int32": 4, "int64": 8}


def described(data_type: str, before: int, collation: int) -> tuple[int, int, int] | None:
    """Return the type, size and modifier of a column of a data type, None for one that stays as
    it is.  ``before`` is the modifier of the column as it is stored, ``collation`` the number of
    the client's."""
    found = _TYPES.get(data_type)
    if found is None:
        return None
    flags = (before >> 16 & _KEPT) | found.flags
    character_set = collation if found.is_text else types.BINARY
    return found.kind, found.size, modifier_of(character_set, flags, found.decimals)


def collation_of(character_set: str) -> int:
    """Return the number of a collation of a character set; that of bytes for one that is not
    known."""
    if not character_set:
        return types.BINARY
    for number in _NUMBERS:
        if types.character_set(number, mariadb=True) == character_set.encode():
            return number
    return _WIDE.get(character_set, types.BINARY)


def stored_codec(modifier: int, results: str) -> str:
    """The codec of the cells of a column as the server sends them.  ``modifier`` is the column's,
    ``results`` the codec of results, empty where characters come as they are stored."""
    collation = modifier & 0xFFFF
    if collation == types.BINARY:
        return UTF8
    if results:
        return results
    wide = _WIDE_NAMES.get(collation)
    return result_codec_of(wide or types.character_set(collation, mariadb=False).decode())


def to_cell(data_type: str, plaintext: bytes, binary: bool, encoding: str) -> bytes:
    """Return the cell of a canonical plaintext, in text or in binary form.  ``encoding`` is the
    codec of the characters in results, in which rows in text form have numbers and dates, too.
    Raises ValueRefusedError for a value that the client's type or character set does not have."""
    if data_type in _TEXTS:
        return from_utf8(plaintext, encoding)
    shown = _shown(data_type, plaintext, binary)
    return shown if binary or data_type not in _FIGURES else from_utf8(shown, encoding)


def _shown(data_type: str, plaintext: bytes, binary: bool) -> bytes:
    if data_type in _WIDTHS and binary:
        return int(plaintext).to_bytes(_WIDTHS[data_type], "little", signed=True)
    if data_type == "bool":
        number = 1 if plaintext == b"t" else 0
        return bytes((number,)) if binary else b"%d" % number
    if data_type == "float8":
        if plaintext in _NO_TEXT:
            raise canonical.out_of_range("float8")
        return struct.pack("<d", float(plaintext)) if binary else plaintext
    if data_type == "date":
        return _date(plaintext, binary)
    return plaintext


def _date(plaintext: bytes, binary: bool) -> bytes:
    year, month, day = _parts(plaintext)
    if not binary:
        return plaintext
    return bytes((4,)) + year.to_bytes(2, "little") + bytes((month, day))


def _parts(plaintext: bytes) -> tuple[int, int, int]:
    """The year, month and day of a canonical date.  Raises ValueRefusedError for one that MySQL
    does not have."""
    parts = plaintext.split(b"-")
    if len(parts) != 3 or not all(part.isdigit() for part in parts) or len(parts[0]) != 4:
        raise canonical.out_of_range("date", errors.DATE_RANGE)
    year, month, day = map(int, parts)
    return year, month, day
