"""Breaks that were planted are found, and no others."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.breaks import Minute, find, mean


def minutes(*means, calls=10):
    return [Minute(calls, calls * value) for value in means]


_STEADY = st.floats(0.95, 1.05)


class Breaks(SynchronousTestCase):
    def test_where_it_is(self):
        found = find(minutes(*[2.0] * 14, *[6.0] * 46))
        self.assertEqual(found, (14, 2.0, 6.0))
        found = find(minutes(*[6.0] * 40, *[2.0] * 20))
        self.assertEqual(found, (40, 6.0, 2.0))

    @given(
        st.lists(_STEADY, min_size=5, max_size=40),
        st.lists(_STEADY, min_size=5, max_size=40),
        st.floats(3, 100),
    )
    def test_any_that_is_clear(self, before, behind, factor):
        found = find(minutes(*before, *(factor * value for value in behind)))
        self.assertEqual(found.place, len(before))
        self.assertTrue(0.9 < found.before < 1.1)
        self.assertTrue(0.9 * factor < found.now < 1.1 * factor)

    @given(st.lists(_STEADY, max_size=80))
    def test_none_in_what_is_steady(self, values):
        self.assertIsNone(find(minutes(*values)))

    def test_what_is_over_is_none(self):
        self.assertIsNone(find(minutes(*[2.0] * 30, *[9.0] * 6, *[2.0] * 24)))

    def test_little_is_none(self):
        self.assertIsNone(find(minutes(*[0.1] * 30, *[0.2] * 30)))
        self.assertIsNone(find(minutes(*[10.0] * 30, *[12.0] * 30)))
        self.assertIsNone(find(minutes(1, 1, 9, 9)))

    def test_minutes_without_requests_count_for_nothing(self):
        gaps = [Minute(0, 0.0)] * 20
        found = find([*minutes(*[2.0] * 10), *gaps, *minutes(*[6.0] * 10)])
        self.assertEqual(found, (30, 2.0, 6.0))
        self.assertIsNone(find(gaps))

    def test_a_mean_is_that_of_requests(self):
        self.assertEqual(mean([Minute(1, 4.0), Minute(3, 4.0)]), 2.0)
        self.assertEqual(mean([]), 0.0)
