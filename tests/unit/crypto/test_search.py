"""The search: the same answer as Python's own, within bounds, with and without the C library."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.crypto import search

NEEDLES = (b"needle", b"\0\0\1")


class Searching(SynchronousTestCase):
    def check(self, data, start, end):
        expected = any(needle in data[start:end] for needle in NEEDLES)
        self.assertIs(search.contains_any(data, NEEDLES, start, end), expected)
        self.assertIs(search.by_python(data, NEEDLES, start, end), expected)

    parts = st.lists(st.one_of(st.sampled_from(NEEDLES), st.binary(max_size=5)), max_size=6)

    @given(parts, st.integers(0, 40), st.integers(0, 40), st.booleans())
    def test_like_pythons_own(self, parts, cut_left, cut_right, large):
        data = b"".join(parts)
        if large:
            data = bytes(search._SMALL) + data
        start = min(cut_left, len(data))
        self.check(data, start, max(start, len(data) - cut_right))

    def test_without_the_c_library(self):
        self.patch(search, "_memmem", None)
        self.check(bytes(10_000) + b"needle", 0, 10_006)
        self.check(bytes(10_000) + b"needle", 0, 10_005)

    def test_where_there_is_none(self):
        def broken(name):
            raise OSError

        self.assertIsNotNone(search._load())
        self.patch(search.ctypes, "PyDLL", broken)
        self.assertIsNone(search._load())
