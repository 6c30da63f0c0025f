"""Rules of logins are rules of the daemon."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.server.effects import RULES
from acra_twisted.server.logineffects import LOGIN_RULES


class Rules(SynchronousTestCase):
    def test_they_are_the_daemons(self):
        self.assertLessEqual(set(map(id, LOGIN_RULES)), set(map(id, RULES)))
