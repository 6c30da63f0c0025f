"""Rows in both forms."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import WireError
from acra_twisted.wire.mysql import resultrows, types
from acra_twisted.wire.mysql.frames import packets
from acra_twisted.wire.mysql.resultrows import (
    encode_binary,
    encode_text,
    split_binary,
    split_text,
    walk,
)

values = st.none() | st.binary(max_size=400)
text_rows = st.lists(values, min_size=1, max_size=12)


def value_of(kind):
    """Values of a type as they are on the wire, without the length of a string."""
    if kind in types.STRINGS:
        return st.binary(max_size=300)
    if kind in types.DATES:
        return st.sampled_from((0, 4, 7, 8, 11, 12)).flatmap(
            lambda size: st.binary(min_size=size, max_size=size).map(bytes((size,)).__add__)
        )
    size = types.WIDTHS[kind]
    return st.binary(min_size=size, max_size=size)


known = st.sampled_from(sorted(types.STRINGS | types.DATES | set(types.WIDTHS)))
binary_rows = st.lists(known, min_size=1, max_size=40).flatmap(
    lambda kinds: st.tuples(
        st.just(kinds), st.tuples(*(st.none() | value_of(kind) for kind in kinds))
    )
)


def split(row, count):
    return split_text(row, 0, len(row), count)


class Text(SynchronousTestCase):
    @given(text_rows)
    def test_what_is_written_is_read(self, cells):
        self.assertEqual(split(encode_text(cells), len(cells)), cells)

    @given(text_rows, st.data())
    def test_a_row_ends_exactly_at_its_end(self, cells, data):
        row = encode_text(cells)
        size = data.draw(st.integers(0, len(row) - 1))
        self.assertRaises(WireError, split, row[:size], len(cells))
        self.assertRaises(WireError, split, row + b"\0", len(cells))

    @given(st.binary(max_size=60), st.integers(1, 5))
    def test_any_bytes_are_read_or_refused(self, row, count):
        try:
            cells = split(row, count)
        except WireError:
            return
        self.assertEqual(split(encode_text(cells), count), cells)

    def test_a_length_is_never_more_than_there_is(self):
        self.assertRaises(WireError, split, b"\xfe" + b"\xff" * 8 + b"a", 1)
        self.assertRaises(WireError, split, b"\xff", 1)

    def test_a_length_may_be_longer_than_it_need_be(self):
        self.assertEqual(split(b"\xfc\1\0a", 1), [b"a"])


class Binary(SynchronousTestCase):
    @given(binary_rows)
    def test_what_is_written_is_read(self, row):
        kinds, cells = row
        written = encode_binary(cells, kinds)
        self.assertEqual(split_binary(written, 0, len(written), kinds), list(cells))

    @given(binary_rows, st.data())
    def test_a_row_ends_exactly_at_its_end(self, row, data):
        kinds, cells = row
        written = encode_binary(cells, kinds)
        size = data.draw(st.integers(0, len(written) - 1))
        self.assertRaises(WireError, split_binary, written[:size], 0, size, kinds)
        more = written + b"\0"
        self.assertRaises(WireError, split_binary, more, 0, len(more), kinds)

    @given(st.binary(max_size=60), st.lists(st.integers(0, 255), min_size=1, max_size=20))
    def test_any_bytes_are_read_or_refused(self, row, kinds):
        try:
            cells = split_binary(row, 0, len(row), kinds)
        except WireError:
            return
        written = encode_binary(cells, kinds)
        self.assertEqual(split_binary(written, 0, len(written), kinds), cells)

    def test_a_recorded_one(self):
        row = bytes.fromhex("0000010000000179")
        self.assertEqual(
            split_binary(row, 0, len(row), (types.LONG, types.VAR_STRING)), [b"\1\0\0\0", b"y"]
        )

    def test_a_type_that_nobody_knows_has_no_length(self):
        for kind in (17, 20, 200, 243, 244):
            self.assertRaises(WireError, split_binary, b"\0\0a", 0, 3, [kind])

    def test_a_value_keeps_the_width_of_its_type(self):
        for kind, value in (
            (types.LONG, b"\1"),
            (types.LONG, b"\1" * 5),
            (types.DATETIME, b"\7abc"),
            (types.DATE, b""),
            (types.NULL, b"a"),
        ):
            self.assertRaises(ValueError, encode_binary, [value], [kind])


class Walk(SynchronousTestCase):
    @given(st.lists(st.binary(min_size=1, max_size=30), max_size=12), st.data())
    def test_it_stops_where_no_row_can_be_told(self, rows, data):
        rows = [b"a" + row for row in rows]
        said = b"".join(packets(row, number % 256) for number, row in enumerate(rows))
        size = data.draw(st.integers(0, len(said)))
        ends = [0]
        for row in rows:
            ends.append(ends[-1] + 4 + len(row))
        # A row has begun once its first byte is there.
        begun = [start for start in ends[:-1] if start + 4 < size]
        begin, end, count = walk(said, 0, size)
        self.assertEqual(count, len(begun))
        self.assertEqual((begin, end), (begun[-1], ends[count]) if begun else (0, 0))

    def test_it_stops_before_ends_and_parts(self):
        row = packets(b"row", 1)
        for other in (b"\5\0\0\2\xfe\0\0\2\0", b"\1\0\0\2\xff", b"\0\0\0\2\0", b"\xff\xff\xff\2a"):
            data = row + other
            self.assertEqual(resultrows.walk(data, 0, len(data)), (0, len(row), 1))
