"""COPY data in binary format: a header, rows of values with their lengths, and a trailer.

Source: PostgreSQL's copyfromparse.c (ReceiveCopyBinaryHeader, CopyReadBinaryAttribute).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

from acra_twisted.wire.framing import Fed
from acra_twisted.wire.postgres.copyformat import WRONG_COUNT, CopyDataError

SIGNATURE: Final = b"PGCOPY\n\xff\r\n\0"
_HEADER: Final = struct.Struct(">II")
_HEADER_SIZE: Final = len(SIGNATURE) + _HEADER.size
_COUNT: Final = struct.Struct(">h")
_LENGTH: Final = struct.Struct(">i")
_NULL: Final = _LENGTH.pack(-1)
#: Bytes of a header's extension; there has never been one.
_MAX_EXTENSION: Final = 4096
TRAILER: Final = _COUNT.pack(-1)


class Tuples:
    """Puts rows together.  ``limit`` is the length of the longest, in bytes; ``columns`` is the
    number of values that each of them must have, None for any."""

    def __init__(self, limit: int, columns: int | None = None) -> None:
        self._limit = limit
        self._columns = columns
        # Bytes from the begin of a row on; those before the place are whole values.
        self._buffer = bytearray()
        self._place = 0
        # Values of the row that are still to come, None if their number is.
        self._left: int | None = None
        self._begun = False
        self._ended = False

    def feed(self, data: bytes) -> Fed:
        """Take a piece of the data.  Raises CopyDataError for a row that is too long, and for
        anything that is none."""
        buffer = self._buffer
        buffer += data
        before = behind = b""
        if not self._begun:
            before = self._take_header()
        rows: list[bytes] = []
        start = 0
        while self._begun and not self._ended and self._is_whole(start):
            rows.append(bytes(buffer[start : self._place]))
            start = self._place
        if self._ended:
            if rows:
                behind = rows.pop()
            if start < len(buffer):
                raise CopyDataError("received copy data after the end mark")
        del buffer[:start]
        self._place -= start
        return Fed(before, rows, behind)

    def _take_header(self) -> bytes:
        """Take the header off the buffer; empty if it is not there yet."""
        buffer = self._buffer
        if len(buffer) < _HEADER_SIZE:
            return b""
        flags, extension = _HEADER.unpack_from(buffer, len(SIGNATURE))
        if buffer[: len(SIGNATURE)] != SIGNATURE or flags or extension > _MAX_EXTENSION:
            raise CopyDataError("the header of the COPY data is not known")
        size = _HEADER_SIZE + extension
        if len(buffer) < size:
            return b""
        self._begun = True
        header = bytes(buffer[:size])
        del buffer[:size]
        return header

    def _is_whole(self, start: int) -> bool:
        """Go on to the end of the row that begins there; False if it is not there yet.  No value
        is looked at twice once it is there."""
        buffer = self._buffer
        if self._left is None:
            if len(buffer) < self._place + _COUNT.size:
                return False
            self._left = self._count(_COUNT.unpack_from(buffer, self._place)[0])
            self._place += _COUNT.size
        while self._left:
            if len(buffer) < self._place + _LENGTH.size:
                return False
            (length,) = _LENGTH.unpack_from(buffer, self._place)
            if length < -1:
                raise CopyDataError("a value has a negative length")
            end = self._place + _LENGTH.size + max(length, 0)
            if end - start > self._limit:
                raise CopyDataError("a row is too long")
            if len(buffer) < end:
                return False
            self._place = end
            self._left -= 1
        self._left = None
        return True

    def _count(self, count: int) -> int:
        """The number of a row's values; the end mark has none."""
        if count == -1:
            self._ended = True
            return 0
        if count < 0:
            raise CopyDataError("a row has a negative number of values")
        if self._columns is not None and count != self._columns:
            raise CopyDataError(WRONG_COUNT)
        return count

    def finish(self) -> Fed:
        """Take the end of the data.  Raises CopyDataError if a row is incomplete."""
        if self._buffer or not self._begun:
            raise CopyDataError("the last row is incomplete")
        return Fed(b"", [], b"")

    def split(self, row: bytes) -> list[bytes]:
        """The values of a row as they are written: each behind its length."""
        values = []
        place = _COUNT.size
        while place < len(row):
            (length,) = _LENGTH.unpack_from(row, place)
            end = place + _LENGTH.size + max(length, 0)
            values.append(row[place:end])
            place = end
        return values

    def decode(self, written: bytes, column: int) -> bytes | None:
        """A value, None for NULL."""
        return None if written == _NULL else written[_LENGTH.size :]

    @property
    def null(self) -> bytes:
        """NULL as it is written."""
        return _NULL

    def is_default(self, written: bytes) -> bool:
        """Tell whether a written value stands for the column's default."""
        return False

    def encode(self, value: bytes, column: int) -> bytes:
        """A value as it is written."""
        return _LENGTH.pack(len(value)) + value

    def join(self, row: bytes, values: Sequence[bytes]) -> bytes:
        """The row of these written values."""
        return _COUNT.pack(len(values)) + b"".join(values)
