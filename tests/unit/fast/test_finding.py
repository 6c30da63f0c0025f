"""The search for one needle: the same answer as Python's own."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.fast.finding import by_python, find

BYTES = st.lists(st.sampled_from((b"a", b"b", b"\0", b"\xff")), max_size=20).map(b"".join)


class Finding(SynchronousTestCase):
    @given(BYTES, BYTES)
    def test_like_pythons_own(self, data, needle):
        expected = data.index(needle) if needle in data else -1
        self.assertEqual((find(data, needle), by_python(data, needle)), (expected, expected))
