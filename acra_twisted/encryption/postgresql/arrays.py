"""Arrays of values that are compared with a protected column, as in ``= ANY($1)``.

Sources: PostgreSQL's array_in and array_recv.  Arrays have one dimension here.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from typing import Final

from acra_twisted.encryption import errors
from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.postgresql import binary, types
from acra_twisted.encryption.postgresql.encodings import UTF8, to_utf8
from acra_twisted.encryption.postgresql.plaintexts import BINARY_FORMAT, Way, from_parameter
from acra_twisted.encryption.postgresql.types import Described

_HEAD: Final = struct.Struct(">iiI")
_DIMENSION: Final = struct.Struct(">ii")
_LENGTH: Final = struct.Struct(">i")
_NULL: Final = _LENGTH.pack(-1)
_BLANKS: Final = b" \t\n\v\f\r"
#: The most elements of an array.
MOST: Final = 500_000
#: A quoted element, or one without quotes; then what ends it.
_ELEMENT: Final = re.compile(
    rb'[ \t\n\v\f\r]*+(?:"((?:[^"\\]++|\\.|(?!))*+)"[ \t\n\v\f\r]*+'
    rb'|((?:[^",{}\\]++|\\.|(?!))++))([,}])',
    re.S,
)
_ESCAPED: Final = re.compile(rb"\\(.)", re.S)

#: Types of arrays by the types of their elements.
_ARRAYS: Final = {
    types.BOOL: 1000,
    types.BYTEA: 1001,
    types.NAME: 1003,
    types.INT2: 1005,
    types.INT4: 1007,
    types.TEXT: 1009,
    types.BPCHAR: 1014,
    types.VARCHAR: 1015,
    types.INT8: 1016,
    types.FLOAT4: 1021,
    types.FLOAT8: 1022,
    types.OID: 1028,
    types.DATE: 1182,
    types.NUMERIC: 1231,
    types.UUID: 2951,
}
_ELEMENTS: Final = {array: element for element, array in _ARRAYS.items()}


def array_type(element: int) -> int:
    """The type of arrays of elements of a type."""
    return _ARRAYS[element]


def described_array(data_type: str) -> Described:
    """The type of an array whose elements a column of a data type is compared with."""
    return Described(array_type(types.described(data_type).oid), -1)


def from_array(
    value: bytes, oid: int, form: int, way: Way, encoding: str = UTF8
) -> list[bytes | None]:
    """The canonical plaintexts of an array's elements, None for NULL.  Raises ValueRefusedError.

    ``value``, ``oid``, ``form`` and ``encoding`` are as for `plaintexts.from_parameter`; the text
    of a literal is read as a parameter of type 0.
    """
    element = 0
    if oid not in (0, types.UNKNOWN):
        if oid not in _ELEMENTS:
            raise ValueRefusedError(
                errors.TYPE_MISMATCH, errors.WRONG_TYPE, f"values of type {oid} do not belong there"
            )
        element = _ELEMENTS[oid]
    if form == BINARY_FORMAT:
        element, elements = _decode(value)
    else:
        value, encoding = to_utf8(value, encoding), UTF8
        elements = _read(value)
    return [
        None if one is None else from_parameter(one, element, form, way, encoding)
        for one in elements
    ]


def most_elements(value: bytes | None, form: int) -> int:
    """Return a number that the elements of a value do not exceed, if `from_array` takes it; it may
    be greater by many."""
    if value is None:
        return 0
    if form == BINARY_FORMAT:
        return int.from_bytes(value[_HEAD.size : _HEAD.size + _LENGTH.size], "big")
    return value.count(b",") + 1


def _decode(value: bytes) -> tuple[int, list[bytes | None]]:
    """The type of the elements of an array in binary format, and they."""
    if len(value) < _HEAD.size:
        raise binary.malformed()
    dimensions, _, element = _HEAD.unpack_from(value)
    if dimensions == 0 and len(value) == _HEAD.size:
        return element, []
    place = _HEAD.size + _DIMENSION.size
    if dimensions != 1 or len(value) < place:
        raise _no_array()
    count, _ = _DIMENSION.unpack_from(value, _HEAD.size)
    if count > MOST:
        raise _too_many()
    found: list[bytes | None] = []
    while place + _LENGTH.size <= len(value) and len(found) <= count:
        (length,) = _LENGTH.unpack_from(value, place)
        place += _LENGTH.size
        end = place + max(length, 0)
        if length < -1 or end > len(value):
            raise binary.malformed()
        found.append(None if length < 0 else value[place:end])
        place = end
    if place != len(value) or len(found) != count:
        raise binary.malformed()
    return element, found


def _read(text: bytes) -> list[bytes | None]:
    """The texts of the elements of an array's text."""
    text = text.strip(_BLANKS)
    if text[:1] != b"{" or text[-1:] != b"}":
        raise _no_array()
    if not text[1:-1].strip(_BLANKS):
        return []
    found: list[bytes | None] = []
    place, end = 1, b","
    while end == b",":
        match = _ELEMENT.match(text, place)
        if match is None:
            raise _no_array()
        quoted, bare, end = match.groups()
        found.append(_ESCAPED.sub(rb"\1", quoted) if bare is None else _bare(bare))
        if len(found) > MOST:
            raise _too_many()
        place = match.end()
    if place != len(text):
        raise _no_array()
    return found


def _bare(text: bytes) -> bytes | None:
    """An element without quotes: blanks around it are none of it."""
    text = text.lstrip(_BLANKS)
    stripped = text.rstrip(_BLANKS)
    if (len(stripped) - len(stripped.rstrip(b"\\"))) % 2:
        # The first of the blanks is escaped.
        stripped = text[: len(stripped) + 1]
    if not stripped:
        raise _no_array()
    if stripped.upper() == b"NULL":
        return None
    return _ESCAPED.sub(rb"\1", stripped)


def _no_array() -> ValueRefusedError:
    return ValueRefusedError(
        errors.INVALID_TEXT, errors.INVALID, "malformed array, or one of more dimensions"
    )


def _too_many() -> ValueRefusedError:
    return ValueRefusedError(
        errors.LIMIT, errors.INVALID, f"an array has more than {MOST:,} elements"
    )


def to_array(elements: Sequence[bytes | None], element: int = types.BYTEA) -> bytes:
    """An array in binary format, of elements in theirs."""
    if not elements:
        return _HEAD.pack(0, 0, element)
    parts = [
        _HEAD.pack(1, int(None in elements), element),
        _DIMENSION.pack(len(elements), 1),
    ]
    for one in elements:
        parts.append(_NULL if one is None else _LENGTH.pack(len(one)) + one)
    return b"".join(parts)


def to_array_text(elements: Sequence[bytes | None]) -> bytes:
    """The text of an array of texts, each in quotes."""
    return b"{%s}" % b",".join([b"NULL" if one is None else _quoted(one) for one in elements])


def _quoted(element: bytes) -> bytes:
    return b'"%s"' % element.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
