"""Event codes."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events


class Codes(SynchronousTestCase):
    def test_each_has_a_meaning_and_none_is_used_twice(self):
        codes = [value for value in vars(events).values() if type(value) is int]
        self.assertEqual(sorted(codes), sorted(events.MEANINGS))
        self.assertEqual(len(codes), len(set(codes)))
