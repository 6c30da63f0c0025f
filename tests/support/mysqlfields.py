"""Reads fields and binary values of MySQL's protocol strictly, for tests."""

from __future__ import annotations

import struct

DATABASE, PLUGIN, ATTRIBUTES, LENENC = 0x8, 0x80000, 0x100000, 0x200000
STATE_CHANGED = 0x4000
_WIDTHS = {0x01: 1, 0x02: 2, 0x0D: 2, 0x03: 4, 0x09: 4, 0x04: 4, 0x05: 8, 0x08: 8}
_TIMES = {0x07: (0, 4, 7, 11), 0x0C: (0, 4, 7, 11), 0x0A: (0, 4), 0x0B: (0, 8, 12)}
_TEXTS = {0, 0x0F, 0x10, *range(0xF5, 0x100)}


class Violation(Exception):
    """A packet that must not be, or not now."""


class Reader:
    """Reads one payload; `end` says that all of it was read."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, size):
        if size > len(self.data) - self.at:
            raise Violation(f"cut short: {self.data[:40].hex()}")
        self.at += size
        return self.data[self.at - size : self.at]

    def int(self, size):
        return int.from_bytes(self.take(size), "little")

    def length(self):
        first = self.int(1)
        if first in (0xFB, 0xFF):
            raise Violation(f"no length: {first:#x}")
        return first if first < 0xFB else self.int({0xFC: 2, 0xFD: 3, 0xFE: 8}[first])

    def string(self):
        return self.take(self.length())

    def nul(self):
        end = self.data.find(b"\0", self.at)
        if end < 0:
            raise Violation("no end of a string")
        return self.take(end - self.at + 1)[:-1]

    def rest(self):
        return self.take(len(self.data) - self.at)

    def left(self):
        return len(self.data) - self.at

    def end(self):
        if self.left():
            raise Violation(f"{self.left()} bytes left over: {self.data[:40].hex()}")


def read_types(read, count, new, named):
    """Types of ``count`` parameters, each with its sign and, if ``named``, its name."""
    if new != 1:
        raise Violation(f"new types: {new}")
    types = []
    for _ in range(count):
        types.append(read.int(1))
        if read.int(1) & 0x7F:
            raise Violation("more than a sign beside a type")
        if named:
            read.string()
    return types


def read_values(read, types, nulls, offset=0, long=()):
    """Read the values that neither are NULL nor came before, in ``long``."""
    for number, kind in enumerate(types):
        bit = number + offset
        if not nulls[bit // 8] & 1 << bit % 8 and number not in long:
            read_value(read, kind)


def read_value(read, kind):
    """Read one value of the binary form."""
    if kind in _WIDTHS:
        read.take(_WIDTHS[kind])
    elif kind in _TIMES:
        size = read.int(1)
        if size not in _TIMES[kind]:
            raise Violation(f"a time of {size} bytes")
        read.take(size)
    elif kind in _TEXTS:
        read.string()
    elif kind != 6:
        raise Violation(f"type {kind}")


def read_greeting(payload):
    """Read the first packet of a server."""
    read = Reader(payload)
    if read.int(1) != 10:
        raise Violation("not version 10")
    read.nul(), read.take(4 + 8)
    if read.int(1):
        raise Violation("no zero behind the scramble")
    read.take(2 + 1 + 2 + 2)
    length = read.int(1)
    read.take(10)
    read.take(max(13, length - 8))
    read.nul(), read.end()


def read_response(payload):
    """Read the response of a client to a greeting."""
    read = Reader(payload)
    flags = read.int(4)
    read.take(4 + 1 + 23)
    read.nul()
    read.string() if flags & LENENC else read.take(read.int(1))
    if flags & DATABASE:
        read.nul()
    if flags & PLUGIN:
        read.nul()
    if flags & ATTRIBUTES:
        read_attributes(read)
    read.end()


def read_attributes(read):
    """Read the attributes of a connection."""
    inner = Reader(read.string())
    while inner.left():
        inner.string(), inner.string()


def read_change_user(payload):
    """Read COM_CHANGE_USER."""
    read = Reader(payload)
    read.take(1)
    read.nul(), read.take(read.int(1)), read.nul()
    if read.left():
        read.take(2), read.nul()
    if read.left():
        read_attributes(read)
    read.end()


def read_column(payload, extended, default=False):
    """Return the type of a column by its definition."""
    read = Reader(payload)
    if read.string() != b"def":
        raise Violation("no catalog def")
    for _ in range(5 + extended):
        read.string()
    if read.int(1) != 12:
        raise Violation("fixed fields of another length")
    read.take(6)
    kind = read.int(1)
    read.take(3)
    if read.take(2) != b"\0\0":
        raise Violation("no zeros at the end")
    if default and payload[read.at : read.at + 1] != b"\xfb":
        read.string()
    elif default:
        read.take(1)
    read.end()
    return kind


def read_eof(payload):
    """Return the status of EOF."""
    if len(payload) != 5 or payload[0] != 0xFE:
        raise Violation(f"not EOF: {payload[:40].hex()}")
    return struct.unpack("<xHH", payload)[1]


def read_ok(payload, tracked):
    """Return the status of OK; ``tracked`` says if it may have changes of the session."""
    read = Reader(payload)
    if read.int(1) not in (0, 0xFE):
        raise Violation(f"not OK: {payload[:40].hex()}")
    read.length(), read.length()
    status = read.int(2)
    read.take(2)
    if tracked and read.left():
        read.string()
        if status & STATE_CHANGED:
            inner = Reader(read.string())
            while inner.left():
                inner.take(1), inner.string()
    else:
        read.rest()
    read.end()
    return status


def read_error(payload):
    """Read ERR."""
    read = Reader(payload)
    read.take(1 + 2)
    if read.take(1) != b"#":
        raise Violation("an error without SQLSTATE")
    read.take(5)
