"""Event codes."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events


class Codes(SynchronousTestCase):
    def test_none_is_used_twice(self):
        codes = [value for value in vars(events).values() if type(value) is int]
        self.assertEqual(len(codes), len(set(codes)))

    def test_what_became_of_a_peer_and_its_outcome_have_one_word_each(self):
        words = [value for value in vars(events).values() if type(value) is str and value.islower()]
        actions = {events.ALLOWED, events.BLOCKED, events.REFUSED, events.ENDED}
        self.assertLessEqual(actions | {events.FAILURE, events.SUCCESS}, set(words))
        self.assertEqual(len(actions), 4)
