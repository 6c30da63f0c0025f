"""Runs of DataRow messages, walked by their headers.

100,000 small rows take 40 ms with ``struct``, compiled or not, and 2 ms byte by byte where that is
compiled (docs/performance.rst).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from acra_twisted.fast.bigendian import uint16
from acra_twisted.fast.compiled import COMPILED
from acra_twisted.wire.postgres.frames import DATA_ROW, length_at

if TYPE_CHECKING:
    from mypy_extensions import i64

#: Bytes of a header: type, length, number of columns.
HEADER_SIZE: Final = 7
_UNPACK: Final = struct.Struct(">BIH").unpack_from


def walk(data: bytes, position: int, size: int, columns: int, limit: int) -> tuple[int, int, int]:
    """Return begin and end of the last row that begins before ``size``, whose end may lie past it,
    and the number of rows with it.

    Both are ``position`` if there is none.  Stops before what is no DataRow, has another number
    of ``columns`` or a length (without the type byte) that is not from 6 to ``limit``, and where
    less than a header is left.  ``size`` is at most the size of the data.
    """
    if COMPILED:
        return by_bytes(data, position, size, columns, limit)
    return by_struct(data, position, size, columns, limit)


def by_bytes(
    data: bytes, position: i64, size: i64, columns: i64, limit: i64
) -> tuple[int, int, int]:
    """`walk`, for the compiled form."""
    begin: i64 = position
    rows: i64 = 0
    last: i64 = size - HEADER_SIZE
    while position <= last and data[position] == DATA_ROW:
        length: i64 = length_at(data, position)
        if uint16(data, position + 5) != columns or length < 6 or length > limit:
            break
        begin = position
        position += length + 1
        rows += 1
    return begin, position, rows


def by_struct(
    data: bytes, position: int, size: int, columns: int, limit: int
) -> tuple[int, int, int]:
    """`walk`, for the interpreted form."""
    unpack = _UNPACK
    begin = position
    rows = 0
    last = size - HEADER_SIZE
    while position <= last:
        kind, length, count = unpack(data, position)
        if kind != DATA_ROW or count != columns or not 6 <= length <= limit:
            break
        begin = position
        position += length + 1
        rows += 1
    return begin, position, rows
