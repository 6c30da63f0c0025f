"""Protocol Buffers' wire format, as far as writing messages goes.

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
