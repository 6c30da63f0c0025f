"""Tokens and values that were asked for a moment ago."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.tokens.tokencache import KEPT, TokenCache, Written

PLACE = (Written.VALUE, "str", b"b" * 32, b"Anna")


class Cache(SynchronousTestCase):
    def setUp(self):
        self.seconds = 100
        self.cache = TokenCache(lambda: self.seconds)
        self.cache.put(*PLACE, 1, b"czpL", self.cache.generation)

    def test_an_answer_is_for_its_question_alone(self):
        self.assertEqual(self.cache.get(*PLACE, 1), b"czpL")
        for at, other in enumerate((Written.TOKEN, "email", b"c" * 32, b"Anne")):
            place = (*PLACE[:at], other, *PLACE[at + 1 :])
            self.assertIsNone(self.cache.get(*place, 1))

    def test_another_key_of_the_owner_ends_it(self):
        self.assertIsNone(self.cache.get(*PLACE, 2))

    def test_a_minute_ends_it_and_so_does_a_clock_that_goes_back(self):
        self.seconds += KEPT - 1
        self.assertEqual(self.cache.get(*PLACE, 1), b"czpL")
        self.seconds += 1
        self.assertIsNone(self.cache.get(*PLACE, 1))
        self.cache.put(*PLACE, 1, b"czpL", self.cache.generation)
        self.seconds -= 1
        self.assertIsNone(self.cache.get(*PLACE, 1))

    def test_it_can_be_emptied(self):
        self.cache.clear()
        self.assertIsNone(self.cache.get(*PLACE, 1))

    def test_long_answers_are_not_kept(self):
        self.cache.put(*PLACE, 1, b"x" * 1025, self.cache.generation)
        self.assertEqual(self.cache.get(*PLACE, 1), b"czpL")

    def test_an_answer_that_was_asked_for_before_everything_was_forgotten_is_not_kept(self):
        for forget in (lambda: self.cache.clear(), self.after_a_minute):
            asked = self.cache.generation
            forget()
            self.cache.put(*PLACE, 1, b"czpL", asked)
            self.assertIsNone(self.cache.get(*PLACE, 1))

    def after_a_minute(self):
        self.seconds += KEPT
        self.cache.get(*PLACE, 1)
