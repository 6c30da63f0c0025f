"""Both ways of walking rows are one, whatever the bytes."""

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.wire.postgres.datarows import by_bytes, by_struct, walk
from tests.support.sessions import complete, row

LIMIT = 100
#: Rows as they should be, too few columns, too long, and what is no row.
messages = st.one_of(
    st.lists(st.one_of(st.none(), st.binary(max_size=30)), min_size=2, max_size=2).map(
        lambda cells: row(*cells)
    ),
    st.just(row(b"x")),
    st.just(row(b"x" * LIMIT, b"")),
    st.just(complete(b"SELECT 1")),
    st.just(b"D\0\0\0\x04\0\x02"),
    st.just(b"D\xff\xff\xff\xff\0\x02"),
    st.binary(max_size=8),
)


class BothWays(SynchronousTestCase):
    @given(st.lists(messages, max_size=6).map(b"".join), st.integers(0, 10), st.integers(0, 10))
    @example(row(b"a", b"b") * 2, 0, 0)
    def test_find_the_same(self, data, start, less):
        start = min(start, len(data))
        size = max(len(data) - less, start)
        found = by_struct(data, start, size, 2, LIMIT)
        self.assertEqual(by_bytes(data, start, size, 2, LIMIT), found)
        self.assertEqual(walk(data, start, size, 2, LIMIT), found)
        begin, end, count = found
        self.assertEqual(count == 0, end == start)
        self.assertTrue(start <= begin <= end)
        self.assertTrue(begin < size or begin == start)

    def test_rows_and_the_beginning_of_one(self):
        one = row(b"a", None)
        data = one * 3 + row(b"b", b"c")[:-1]
        for way in (by_bytes, by_struct):
            at = 3 * len(one)
            self.assertEqual(way(data, 0, len(data), 2, LIMIT), (at, len(data) + 1, 4))
            # Less than a header.
            self.assertEqual(way(data, 0, at + 6, 2, LIMIT), (2 * len(one), at, 3))

    def test_it_stops_before_what_is_no_row_as_it_should_be(self):
        one = row(b"a", None)
        for odd in (row(b"a"), row(b"x" * LIMIT, b""), complete(b"SELECT 1"), b"D\0\0\0\x05\0\x02"):
            for way in (by_bytes, by_struct):
                data = one + odd
                self.assertEqual(way(data, 0, len(data), 2, LIMIT), (0, len(one), 1))
