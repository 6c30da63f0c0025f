"""Pause with reasons."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.proxy.valve import PEER_BUFFER, STAGE, Valve
from tests.support.sessions import FakeTransport


class Reasons(SynchronousTestCase):
    def setUp(self):
        self.transport = FakeTransport()
        self.valve = Valve(lambda: self.transport, lambda: 5.0)

    def test_reading_resumes_when_no_reason_is_left(self):
        self.valve.close(STAGE)
        self.valve.pauseProducing()
        self.assertEqual((self.transport.paused, self.valve.blocked_since), (1, 5.0))
        self.valve.open(STAGE)
        self.assertEqual(self.transport.paused, 1)
        self.assertEqual(self.valve.reasons, {PEER_BUFFER})
        self.valve.resumeProducing()
        self.assertEqual((self.transport.paused, self.valve.blocked_since), (0, None))

    def test_a_reason_counts_once(self):
        self.valve.close(STAGE)
        self.valve.close(STAGE)
        self.valve.open(STAGE)
        self.valve.open(STAGE)
        self.assertEqual(self.transport.paused, 0)

    def test_nothing_after_stop(self):
        self.valve.close(STAGE)
        self.valve.stopProducing()
        for act in (self.valve.open, self.valve.close):
            act(STAGE)
            self.assertEqual(self.transport.paused, 1)
