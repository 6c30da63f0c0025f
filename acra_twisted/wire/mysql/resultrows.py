"""Rows in text and binary form: runs of them walked by their headers, single ones taken apart.

A row in text form is a length-encoded string for each cell, ``fb`` for NULL.  One in binary form
begins with ``00`` and a bit for each cell that is NULL; a value's length follows from its type.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from acra_twisted.errors import WireError
from acra_twisted.fast.littleendian import uint24
from acra_twisted.wire.mysql import lenenc, types
from acra_twisted.wire.mysql.frames import HEADER_SIZE, PART_MAX

if TYPE_CHECKING:
    from mypy_extensions import i64

#: The first byte of what may be a row's end, and of all above it.
_END: Final = 0xFE
#: The bit of the first column in a row's bitmap.
_OFFSET: Final = 2


def walk(data: bytes, position: i64, size: i64) -> tuple[int, int, int]:
    """Return the begin and the end of the last row that begins before ``size``, and how many there
    are from ``position`` on; the end may lie past it, and both are ``position`` if there is none.

    Stops before a packet that may be the rows' end, has no bytes, or is one part of several, and
    where less than a header and a byte are left.  ``size`` is at most the size of the data.
    """
    begin: i64 = position
    count: i64 = 0
    last: i64 = size - HEADER_SIZE
    while position < last:
        length: i64 = uint24(data, position)
        if data[position + HEADER_SIZE] >= _END or length == 0 or length == PART_MAX:
            break
        begin = position
        position += HEADER_SIZE + length
        count += 1
    return begin, position, count


def split_text(row: bytes, at: i64, end: i64, count: int) -> list[bytes | None]:
    """The cells of a row in text form, which is ``row[at:end]``.  Raises WireError."""
    cells: list[bytes | None] = []
    for _ in range(count):
        if at >= end:
            raise lenenc.cut_short("database")
        first: i64 = row[at]
        at += 1
        if first >= lenenc.SHORT:
            if first == lenenc.NULL:
                cells.append(None)
                continue
            first, at = _length_of(row, at - 1, end)
        if first > end - at:
            raise lenenc.cut_short("database")
        cells.append(row[at : at + first])
        at += first
    if at != end:
        raise WireError("database", "a row has bytes behind its last cell")
    return cells


def split_binary(row: bytes, at: i64, end: i64, kinds: Sequence[int]) -> list[bytes | None]:
    """The cells of a row in binary form, by the columns' types: each is as it is on the wire, but
    for the length in front of a string.  Raises WireError, for a type that is not known, too."""
    bits: i64 = at + 1
    if at >= end or row[at] != 0:
        raise WireError("database", "a row in binary form that begins otherwise")
    at = bits + (len(kinds) + 7 + _OFFSET) // 8
    if at > end:
        raise lenenc.cut_short("database")
    cells: list[bytes | None] = []
    bit: i64 = _OFFSET
    for kind in kinds:
        if row[bits + bit // 8] >> bit % 8 & 1:
            cells.append(None)
            bit += 1
            continue
        bit += 1
        length: i64
        if kind in types.STRINGS:
            length, at = _length_of(row, at, end)
        elif kind in types.DATES:
            if at >= end:
                raise lenenc.cut_short("database")
            length = row[at] + 1
        elif kind in types.WIDTHS:
            length = types.WIDTHS[kind]
        elif kind == types.NULL:
            length = 0
        else:
            raise WireError("database", f"a row in binary form with the type {kind}")
        if length > end - at:
            raise lenenc.cut_short("database")
        cells.append(row[at : at + length])
        at += length
    if at != end:
        raise WireError("database", "a row has bytes behind its last cell")
    return cells


def _length_of(row: bytes, at: int, end: int) -> tuple[int, int]:
    """Read a string's length, and where its bytes begin.  Raises WireError for one that reaches
    past ``end``: it may not fit into the numbers here."""
    length, begin = lenenc.read_int(row, at, "database")
    if length > end - begin:
        raise lenenc.cut_short("database")
    return length, begin


def encode_text(cells: Sequence[bytes | None]) -> bytes:
    """The payload of a row in text form."""
    parts: list[bytes] = []
    for cell in cells:
        if cell is None:
            parts.append(b"\xfb")
        else:
            parts.append(lenenc.encode_int(len(cell)))
            parts.append(cell)
    return b"".join(parts)


def encode_binary(cells: Sequence[bytes | None], kinds: Sequence[int]) -> bytes:
    """The payload of a row in binary form.  Raises ValueError for a value whose length its type
    does not allow."""
    bitmap = bytearray((len(kinds) + 7 + _OFFSET) // 8)
    parts: list[bytes] = [b"\0", b""]
    for bit, (cell, kind) in enumerate(zip(cells, kinds, strict=True), _OFFSET):
        if cell is None:
            bitmap[bit // 8] |= 1 << bit % 8
        elif kind in types.STRINGS:
            parts.append(lenenc.encode_int(len(cell)))
            parts.append(cell)
        elif len(cell) == _length(cell, kind):
            parts.append(cell)
        else:
            raise ValueError(f"a value of {len(cell)} bytes for a column of the type {kind}")
    parts[1] = bytes(bitmap)
    return b"".join(parts)


def _length(cell: bytes, kind: int) -> int:
    """The bytes that a value of a fixed or a self-describing length has."""
    if kind in types.DATES:
        return cell[0] + 1 if cell else 1
    return types.WIDTHS.get(kind, 0)
