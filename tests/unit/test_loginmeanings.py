"""The meanings of the event codes of logins."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.eventmeanings import MEANINGS
from acra_twisted.loginmeanings import LOGIN_MEANINGS


class Meanings(SynchronousTestCase):
    def test_no_code_has_two(self):
        self.assertFalse(MEANINGS.keys() & LOGIN_MEANINGS)

    def test_somebody_between_weighs_more_than_guessing_and_that_more_than_a_wrong_password(self):
        wrong, guessing, between, database = (
            LOGIN_MEANINGS[code].severity
            for code in (
                events.LOGIN_REFUSED,
                events.REPEATED_FAILURES,
                events.BINDING_REFUSED,
                events.DATABASE_UNPROVEN,
            )
        )
        self.assertLess(wrong, guessing)
        self.assertLess(guessing, between)
        self.assertEqual(between, database)
