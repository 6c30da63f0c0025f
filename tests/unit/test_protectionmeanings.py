"""The meanings of the event codes of protected columns."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.eventmeanings import MEANINGS
from acra_twisted.eventtable import SECURITY
from acra_twisted.protectionmeanings import PROTECTION_MEANINGS


class Meanings(SynchronousTestCase):
    def test_no_code_has_two(self):
        self.assertFalse(MEANINGS.keys() & PROTECTION_MEANINGS)

    def test_a_way_out_weighs_more_than_a_refusal(self):
        refused, bypassed = (
            PROTECTION_MEANINGS[code].severity
            for code in (events.COLUMN_REFUSED, events.COLUMN_BYPASSED)
        )
        self.assertLess(refused, bypassed)
        self.assertTrue({events.COLUMN_REFUSED, events.COLUMN_BYPASSED} <= SECURITY)
