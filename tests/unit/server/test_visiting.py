"""Visits of AcraServer's own to a database."""

from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.mysql.visit import Visit
from acra_twisted.server.visiting import TIMEOUT, Visitor, leave
from acra_twisted.wire.mysql.frames import packets
from tests.support.mysqllogins import DENIED, MARIADB

GREETING = packets(MARIADB, 0)
REFUSED = packets(DENIED, 2)
GONE = Failure(ConnectionDone())


class Visitors(SynchronousTestCase):
    def setUp(self):
        self.visitor, self.transport = Visitor(Visit(b"nobody")), StringTransport()
        self.visitor.makeConnection(self.transport)

    def verdict(self):
        return self.successResultOf(self.visitor.verdict)

    def test_it_takes_connections(self):
        self.visitor.dataReceived(GREETING)
        self.assertIn(b"nobody", self.transport.value())
        self.assertNoResult(self.visitor.verdict)
        self.visitor.dataReceived(REFUSED)
        self.assertEqual(self.verdict(), "")
        self.assertTrue(self.transport.disconnecting)
        self.visitor.dataReceived(REFUSED)
        self.visitor.connectionLost(GONE)

    def test_it_takes_none(self):
        self.visitor.dataReceived(packets(b"\xff\x69\x04Host is blocked", 0))
        self.assertEqual(self.verdict(), "takes no connections (error 1129)")

    def test_it_is_something_else(self):
        self.visitor.dataReceived(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 9)
        self.assertEqual(self.verdict(), "does not answer as it should")
        self.assertTrue(self.transport.disconnecting)

    def test_it_goes(self):
        self.visitor.connectionLost(GONE)
        self.assertEqual(self.verdict(), "closes connections")

    def test_giving_up(self):
        self.visitor.verdict.cancel()
        self.failureResultOf(self.visitor.verdict, CancelledError)
        self.assertTrue(self.transport.disconnected or self.transport.disconnecting)
        self.visitor.connectionLost(GONE)


class Channel:
    """The part of a DatabaseChannel that is used."""

    receiver = on_lost = on_encrypted = None
    encrypted = False

    def __init__(self):
        self.sent, self.closed = b"", 0

    def write(self, data):
        self.sent += data

    def close(self):
        self.closed += 1


class Leaving(SynchronousTestCase):
    def leave(self, heard):
        clock, channel, left = Clock(), Channel(), []
        leave(clock, channel, Visit(b"nobody"), heard, lambda: left.append(1))
        return clock, channel, left

    def test_behind_its_decision(self):
        clock, channel, left = self.leave(GREETING)
        self.assertIn(b"nobody", channel.sent)
        self.assertEqual((channel.closed, left), (0, []))
        channel.receiver(REFUSED)
        self.assertEqual((channel.closed, left), (1, [1]))
        self.assertEqual(clock.getDelayedCalls(), [])
        channel.on_lost(GONE)
        self.assertEqual((channel.closed, left), (1, [1]))

    def test_it_is_gone(self):
        clock, channel, left = self.leave(b"")
        channel.on_lost(GONE)
        self.assertEqual((left, clock.getDelayedCalls()), ([1], []))

    def test_it_does_not_decide(self):
        clock, channel, left = self.leave(GREETING[:7])
        clock.advance(TIMEOUT + 0.1)
        self.assertEqual((channel.sent, channel.closed, left), (b"", 1, [1]))

    def test_it_has_said_nonsense(self):
        clock, channel, left = self.leave(b"\x01\0\0\x07x")
        self.assertEqual((channel.closed, left, clock.getDelayedCalls()), (1, [1], []))
