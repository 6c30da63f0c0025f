"""The meanings of event codes."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.eventmeanings import MEANINGS, Event


class Meanings(SynchronousTestCase):
    def test_one_that_is_no_security_event_has_no_action_and_no_outcome(self):
        self.assertEqual(Event(1, "info", "a", "B.")[4:], ("", ""))
        self.assertEqual(MEANINGS[events.GENERAL].action, "")

    def test_nobody_reads_the_same_meaning_twice(self):
        meanings = [row.meaning for row in MEANINGS.values()]
        self.assertEqual(len(meanings), len(set(meanings)))
