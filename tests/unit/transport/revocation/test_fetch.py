"""Asking over HTTP."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.transport.revocation.fetch import Fetcher


class Hosts(SynchronousTestCase):
    def test_private_hosts_are_those_that_are_listed(self):
        fetcher = Fetcher(Clock(), ["a.example", "b.example:8000", "a.example"])
        self.assertEqual(fetcher.hosts, {"a.example", "b.example:8000"})
