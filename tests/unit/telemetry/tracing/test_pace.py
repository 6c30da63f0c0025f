"""A pace is kept, whatever comes."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.tracing.pace import Pace
from tests.support.recordings import START

SECOND = 10**9


class Paces(SynchronousTestCase):
    def test_so_many_at_once_and_so_many_a_second(self):
        pace = Pace(10, 5)
        self.assertEqual([pace.admits(START) for _ in range(7)], [True] * 5 + [False] * 2)
        at = [START + number * SECOND // 100 for number in range(1, 101)]
        self.assertEqual(sum(pace.admits(now) for now in at), 10)
        later = START + 100 * SECOND
        self.assertEqual([pace.admits(later) for _ in range(7)], [True] * 5 + [False] * 2)

    @given(st.lists(st.integers(0, SECOND), max_size=300))
    def test_never_more(self, steps):
        pace, now, passed = Pace(10, 5), START, 0
        for step in steps:
            now += step // 20
            passed += pace.admits(now)
        self.assertLessEqual(passed, 5 + (now - START) * 10 // SECOND + 1)
