"""COPY data as rows of values, in whatever format."""

from __future__ import annotations

from acra_twisted.wire.postgres.copyformat import BINARY, CSV, CopyFormat
from acra_twisted.wire.postgres.copylines import CsvLines, TextLines
from acra_twisted.wire.postgres.copytuples import Tuples

#: They have the same methods.  ``feed`` and ``finish`` give rows; ``split`` takes a row apart into
#: values as they are written, ``decode`` reads such a value, ``encode`` writes one, and ``join``
#: makes the row of them.
Rows = TextLines | CsvLines | Tuples


def rows_of(form: CopyFormat, limit: int, columns: int | None = None) -> Rows:
    """Reads and writes the rows of a format, none of them longer than ``limit`` bytes.
    ``columns``: as for `Tuples`."""
    if form.kind == BINARY:
        return Tuples(limit, columns)
    return CsvLines(form, limit) if form.kind == CSV else TextLines(form, limit)
