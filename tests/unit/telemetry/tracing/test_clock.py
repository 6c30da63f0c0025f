"""The clock of spans."""

import time

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.tracing import clock


class Steady(SynchronousTestCase):
    def test_it_begins_with_the_wall_clock(self):
        before = time.time_ns()
        now = clock.steady_clock()()
        self.assertLess(abs(now - before), 60 * 10**9)

    def test_a_step_of_the_wall_clock_does_not_show(self):
        """It is read once; what it says later does not matter."""
        asked = []

        def wall():
            asked.append(time.monotonic_ns())
            return 1_000 * 10**9

        now = clock.steady_clock(wall)
        for _ in range(3):
            least = time.monotonic_ns()
            told = now()
            since = time.monotonic_ns() - asked[0]
            self.assertTrue(1_000 * 10**9 <= told <= 1_000 * 10**9 + since + 10**9)
            self.assertGreaterEqual(told, 1_000 * 10**9 + least - asked[0] - 10**9)
        self.assertEqual(len(asked), 1)
