"""Probes of a port: told from other ends, and an end like any other for who does not ask."""

from twisted.internet.error import ConnectionDone
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.transport.endings import SILENT, PeerSilent


class Silence(SynchronousTestCase):
    def test_it_is_a_clean_end(self):
        self.assertTrue(SILENT.check(ConnectionDone))
        self.assertTrue(SILENT.check(PeerSilent))
