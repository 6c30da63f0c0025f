"""COPY data in binary format."""

import struct

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.wire.postgres.copyformat import CopyDataError, CopyFormat
from acra_twisted.wire.postgres.copytuples import SIGNATURE, TRAILER, Tuples
from tests.support.copied import cut, fed

FORM = CopyFormat("binary")
HEADER = SIGNATURE + bytes(8)


def tuple_of(values):
    made = struct.pack(">h", len(values))
    for value in values:
        made += struct.pack(">i", -1) if value is None else struct.pack(">i", len(value)) + value
    return made


class Binary(SynchronousTestCase):
    @given(
        st.lists(st.lists(st.one_of(st.none(), st.binary(max_size=20)), max_size=3), max_size=4),
        st.booleans(),
        st.sampled_from((b"", b"extension")),
        st.lists(st.integers(0, 300), max_size=8),
    )
    def test_rows_come_out_of_any_pieces(self, table, trailer, extension, places):
        header = HEADER[:-4] + struct.pack(">I", len(extension)) + extension
        made = [tuple_of(values) for values in table]
        end = TRAILER if trailer else b""
        data = header + b"".join(made) + end
        self.assertEqual(fed(FORM, cut(data, places)), (header, made, end))
        tuples = Tuples(1000)
        for row, values in zip(made, table, strict=True):
            written = tuples.split(row)
            self.assertEqual([tuples.decode(one, 0) for one in written], values)
            self.assertEqual(tuples.join(row, written), row)

    def test_values_change(self):
        tuples = Tuples(1000)
        row = tuple_of([b"abc", None, b""])
        values = tuples.split(row)
        values[0] = tuples.encode(b"longer", 0)
        self.assertEqual(tuples.join(row, values), tuple_of([b"longer", None, b""]))

    def test_data_that_are_none(self):
        for data in (
            b"PGCOPY\n\xff\r\n\1" + bytes(8),
            SIGNATURE + b"\0\1\0\0" + bytes(4),
            SIGNATURE + bytes(4) + b"\xff" * 4,
            HEADER + struct.pack(">h", -2),
            HEADER + struct.pack(">hi", 1, -2),
            HEADER + TRAILER + b"x",
            HEADER + struct.pack(">hi", 1, 1 << 30),
        ):
            self.assertRaises(CopyDataError, Tuples(1000).feed, data)
        tuples = Tuples(1000)
        tuples.feed(HEADER + TRAILER)
        self.assertRaises(CopyDataError, tuples.feed, b"x")

    def test_data_that_are_not_whole(self):
        for data in (b"", HEADER[:-1], HEADER + b"\0", HEADER + tuple_of([b"abc"])[:-1]):
            tuples = Tuples(1000)
            tuples.feed(data)
            self.assertRaises(CopyDataError, tuples.finish)

    def test_a_long_value_in_small_pieces_is_joined_once(self):
        """Pieces are kept until the value is whole."""
        tuples = Tuples(1 << 20)
        tuples.feed(HEADER)
        row = tuple_of([b"x" * 100_000])
        found = []
        for start in range(0, len(row), 10):
            found += tuples.feed(row[start : start + 10]).rows
        self.assertEqual(found, [row])

    def test_many_values_in_small_pieces_are_looked_at_once(self):
        """Otherwise they would be work by the square of their number."""
        tuples = Tuples(1 << 24)
        tuples.feed(HEADER)
        row = struct.pack(">hi", 32_001, 4_000_000) + bytes(4_000_000) + b"\xff" * 4 * 32_000
        rows = tuples.feed(row[:4_000_000]).rows
        for start in range(4_000_000, len(row), 4):
            rows += tuples.feed(row[start : start + 4]).rows
        self.assertEqual(rows, [row])

    def test_a_row_with_another_number_of_values_is_refused_at_once(self):
        for number in (1, 3, 0, 32767):
            tuples = Tuples(1000, 2)
            with self.assertRaises(CopyDataError):
                tuples.feed(HEADER + struct.pack(">h", number))
        tuples = Tuples(1000, 2)
        row = tuple_of([b"a", None])
        self.assertEqual(tuples.feed(HEADER + row + TRAILER).rows, [row])

    @given(st.binary(max_size=80), st.lists(st.integers(0, 80), max_size=4))
    def test_any_bytes_are_rows_or_refused(self, data, places):
        try:
            before, rows, behind = fed(FORM, cut(HEADER + data, places))
        except CopyDataError:
            return
        self.assertEqual(before + b"".join(rows) + behind, HEADER + data)
