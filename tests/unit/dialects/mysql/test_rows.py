"""Runs of rows, and their changes."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.mysql.rows import LongRow, Message, MysqlRows
from acra_twisted.dialects.mysql.values import ANYTHING, VALUES
from acra_twisted.errors import WireError
from acra_twisted.results import Columns
from acra_twisted.wire.mysql import types
from acra_twisted.wire.mysql.frames import PART_MAX, packets
from acra_twisted.wire.mysql.resultrows import encode_binary, encode_text
from tests.support.mysqlreplies import numbered

KINDS = (types.LONG, types.VAR_STRING, types.BLOB)
COLUMNS = Columns([b"a", b"b", b"c"], [0] * 3, KINDS, [1] * 3, values=VALUES)
COLUMNS_OF_TWO = Columns([b"a", b"b"], [0] * 2, KINDS[1:], [1] * 2, values=VALUES)
numbers = st.none() | st.binary(min_size=4, max_size=4)
strings = st.none() | st.binary(max_size=300)
rows = st.lists(st.tuples(numbers, strings, strings), min_size=1, max_size=8)
changes = st.lists(st.tuples(st.integers(0, 7), st.integers(1, 2), strings), max_size=6)


def payload(cells, binary):
    return encode_binary(cells, KINDS) if binary else encode_text(cells)


class Runs(SynchronousTestCase):
    @given(rows, changes, st.booleans(), st.integers(0, 255))
    def test_a_run_is_written_with_its_changes(self, cells, changed, binary, first):
        data = numbered([payload(row, binary) for row in cells], first)
        run = MysqlRows(b"??" + data, COLUMNS, 2, 2 + len(data), binary)
        self.assertEqual([tuple(run.cells(row)) for row in range(len(run))], cells)
        expected = [list(row) for row in cells]
        for row, column, value in changed:
            if row < len(cells):
                run.set_cell(row, column, value)
                expected[row][column] = value
        written = numbered([payload(row, binary) for row in expected], first)
        self.assertEqual(run.encode(), written)
        self.assertEqual(run.added, 0)

    def test_a_malformed_row_is_refused_when_it_is_looked_at(self):
        data = numbered([b"\5ab"])
        run = MysqlRows(data, COLUMNS, 0, len(data), False)
        self.assertEqual(len(run), 1)
        self.assertRaises(WireError, run.cells, 0)

    def test_rows_behind_one_that_has_grown_are_numbered_on(self):
        for size, added in (
            (PART_MAX - 6, 0),
            (PART_MAX - 5, 1),
            (PART_MAX, 1),
            (2 * PART_MAX, 2),
        ):
            data = numbered([encode_text([None, b"a"]), encode_text([None, b"b"])], 255)
            run = MysqlRows(data, COLUMNS_OF_TWO, 0, len(data), False)
            value = bytes(size)
            run.set_cell(0, 1, value)
            expected = numbered([encode_text([None, value]), encode_text([None, b"b"])], 255)
            self.assertEqual(run.encode() == expected, True)
            self.assertEqual(run.added, added)

    def test_a_long_row_is_cut_again(self):
        value = bytes(PART_MAX)
        row = LongRow(encode_text([b"a", value]), COLUMNS_OF_TWO, False, 254)
        self.assertEqual(row.encode() == packets(encode_text([b"a", value]), 254), True)
        self.assertEqual(row.added, 0)
        row = LongRow(encode_text([b"a", value]), COLUMNS_OF_TWO, False, 254)
        row.set_cell(0, 1, b"short")
        self.assertEqual(row.encode(), packets(encode_text([b"a", b"short"]), 254))
        self.assertEqual(row.added, -1)

    def test_a_message_is_one_cell(self):
        message = Message(b"??error!", ANYTHING, 2, 7)
        self.assertEqual(message.cells(0), [b"error"])
        self.assertEqual(message.encode(), b"error")
        message.set_cell(0, 0, b"other")
        self.assertEqual(message.encode(), b"other")
