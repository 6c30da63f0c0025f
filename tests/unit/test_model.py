"""Rows: split only when asked, changed cell by cell, bounds checked."""

import struct

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import WireError
from acra_twisted.model import Columns, Exchange, RowBatch
from tests.support.sessions import make_session, row

cells = st.lists(st.one_of(st.none(), st.binary(max_size=20)), max_size=5)


def batch_of(*rows):
    raw = [row(*values) for values in rows]
    offsets = [sum(map(len, raw[:index])) for index in range(len(raw))]
    width = len(rows[0]) if rows else 0
    return RowBatch(b"".join(raw), offsets, Columns([b""] * width, [0], [0], [0]))


class Batches(SynchronousTestCase):
    @given(st.lists(cells, max_size=5))
    def test_cells_are_what_was_encoded(self, rows):
        batch = batch_of(*rows)
        self.assertEqual([batch.cells(index) for index in range(len(batch))], rows)
        self.assertIs(batch.encode(), batch.raw)

    def test_a_changed_row_leaves_its_neighbours(self):
        batch = batch_of([b"a", None], [b"b", b""], [b"c", b"d"])
        batch.set_cell(1, 0, None)
        batch.set_cell(1, 1, b"new")
        expected = row(b"a", None) + row(None, b"new") + row(b"c", b"d")
        self.assertEqual(batch.encode(), expected)
        self.assertEqual(batch.cells(1), [None, b"new"])
        self.assertEqual(len(batch.columns), 2)

    def test_might_contain(self):
        batch = batch_of([b"xx%%%yy"])
        self.assertTrue(batch.might_contain([b"%%%", b"zz"]))
        self.assertFalse(batch.might_contain([b"zz"]))

    def test_fr7_malformed_rows(self):
        for body in (b"\0\1", b"\0\1\0\0\0\5ab", b"\0\1\xff\xff\xff\xfe", b"\0\0x", b"\0\1\0\0"):
            raw = b"D" + struct.pack(">I", len(body) + 4) + body
            batch = RowBatch(raw, [0], Columns([], [], [], []))
            self.assertRaises(WireError, batch.cells, 0)

    def test_fr3_counts_do_not_wrap(self):
        self.assertRaises(struct.error, RowBatch._encode_row, [b""] * 65_536)


class Exchanges(SynchronousTestCase):
    def test_attributes_are_bounded(self):
        exchange = Exchange(make_session(), "query", None, 1)
        for number in range(40):
            exchange.add_attribute(f"k{number}", number)
        self.assertEqual(len(exchange.attributes), 32)

    def test_idle(self):
        session = make_session()
        self.assertTrue(session.idle)
        session.transaction_status = b"T"
        self.assertFalse(session.idle)
