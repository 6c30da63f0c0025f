"""The meanings of the event codes of revocation."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.eventmeanings import MEANINGS
from acra_twisted.eventtable import SECURITY
from acra_twisted.loginmeanings import LOGIN_MEANINGS
from acra_twisted.revocationmeanings import REVOCATION_MEANINGS


class Meanings(SynchronousTestCase):
    def test_no_code_has_two(self):
        self.assertFalse(REVOCATION_MEANINGS.keys() & {**MEANINGS, **LOGIN_MEANINGS})

    def test_a_revoked_certificate_weighs_more_than_an_answer_that_is_missing(self):
        revoked, unknown, passed = (
            REVOCATION_MEANINGS[code].severity
            for code in (
                events.REVOKED,
                events.REVOCATION_UNKNOWN,
                events.REVOCATION_NOT_CHECKED,
            )
        )
        self.assertLess(unknown, revoked)
        self.assertLess(passed, unknown)

    def test_what_peers_do_is_security_and_what_servers_of_lists_do_is_not(self):
        self.assertEqual(REVOCATION_MEANINGS.keys() - SECURITY, {events.REVOCATION_SOURCE})
