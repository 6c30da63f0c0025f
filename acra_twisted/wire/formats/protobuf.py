"""Protocol Buffers' wire format: writing messages, and reading small ones.

Source: Protocol Buffers, "Encoding".  A field is its tag (number and kind of value) and its value;
a message is its fields, one behind the other.
"""

from __future__ import annotations

import struct
from typing import Final

_FIXED: Final = struct.Struct("<Q").pack
_DOUBLE: Final = struct.Struct("<d").pack
#: Of lengths and tags, nearly all of which are below 128 or little more.
_VARINTS: Final = [
    *(bytes((n,)) for n in range(0x80)),
    *(bytes((0x80 | n & 0x7F, n >> 7)) for n in range(0x80, 0x4000)),
]


def varint(number: int) -> bytes:
    """An integer from 0 on; negative ones as the 64-bit integers they are two's complements of."""
    if 0 <= number < 0x4000:
        return _VARINTS[number]
    number &= 0xFFFF_FFFF_FFFF_FFFF
    found = bytearray()
    while number > 0x7F:
        found.append(0x80 | number & 0x7F)
        number >>= 7
    found.append(number)
    return bytes(found)


def key(number: int, kind: int) -> bytes:
    """Return the tag that stands before a field's value."""
    return varint(number << 3 | kind)


def delimited(number: int, data: bytes) -> bytes:
    """A field of bytes, of text in UTF-8, or a message."""
    return key(number, 2) + varint(len(data)) + data


def integer(number: int, value: int) -> bytes:
    """A field of kind int32, int64, bool or enum."""
    return key(number, 0) + varint(value)


def fixed64(number: int, value: int) -> bytes:
    """A field of kind fixed64."""
    return key(number, 1) + _FIXED(value)


def double(number: int, value: float) -> bytes:
    """A field of kind double."""
    return key(number, 1) + _DOUBLE(value)


def read(data: bytes) -> list[tuple[int, int | bytes]]:
    """Return number and value of each field of a message: integers, or bytes for a field of bytes,
    of text or of a message.

    Raises ValueError for bytes that are no message.  Fields of fixed size are skipped.
    """
    found: list[tuple[int, int | bytes]] = []
    at, end = 0, len(data)
    while at < end:
        tag, at = _read_varint(data, at)
        number, kind = tag >> 3, tag & 7
        if not 0 < number < 1 << 29:
            raise ValueError("a field has no valid number")
        if kind == 0:
            integer_value, at = _read_varint(data, at)
            found.append((number, integer_value))
        elif kind == 2:
            size, at = _read_varint(data, at)
            if size > end - at:
                raise ValueError("a field is longer than its message")
            found.append((number, data[at : at + size]))
            at += size
        elif kind == 1 or kind == 5:
            at += 8 if kind == 1 else 4
            if at > end:
                raise ValueError("a field is longer than its message")
        else:
            raise ValueError("a field has an unknown kind")
    return found


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    """Return an integer of up to 64 bits, and the place behind it."""
    number = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise ValueError("a number is cut off")
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            if number >> 64:
                break
            return number, at
    raise ValueError("a number has more than 64 bits")
