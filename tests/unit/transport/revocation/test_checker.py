"""Verdicts on the certificates of peers."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.transport.revocation.checker import RevocationChecker
from acra_twisted.transport.revocation.fetch import Fetcher
from acra_twisted.transport.revocation.policy import UNASKED, RevocationPolicy


class NothingConfigured(SynchronousTestCase):
    def test_everybody_is_accepted_at_once(self):
        clock = Clock()
        checker = RevocationChecker(RevocationPolicy(), Fetcher(clock), reactor=clock)
        self.successResultOf(checker.start())
        self.assertEqual(checker.verdict([b"leaf", b"root"]), UNASKED)
        self.successResultOf(checker.reload())
        checker.stop()
