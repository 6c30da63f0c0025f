"""Rows: split only when asked, changed cell by cell, bounds checked."""

import struct

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.postgresql.rows import CopyRows, DataRows
from acra_twisted.errors import WireError
from acra_twisted.results import LINES, Columns
from acra_twisted.wire.postgres.frames import message
from tests.support.sessions import row

cells = st.lists(st.one_of(st.none(), st.binary(max_size=20)), max_size=5)


def batch_of(*rows):
    width = len(rows[0]) if rows else 0
    data = b"".join(row(*values) for values in rows)
    # A part of a chunk, as it is in life.
    chunk = b"before" + data + b"behind"
    return DataRows(chunk, Columns([b""] * width, [0], [0], [0]), 6, 6 + len(data))


class Batches(SynchronousTestCase):
    @given(st.lists(cells, max_size=5))
    def test_cells_are_what_was_encoded(self, rows):
        batch = batch_of(*rows)
        self.assertEqual([batch.cells(index) for index in range(len(batch))], rows)
        self.assertEqual(batch.encode(), b"".join(row(*values) for values in rows))
        self.assertEqual(batch.size, len(batch.encode()))

    def test_a_changed_row_leaves_its_neighbours(self):
        batch = batch_of([b"a", None], [b"b", b""], [b"c", b"d"])
        batch.set_cell(1, 0, None)
        batch.set_cell(1, 1, b"new")
        expected = row(b"a", None) + row(None, b"new") + row(b"c", b"d")
        self.assertEqual(batch.encode(), expected)
        self.assertEqual(batch.cells(1), [None, b"new"])
        self.assertEqual(len(batch.columns), 2)

    def test_rows_are_split_once(self):
        batch = batch_of([b"a"])
        self.assertIs(batch.cells(0), batch.cells(0))

    def test_copied_lines(self):
        data = message(b"d", b"one\n") + message(b"d", b"two\n")
        batch = CopyRows(data, Columns([b""], [0], [0], [0], layout=LINES))
        self.assertEqual([batch.cells(n) for n in range(len(batch))], [[b"one\n"], [b"two\n"]])
        batch.set_cell(1, 0, b"other\n")
        self.assertEqual(batch.encode(), message(b"d", b"one\n") + message(b"d", b"other\n"))

    def test_fr7_malformed_rows(self):
        for body in (b"\0\1", b"\0\1\0\0\0\5ab", b"\0\1\xff\xff\xff\xfe", b"\0\0x", b"\0\1\0\0"):
            raw = b"D" + struct.pack(">I", len(body) + 4) + body
            batch = DataRows(raw, Columns([], [], [], []))
            self.assertRaises(WireError, batch.cells, 0)

    def test_fr3_counts_do_not_wrap(self):
        rows = batch_of([b""] * 65_535)
        rows.set_cell(0, 0, b"")
        rows.cells(0).append(b"")
        self.assertRaises(struct.error, rows.encode)
