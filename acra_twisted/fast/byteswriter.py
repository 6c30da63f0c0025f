"""Bytes that are written piece by piece, into a buffer that grows.

Compiled it is mypyc's own (``librt``), whose calls are a few machine instructions each; interpreted
a stand-in with the same names, as far as they are used.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from acra_twisted.fast.compiled import COMPILED

if TYPE_CHECKING or COMPILED:
    from librt.strings import BytesWriter, write_f64_le, write_i32_be, write_i64_le
else:
    _INT32 = struct.Struct(">i").pack
    _INT64 = struct.Struct("<q").pack
    _FLOAT64 = struct.Struct("<d").pack

    class BytesWriter:
        """See librt's."""

        __slots__ = ("_parts", "write")

        def __init__(self):
            self._parts = []
            self.write = self._parts.append

        def append(self, byte):
            """One byte, a number."""
            self.write(bytes((byte,)))

        def getvalue(self):
            """Return the written bytes."""
            return b"".join(self._parts)

        def truncate(self, size):
            """Keep the first bytes alone."""
            kept = self.getvalue()[:size]
            self._parts[:] = [kept] if kept else []

    def write_i32_be(writer, number):
        """A whole number as four bytes, the highest first."""
        writer.write(_INT32(number))

    def write_i64_le(writer, number):
        """A whole number as eight bytes, the lowest first."""
        writer.write(_INT64(number))

    def write_f64_le(writer, number):
        """A float as eight bytes, the lowest first."""
        writer.write(_FLOAT64(number))


__all__ = ("BytesWriter", "write_f64_le", "write_i32_be", "write_i64_le")
