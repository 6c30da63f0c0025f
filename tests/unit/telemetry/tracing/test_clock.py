"""The clock of spans."""

import time

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.tracing import clock


class Steady(SynchronousTestCase):
    def test_a_step_of_the_wall_clock_does_not_show(self):
        now = clock.steady_clock()
        before = now()
        self.assertTrue(abs(before - time.time_ns()) < 60 * 10**9)
        self.patch(clock.time, "time_ns", lambda: 0)
        self.assertTrue(now() >= before)
