"""Thrift's binary and compact protocols, as far as writing structs goes.

Source: Apache Thrift's specifications of both.  A struct is given as fields, ``(id, kind, value)``
with rising ids; the value of a STRUCT field is a struct that was written, that of a LIST field a
sequence of such.  A span of Jaeger's takes a quarter of what the library's protocols take, which
are called for each field and each of its bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Any

#: Kinds of values: the binary protocol's numbers.
BOOL, DOUBLE, I32, I64, STRING, STRUCT, LIST = 2, 4, 8, 10, 11, 12, 15
ONEWAY = 4
Field = tuple[int, int, Any]

_HEAD = struct.Struct(">bh")
_FORMS = {
    BOOL: struct.Struct(">bhb").pack,
    DOUBLE: struct.Struct(">bhd").pack,
    I32: struct.Struct(">bhi").pack,
    I64: struct.Struct(">bhq").pack,
}
_STRING = struct.Struct(">bhi").pack
_LIST = struct.Struct(">bhbi").pack
_DOUBLE = struct.Struct("<d").pack
# The compact protocol's numbers of the same kinds; a bool's is its value.
_COMPACT = {DOUBLE: 7, I32: 5, I64: 6, STRING: 8, STRUCT: 12, LIST: 9}
_PROTOCOL_ID, _VERSION = 0x82, 1


def binary(fields: Iterable[Field]) -> bytes:
    """A struct in the binary protocol."""
    parts = []
    for number, kind, value in fields:
        form = _FORMS.get(kind)
        if form is not None:
            parts.append(form(kind, number, value))
        elif kind == STRING:
            data = value.encode("utf-8", "replace")
            parts += (_STRING(kind, number, len(data)), data)
        elif kind == STRUCT:
            parts += (_HEAD.pack(kind, number), value)
        else:
            parts.append(_LIST(kind, number, STRUCT, len(value)))
            parts += value
    parts.append(b"\0")
    return b"".join(parts)


def compact(fields: Iterable[Field]) -> bytes:
    """A struct in the compact protocol."""
    parts = bytearray()
    last = 0
    for number, kind, value in fields:
        shown = (1 if value else 2) if kind == BOOL else _COMPACT[kind]
        # Ids of ours are never more than 15 apart.
        parts.append((number - last) << 4 | shown)
        last = number
        if kind in (I32, I64):
            parts += varint(value << 1 ^ value >> 63)
        elif kind == STRING:
            data = value.encode("utf-8", "replace")
            parts += varint(len(data)) + data
        elif kind == DOUBLE:
            parts += _DOUBLE(value)
        elif kind == STRUCT:
            parts += value
        elif kind == LIST:
            size, element = len(value), _COMPACT[STRUCT]
            parts += (
                bytes((size << 4 | element,))
                if size < 15
                else bytes((0xF0 | element,)) + varint(size)
            )
            for item in value:
                parts += item
    parts.append(0)
    return bytes(parts)


def compact_message(name: str, sequence: int, arguments: bytes) -> bytes:
    """A call that is not answered, in the compact protocol."""
    data = name.encode("ascii")
    head = bytes((_PROTOCOL_ID, ONEWAY << 5 | _VERSION))
    return head + varint(sequence) + varint(len(data)) + data + arguments


def varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first; of a negative number the low 64 bits."""
    value &= (1 << 64) - 1
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)
