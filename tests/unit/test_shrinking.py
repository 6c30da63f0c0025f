"""The shortest list for which something holds."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.support.shrinking import shrunk


class Shrinking(SynchronousTestCase):
    @given(st.lists(st.integers(0, 20), max_size=30), st.sets(st.integers(0, 20), min_size=1))
    def test_what_is_needed_is_left(self, items, needed):
        items += needed
        found = shrunk(items, lambda some: needed.issubset(some))
        self.assertEqual(sorted(found), sorted(needed))

    def test_it_is_never_empty(self):
        self.assertEqual(len(shrunk([1, 2, 3], lambda some: True)), 1)
