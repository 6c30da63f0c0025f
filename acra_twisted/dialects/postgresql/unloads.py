"""Rows that a client reads with COPY ... TO STDOUT, value by value, for stages that know what the
values are.

The client gets one message a row, as PostgreSQL sends them, however they come.
"""

from __future__ import annotations

from acra_twisted.dialects.postgresql.rows import CopyRows
from acra_twisted.dialects.postgresql.values import VALUES
from acra_twisted.errors import WireError
from acra_twisted.exchange import Unload
from acra_twisted.results import Columns
from acra_twisted.wire.framing import Fed
from acra_twisted.wire.postgres import frames
from acra_twisted.wire.postgres.copyformat import BINARY, CopyDataError, copy_format
from acra_twisted.wire.postgres.copyrows import Rows, rows_of

_COPY_DATA = b"d"


class Unloading:
    """The rows of one COPY.  ``encoding`` is the session's ``client_encoding``, ``limit`` the bytes
    of the longest row.  Raises CopyDataError for options that cannot be followed.

    ``columns`` have no tables, and the types that are told in ``unload``.
    """

    def __init__(self, unload: Unload, encoding: str, limit: int) -> None:
        names, types = unload.names, unload.types
        form = copy_format(unload.options, names, encoding)
        count = len(names)
        self.is_binary = form.kind == BINARY
        self.columns = Columns(
            [name.encode() for name in names],
            [0] * count,
            types,
            [1 if self.is_binary else 0] * count,
            values=VALUES,
        )
        self._rows = rows_of(form, limit, count)

    def feed(self, data: bytes, columns: Columns) -> UnloadedRows:
        """The rows that are complete with a piece of the data; ``columns`` are those above with
        what a stage knows of them.  Raises WireError."""
        try:
            fed = self._rows.feed(data)
        except CopyDataError as error:
            raise _malformed(error) from None
        return UnloadedRows(self._rows, fed, columns, self.is_binary)

    def finish(self) -> None:
        """Raises WireError if the last row is incomplete."""
        try:
            fed = self._rows.finish()
        except CopyDataError as error:
            raise _malformed(error) from None
        if fed.rows:
            raise WireError("database", "the last row of the copied data has no end")


class UnloadedRows(CopyRows):
    """A run of rows, each in a message, and what stands before and behind them."""

    __slots__ = ("_reader", "_before", "_behind", "_written", "_places", "_joins")

    def __init__(self, reader: Rows, fed: Fed, columns: Columns, is_binary: bool) -> None:
        data = b"".join([frames.message(_COPY_DATA, row) for row in fed.rows])
        super().__init__(data, columns)
        self._reader = reader
        self._before = fed.before
        self._joins = is_binary
        self._behind = frames.message(_COPY_DATA, fed.behind) if fed.behind else b""
        # The values of rows as they are written, by where a row begins.
        self._written: dict[int, list[bytes]] = {}
        # The columns of each row that were changed.
        self._places: dict[int, set[int]] = {}

    def _split(self, start: int) -> list[bytes | None]:
        try:
            written = self._reader.split(self._row(start))
        except CopyDataError as error:
            raise _malformed(error) from None
        if len(written) != len(self.columns):
            raise WireError("database", "a row of the copied data has another number of values")
        self._written[start] = written
        return [self._reader.decode(one, column) for column, one in enumerate(written)]

    def _row(self, start: int) -> bytes:
        return self.data[start + 5 : start + 1 + frames.length_at(self.data, start)]

    def set_cell(self, row: int, column: int, value: bytes | None) -> None:
        """See RowBatch."""
        super().set_cell(row, column, value)
        self._places.setdefault(row, set()).add(column)

    def encode(self) -> bytes:
        """The messages for the client; values that did not change stay as they were written."""
        if self._encoded is None:
            data, offsets = self.data, self.offsets
            parts: list[bytes] = []
            done = self.start
            for row in sorted(self._places):
                parts += (data[done : offsets[row]], self._encode_changed(row))
                done = offsets[row + 1]
            parts += (data[done : self.end], self._behind)
            self._encoded = self._with_header(b"".join(parts))
        return self._encoded

    def _with_header(self, made: bytes) -> bytes:
        header = self._before
        if not header:
            return made
        if self._joins and self.offsets[1:]:
            # Drivers expect the first row in the message of the header, as PostgreSQL sends it.
            end = 1 + frames.length_at(made, 0)
            return frames.message(_COPY_DATA, header + made[5:end]) + made[end:]
        return frames.message(_COPY_DATA, header) + made

    def _encode_changed(self, row: int) -> bytes:
        reader, start, cells = self._reader, self.offsets[row], self._rows[row]
        written = self._written[start]
        for column in self._places[row]:
            value = cells[column]
            written[column] = reader.null if value is None else reader.encode(value, column)
        return frames.message(_COPY_DATA, reader.join(self._row(start), written))


def _malformed(error: CopyDataError) -> WireError:
    return WireError("database", f"copied data: {error}")
