"""Rows out of COPY data."""

from acra_twisted.wire.postgres.copyformat import CopyDataError
from acra_twisted.wire.postgres.copyrows import rows_of


def fed(form, pieces, limit=1 << 20):
    """All that comes of data in pieces: the bytes before, the rows, the bytes behind."""
    rows = rows_of(form, limit)
    before, found, behind = b"", [], b""
    for piece in (*pieces, None):
        one = rows.finish() if piece is None else rows.feed(piece)
        before += one.before
        found += one.rows
        behind += one.behind
    return before, found, behind


def values(form, data, limit=1 << 20):
    """The values of rows; None if the data is refused."""
    rows = rows_of(form, limit)
    try:
        found = fed(form, [data], limit)[1]
        return [
            [rows.decode(one, place) for place, one in enumerate(rows.split(row))] for row in found
        ]
    except CopyDataError:
        return None


def cut(data, places):
    """The data in pieces that end at these places."""
    ends = sorted({place % (len(data) + 1) for place in places})
    return [data[start:end] for start, end in zip((0, *ends), (*ends, len(data)), strict=True)]
