"""COPY data in binary format: a header, rows of values with their lengths, and a trailer.

Source: PostgreSQL's copyfromparse.c (ReceiveCopyBinaryHeader, CopyReadBinaryAttribute).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

from acra_twisted.wire.postgres.copyformat import CopyDataError, Fed

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
    """Puts rows together.  ``limit`` is the length of the longest, in bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._pieces: list[bytes] = []
        self._size = 0
        # Bytes without which nothing goes on.
        self._needed = _HEADER_SIZE
        self._begun = False
        self._ended = False

    def feed(self, data: bytes) -> Fed:
        """Take a piece of the data.  Raises CopyDataError for a row that is too long, and for
        anything that is none."""
        self._pieces.append(data)
        self._size += len(data)
        if self._size < self._needed:
            return Fed(b"", [], b"")
        buffer = b"".join(self._pieces)
        rows: list[bytes] = []
        before = behind = b""
        place = 0 if self._begun else self._end_of_header(buffer)
        if place:
            before = buffer[:place]
        while self._begun and not self._ended:
            end = self._end_of(buffer, place)
            if not end:
                break
            rows.append(buffer[place:end])
            place = end
        if self._ended:
            if rows:
                behind = rows.pop()
            if place < len(buffer):
                raise CopyDataError("received copy data after the end mark")
        self._pieces, self._size = [buffer[place:]], len(buffer) - place
        self._needed -= place
        return Fed(before, rows, behind)

    def _end_of(self, buffer: bytes, start: int) -> int:
        """The end of the row that begins there; 0, and ``_needed`` set, if it is not there yet."""
        place = start + _COUNT.size
        if not self._has(buffer, place):
            return 0
        (count,) = _COUNT.unpack_from(buffer, start)
        if count < 0:
            if count != -1:
                raise CopyDataError("a row has a negative number of values")
            self._ended = True
            return place
        for _ in range(count):
            if not self._has(buffer, place + _LENGTH.size):
                return 0
            (length,) = _LENGTH.unpack_from(buffer, place)
            if length < -1:
                raise CopyDataError("a value has a negative length")
            place += _LENGTH.size + max(length, 0)
            if place - start > self._limit:
                raise CopyDataError("a row is too long")
        return place if self._has(buffer, place) else 0

    def _end_of_header(self, buffer: bytes) -> int:
        if not self._has(buffer, _HEADER_SIZE):
            return 0
        flags, extension = _HEADER.unpack_from(buffer, len(SIGNATURE))
        if buffer[: len(SIGNATURE)] != SIGNATURE or flags or extension > _MAX_EXTENSION:
            raise CopyDataError("the header of the COPY data is not known")
        if not self._has(buffer, _HEADER_SIZE + extension):
            return 0
        self._begun = True
        return int(_HEADER_SIZE + extension)

    def _has(self, buffer: bytes, size: int) -> bool:
        self._needed = size
        return len(buffer) >= size

    def finish(self) -> Fed:
        """Take the end of the data.  Raises CopyDataError if a row is incomplete."""
        if self._size or not self._begun:
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

    def encode(self, value: bytes, column: int) -> bytes:
        """A value as it is written."""
        return _LENGTH.pack(len(value)) + value

    def join(self, row: bytes, values: Sequence[bytes]) -> bytes:
        """The row of these written values."""
        return _COUNT.pack(len(values)) + b"".join(values)
