"""Runs of PostgreSQL's DataRow and CopyData messages, as stages see them."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from acra_twisted.errors import WireError
from acra_twisted.fast.bigendian import uint16, uint32
from acra_twisted.results import RowBatch

if TYPE_CHECKING:
    from mypy_extensions import i64

_COUNT: Final = struct.Struct(">H")
_LENGTH: Final = struct.Struct(">i")
_NULL: Final = 0xFFFFFFFF


class DataRows(RowBatch):
    """Complete DataRow messages."""

    __slots__ = ()

    def _find_offsets(self) -> list[int]:
        data = self.data
        offsets: list[int] = []
        position: i64 = self.start
        end: i64 = self.end
        while position < end:
            offsets.append(position)
            position += 1 + uint32(data, position + 1)
        offsets.append(end)
        return offsets

    def _split(self, start: int) -> list[bytes | None]:
        data = self.data
        position: i64 = start
        end: i64 = position + 1 + uint32(data, position + 1)
        count = uint16(data, position + 5)
        position += 7
        values: list[bytes | None] = []
        for _ in range(count):
            if position + 4 > end:
                raise WireError("database", "DataRow ends inside a column length")
            size: i64 = uint32(data, position)
            position += 4
            if size == _NULL:
                values.append(None)
                continue
            # As an unsigned number, a negative one is past any message.
            if position + size > end:
                raise WireError("database", "DataRow column length past the message")
            values.append(data[position : position + size])
            position += size
        if position != end:
            raise WireError("database", "DataRow has bytes after its last column")
        return values

    def _encode_row(self, values: Sequence[bytes | None]) -> bytes:
        parts = [_COUNT.pack(len(values))]
        for value in values:
            if value is None:
                parts.append(b"\xff\xff\xff\xff")
            else:
                parts.append(_LENGTH.pack(len(value)))
                parts.append(value)
        body = b"".join(parts)
        # Range-checked by struct: a value that grew past 2^31-1 raises instead of wrapping (FR-3).
        return b"D" + _LENGTH.pack(len(body) + 4) + body


class LoadedLines(RowBatch):
    """Lines that a client loads, joined: each is a row of one cell.  Encoded they are one CopyData
    message."""

    __slots__ = ()

    def _find_offsets(self) -> list[int]:
        data, position, end = self.data, self.start, self.end
        offsets: list[int] = []
        while position < end:
            offsets.append(position)
            newline = data.find(b"\n", position, end)
            position = end if newline < 0 else newline + 1
        offsets.append(end)
        return offsets

    def _split(self, start: int) -> list[bytes | None]:
        newline = self.data.find(b"\n", start, self.end)
        return [self.data[start : self.end if newline < 0 else newline + 1]]

    def _encode_row(self, values: Sequence[bytes | None]) -> bytes:
        (value,) = values
        assert value is not None  # noqa: S101 - COPY writes NULL as text
        return value

    def encode(self) -> bytes:
        """The message with the lines and their changes."""
        lines = super().encode()
        return b"d" + _LENGTH.pack(len(lines) + 4) + lines


class CopyRows(DataRows):
    """Complete CopyData messages: each is a row of one cell."""

    __slots__ = ()

    def _split(self, start: int) -> list[bytes | None]:
        return [self.data[start + 5 : start + 1 + uint32(self.data, start + 1)]]

    def _encode_row(self, values: Sequence[bytes | None]) -> bytes:
        (value,) = values
        assert value is not None  # noqa: S101 - COPY writes NULL as text
        return b"d" + _LENGTH.pack(len(value) + 4) + value
