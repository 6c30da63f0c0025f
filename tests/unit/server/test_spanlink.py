"""Requests of spans: kept in slices, answered in order, the link not read meanwhile (RL-10)."""

from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import WireError
from acra_twisted.proxy.valve import Valve
from acra_twisted.server.spanlink import SpanLink
from acra_twisted.telemetry.pages.turns import STEPS, Turns
from acra_twisted.wire.link import lengthprefix
from tests.support.turnclock import TurnClock


class Link(SynchronousTestCase):
    def setUp(self):
        self.clock = TurnClock()
        self.transport = StringTransport()
        self.done, self.errors = [], []
        self.link = SpanLink(
            self.take,
            Turns(self.clock),
            Valve(lambda: self.transport, self.clock.seconds),
            self.transport.write,
            self.errors.append,
        )

    def take(self, blob):
        for _ in range(int(blob)):
            self.done.append(blob)
            yield
        if blob == b"13":
            raise WireError("connector", "not an OTLP request")

    def send(self, *sizes):
        data = b"".join(lengthprefix.encode(str(size).encode()) for size in sizes)
        self.link.received(data)

    def test_small_ones_are_answered_at_once(self):
        self.send(1, 2, 0)
        self.assertEqual((self.transport.value(), len(self.done)), (b"KKK", 3))
        self.assertEqual(self.transport.producerState, "producing")

    def test_a_large_one_takes_turns(self):
        self.send(10 * STEPS, 1)
        most = before = 0
        while self.transport.value() != b"KK":
            most, before = max(most, len(self.done) - before), len(self.done)
            self.assertEqual(self.transport.producerState, "paused")
            self.clock.turn()
        self.assertEqual(most, STEPS)
        self.assertEqual(self.transport.producerState, "producing")

    def test_what_is_broken_ends_it_behind_the_answers_that_are_due(self):
        self.send(2, 13, 1)
        self.assertEqual((self.transport.value(), len(self.errors)), (b"K", 1))
        self.clock.turn(5)
        self.assertNotIn(b"1", self.done)
        self.send(13)
        self.link.received(b"\xff\xff\xff\xff")
        self.assertEqual(len(self.errors), 3)

    def test_the_link_goes_away(self):
        self.send(10 * STEPS)
        self.link.stop()
        done = len(self.done)
        self.clock.turn(5)
        self.assertEqual(len(self.done), done)
