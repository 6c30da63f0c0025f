"""Runs of rows on their way to the client, as stages see them: split only when asked.

A batch is a part of the chunk that arrived; nothing of it is copied before a row of it changes.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from acra_twisted.errors import WireError
from acra_twisted.fast.bigendian import uint16, uint32

if TYPE_CHECKING:
    from mypy_extensions import i64

    from acra_twisted.model import Columns

_COUNT: Final = struct.Struct(">H")
_LENGTH: Final = struct.Struct(">i")
_NULL: Final = 0xFFFFFFFF


class RowBatch:
    """The complete DataRow messages in ``data[start:end]``.

    ``findings``: what one stage has found in the run and the next need not look for again; of
    whoever sets it, None before.
    """

    __slots__ = (
        "data",
        "start",
        "end",
        "columns",
        "findings",
        "_offsets",
        "_rows",
        "_changed",
        "_encoded",
    )

    def __init__(self, data: bytes, columns: Columns, start: int = 0, end: int = -1) -> None:
        self.data = data
        self.start = start
        self.end = end if end >= 0 else len(data)
        self.columns = columns
        self.findings: Any = None
        self._offsets: list[int] | None = None
        # Rows that were split, and those of them that were changed.
        self._rows: dict[int, list[bytes | None]] = {}
        self._changed: set[int] = set()
        self._encoded: bytes | None = None

    @property
    def size(self) -> int:
        """Bytes of the run."""
        return self.end - self.start

    @property
    def offsets(self) -> list[int]:
        """Where each message begins in ``data``, and the end behind the last."""
        if self._offsets is None:
            data = self.data
            offsets: list[int] = []
            position: i64 = self.start
            end: i64 = self.end
            while position < end:
                offsets.append(position)
                position += 1 + uint32(data, position + 1)
            offsets.append(end)
            self._offsets = offsets
        return self._offsets

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def cells(self, row: int) -> Sequence[bytes | None]:
        """The values of one row, changes included.  Raises WireError on a malformed row."""
        found = self._rows.get(row)
        if found is None:
            found = self._rows[row] = self._split(self.offsets[row])
        return found

    def set_cell(self, row: int, column: int, value: bytes | None) -> None:
        """Change one value."""
        self.cells(row)
        self._rows[row][column] = value
        self._changed.add(row)
        self._encoded = None

    def encode(self) -> bytes:
        """The run with its changes.  Kept: a worker may do it before it is asked for."""
        if self._encoded is not None:
            return self._encoded
        data, offsets = self.data, self.offsets
        parts = []
        done = self.start
        for row in sorted(self._changed):
            parts += [data[done : offsets[row]], self._encode_row(self._rows[row])]
            done = offsets[row + 1]
        parts.append(data[done : self.end])
        self._encoded = encoded = b"".join(parts)
        return encoded

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

    @staticmethod
    def _encode_row(values: Sequence[bytes | None]) -> bytes:
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


class CopyBatch(RowBatch):
    """Complete CopyData messages: each is a row of one cell."""

    __slots__ = ()

    def _split(self, start: int) -> list[bytes | None]:
        return [self.data[start + 5 : start + 1 + uint32(self.data, start + 1)]]

    @staticmethod
    def _encode_row(values: Sequence[bytes | None]) -> bytes:
        (value,) = values
        assert value is not None  # noqa: S101 - COPY writes NULL as text
        return b"d" + _LENGTH.pack(len(value) + 4) + value
