"""Modes of proof: the daemon that asks clients for it."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.authentication import ends_authentication
from acra_twisted.config.server import SERVER_SECTIONS
from acra_twisted.options import defaults


class Modes(SynchronousTestCase):
    def test_the_database_asks_unless_something_else_is_said(self):
        settings = defaults(SERVER_SECTIONS)
        self.assertFalse(ends_authentication(settings))
        self.assertFalse(ends_authentication(settings.but(auth_mode="passthrough")))
