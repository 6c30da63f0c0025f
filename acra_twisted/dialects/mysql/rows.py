"""Runs of MySQL's rows, as stages see them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from acra_twisted.fast.littleendian import uint24
from acra_twisted.results import Columns, RowBatch
from acra_twisted.wire.mysql.frames import HEADER_SIZE, PART_MAX, packets, renumbered
from acra_twisted.wire.mysql.resultrows import (
    encode_binary,
    encode_text,
    split_binary,
    split_text,
)

if TYPE_CHECKING:
    from mypy_extensions import i64


class MysqlRows(RowBatch):
    """Whole rows of one packet each, in text form or, with ``binary``, in binary form.  Rows that
    stages have changed are written by the types ``shown``, which the client was told.

    Encoded they are numbered on from the first one's number.  ``added``: so many packets more than
    there were they have become; known once they are encoded.
    """

    __slots__ = ("binary", "added", "_read_by", "_shown")

    def __init__(
        self,
        data: bytes,
        columns: Columns,
        start: int,
        end: int,
        binary: bool,
        shown: Sequence[int] | None = None,
    ) -> None:
        super().__init__(data, columns, start, end)
        self.binary = binary
        # Stages may put other columns in their place.
        self._read_by = columns.types
        self._shown = columns.types if shown is None else shown
        self.added = 0

    def encode(self) -> bytes:
        """The packets with their changes.  Kept: a worker may do it before it is asked for."""
        if self._encoded is None:
            self._encoded = self._written()
        return self._encoded

    def _written(self) -> bytes:
        data, offsets = self.data, self.offsets
        parts: list[bytes] = []
        done, added = self.start, 0
        for row in sorted(self._changed):
            start = offsets[row]
            parts.append(renumbered(data, done, start, added))
            payload = self._encode_row(self._rows[row])
            parts.append(packets(payload, (data[start + 3] + added) & 0xFF))
            added += len(payload) // PART_MAX
            done = offsets[row + 1]
        parts.append(renumbered(data, done, self.end, added))
        self.added = added
        return b"".join(parts)

    def _find_offsets(self) -> list[int]:
        data = self.data
        offsets: list[int] = []
        position: i64 = self.start
        end: i64 = self.end
        while position < end:
            offsets.append(position)
            position += HEADER_SIZE + uint24(data, position)
        offsets.append(end)
        return offsets

    def _split(self, start: int) -> list[bytes | None]:
        return self._cells(start + HEADER_SIZE, start + HEADER_SIZE + uint24(self.data, start))

    def _cells(self, start: int, end: int) -> list[bytes | None]:
        """The cells of the row whose payload lies there."""
        if self.binary:
            return split_binary(self.data, start, end, self._read_by)
        return split_text(self.data, start, end, len(self._read_by))

    def _encode_row(self, values: Sequence[bytes | None]) -> bytes:
        """The payload of a row."""
        return encode_binary(values, self._shown) if self.binary else encode_text(values)


class LongRow(MysqlRows):
    """One row of several packets: ``data`` is its payload, ``sequence`` the first one's number."""

    __slots__ = ("sequence",)

    def __init__(
        self,
        data: bytes,
        columns: Columns,
        binary: bool,
        sequence: int,
        shown: Sequence[int] | None = None,
    ) -> None:
        super().__init__(data, columns, 0, len(data), binary, shown)
        self.sequence = sequence

    def _written(self) -> bytes:
        payload = self._encode_row(self._rows[0]) if self._changed else self.data
        self.added = len(payload) // PART_MAX - len(self.data) // PART_MAX
        return packets(payload, self.sequence)

    def _find_offsets(self) -> list[int]:
        return [0, self.end]

    def _split(self, start: int) -> list[bytes | None]:
        return self._cells(0, self.end)


class Message(RowBatch):
    """A packet that is no row, as a row of one cell: its payload."""

    __slots__ = ()

    def _find_offsets(self) -> list[int]:
        return [self.start, self.end]

    def _split(self, start: int) -> list[bytes | None]:
        return [self.data[self.start : self.end]]

    def _encode_row(self, values: Sequence[bytes | None]) -> bytes:
        (value,) = values
        assert value is not None  # noqa: S101 - a payload is never NULL
        return value
