"""Visits of AcraServer's own to a database."""

from OpenSSL import SSL
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost, ConnectionRefusedError
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.mysql.visit import Visit
from acra_twisted.server.database import DatabaseChannel
from acra_twisted.server.visiting import TIMEOUT, leave, look
from acra_twisted.wire.mysql import capabilities as bits
from acra_twisted.wire.mysql.frames import packets
from acra_twisted.wire.mysql.handshake import decode_greeting
from tests.support.mysqllogins import DENIED, MARIADB

_GREETING = decode_greeting(MARIADB)


def greeting(capabilities):
    return packets(_GREETING.showing(capabilities, _GREETING.extended), 0)


GREETING = greeting(_GREETING.capabilities & ~bits.SSL)
WITH_TLS = greeting(_GREETING.capabilities | bits.SSL)
REFUSED = packets(DENIED, 2)
GONE = Failure(ConnectionDone())


class Channel(DatabaseChannel):
    """A channel whose TLS begins in memory."""

    def __init__(self):
        super().__init__(None, Deferred())
        self.begun = []

    def start_tls(self, context, is_client, received=b""):
        self._starting_tls = True
        self.begun.append((context, is_client))

    def complete(self):
        self._starting_tls = False
        self.transport.negotiatedProtocol = None
        self.tls_started()


class Database:
    """Is reached when `arrive` is called."""

    creator = "for TLS"

    def __init__(self):
        self.connecting, self.cancelled = Deferred(lambda _: self.cancelled.append(1)), []

    def connect(self, plain=False):
        assert plain
        return self.connecting

    def arrive(self):
        channel = Channel()
        channel.makeConnection(StringTransport())
        self.connecting.callback(channel)
        return channel


class Looking(SynchronousTestCase):
    def look(self, tls="off"):
        self.database = Database()
        self.verdict = look(self.database, Visit(b"nobody", tls))
        self.channel = self.database.arrive()
        self.transport = self.channel.transport

    def check(self, expected):
        self.assertEqual(self.successResultOf(self.verdict), expected)
        self.assertTrue(self.transport.disconnecting or self.transport.disconnected)

    def test_it_takes_connections(self):
        self.look()
        self.channel.dataReceived(GREETING)
        self.assertIn(b"nobody", self.transport.value())
        self.assertNoResult(self.verdict)
        self.channel.dataReceived(REFUSED)
        self.check("")
        self.channel.dataReceived(REFUSED)
        self.channel.connectionLost(GONE)

    def test_by_tls_where_it_must_be(self):
        for tls in ("on", "if offered"):
            self.look(tls)
            self.channel.dataReceived(WITH_TLS)
            self.assertNotIn(b"nobody", self.transport.value())
            self.assertEqual(self.channel.begun, [("for TLS", True)])
            self.channel.complete()
            self.assertIn(b"nobody", self.transport.value())
            self.channel.dataReceived(packets(DENIED, 3))
            self.check("")

    def test_it_has_none(self):
        self.look("on")
        self.channel.dataReceived(GREETING)
        self.check("offers no TLS")
        self.assertEqual(self.transport.value(), b"")

    def test_it_has_none_that_can_be_used(self):
        self.look("on")
        self.channel.dataReceived(WITH_TLS)
        self.channel.connectionLost(Failure(ConnectionLost()))
        self.assertEqual(self.successResultOf(self.verdict), "has no TLS that can be used")
        # In TLS 1.3 the other side says so behind the handshake.
        self.look("on")
        self.channel.dataReceived(WITH_TLS)
        self.channel.complete()
        alert = SSL.Error([("SSL routines", "", "tlsv1 alert unknown ca")])
        self.channel.connectionLost(Failure(alert))
        expected = "has no TLS that can be used: it refuses who we are"
        self.assertEqual(self.successResultOf(self.verdict), expected)

    def test_it_takes_none(self):
        self.look()
        self.channel.dataReceived(packets(b"\xff\x69\x04Host is blocked", 0))
        self.check("takes no connections (error 1129)")

    def test_it_is_something_else(self):
        self.look()
        self.channel.dataReceived(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 9)
        self.check("does not answer as it should")

    def test_it_goes(self):
        self.look()
        self.channel.connectionLost(GONE)
        self.assertEqual(self.successResultOf(self.verdict), "closes connections")

    def test_it_cannot_be_reached(self):
        database = Database()
        verdict = look(database, Visit(b"nobody"))
        database.connecting.errback(ConnectionRefusedError())
        self.failureResultOf(verdict, ConnectionRefusedError)

    def test_giving_up(self):
        database = Database()
        verdict = look(database, Visit(b"nobody"))
        verdict.cancel()
        self.failureResultOf(verdict, CancelledError)
        self.assertEqual(database.cancelled, [1])
        self.look()
        self.verdict.cancel()
        self.failureResultOf(self.verdict, CancelledError)
        self.assertTrue(self.transport.disconnected or self.transport.disconnecting)
        self.channel.connectionLost(GONE)


class Leaving(SynchronousTestCase):
    def leave(self, heard):
        clock, channel, left = Clock(), Channel(), []
        channel.makeConnection(StringTransport())
        leave(clock, Database(), channel, Visit(b"nobody"), heard, lambda: left.append(1))
        return clock, channel, left

    def test_behind_its_decision(self):
        clock, channel, left = self.leave(GREETING)
        self.assertIn(b"nobody", channel.transport.value())
        self.assertEqual((int(channel.transport.disconnecting), left), (0, []))
        channel.receiver(REFUSED)
        self.assertEqual((int(channel.transport.disconnecting), left), (1, [1]))
        self.assertEqual(clock.getDelayedCalls(), [])
        channel.connectionLost(GONE)
        self.assertEqual((int(channel.transport.disconnecting), left), (1, [1]))

    def test_it_is_gone(self):
        clock, channel, left = self.leave(b"")
        channel.connectionLost(GONE)
        self.assertEqual((left, clock.getDelayedCalls()), ([1], []))

    def test_it_does_not_decide(self):
        clock, channel, left = self.leave(GREETING[:7])
        clock.advance(TIMEOUT + 0.1)
        self.assertEqual(
            (channel.transport.value(), int(channel.transport.disconnecting), left), (b"", 1, [1])
        )

    def test_it_has_said_nonsense(self):
        clock, channel, left = self.leave(b"\x01\0\0\x07x")
        self.assertEqual(
            (int(channel.transport.disconnecting), left, clock.getDelayedCalls()), (1, [1], [])
        )
