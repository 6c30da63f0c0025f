"""Failures by address."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.logs.attempts import Attempts


class Counting(SynchronousTestCase):
    def test_those_that_follow_each_other(self):
        attempts = Attempts(window=10)
        self.assertEqual([attempts.add("a", now) for now in (1, 2, 11, 21, 22)], [1, 2, 3, 1, 2])
        self.assertEqual(attempts.add("b", 22), 1)

    def test_memory_is_bounded_and_keeps_who_fails_now(self):
        attempts = Attempts(addresses=3)
        for number in range(100):
            attempts.add(str(number), number)
            attempts.add("again", number)
        self.assertEqual(len(attempts), 3)
        self.assertEqual(attempts.add("again", 100), 101)
