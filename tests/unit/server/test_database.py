"""Reaching the database (ST-3 to ST-5): a hostile one learns and gets nothing."""

import socket

from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.error import ConnectionAborted, ConnectionLost
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import ForeignProtocol, HandshakeError, WireError
from acra_twisted.optionkinds import Address
from acra_twisted.server.database import Database, DatabaseChannel
from acra_twisted.wire.postgres.frames import SSL_REQUEST_PACKET


class Channels(SynchronousTestCase):
    def connect(self, creator=None, insists=True):
        self.ready = Deferred()
        self.channel = DatabaseChannel(creator, self.ready, insists)
        self.transport = StringTransport()
        self.channel.makeConnection(self.transport)
        return self.channel

    def test_plain_is_ready_at_once(self):
        self.assertIs(self.connect(), self.successResultOf(self.ready))
        self.assertEqual(self.transport.value(), b"")
        got = []
        self.channel.receiver = self.channel.on_lost = got.append
        self.channel.dataReceived(b"x")
        reason = Failure(ConnectionLost())
        self.channel.connectionLost(reason)
        self.assertEqual(got, [b"x", reason])

    def test_hostile_answers(self):
        for answer, kind in (
            (b"N", HandshakeError),
            (b"HTTP/1.1 400 Bad Request\r\n", ForeignProtocol),
            (b"E", WireError),
            (b"E\0\0\0\x20secret text\0", WireError),
            (b"SR\0\0\0\x08\0\0\0\0", WireError),
        ):
            self.connect(object())
            self.assertEqual(self.transport.value(), SSL_REQUEST_PACKET)
            self.channel.dataReceived(answer)
            failure = self.failureResultOf(self.ready, kind)
            self.assertNotIn("secret", str(failure.value))
            self.assertTrue(self.transport.disconnected)
            # Nothing but the request for encryption was ever sent.
            self.assertEqual(self.transport.value(), SSL_REQUEST_PACKET)

    def test_where_tls_is_not_insisted_on_it_may_be_declined(self):
        channel = self.connect(object(), insists=False)
        channel.dataReceived(b"N")
        self.assertIs(self.successResultOf(self.ready), channel)
        self.assertFalse(channel.encrypted)
        # Nothing else is taken for an answer.
        self.connect(object(), insists=False).dataReceived(b"E")
        self.failureResultOf(self.ready, WireError)

    def test_bytes_before_they_are_asked_for(self):
        channel = self.connect()
        self.successResultOf(self.ready)
        channel.dataReceived(b"R")
        self.assertTrue(self.transport.disconnected)

    def test_lost_before_it_was_ready(self):
        self.connect(object())
        self.channel.connectionLost(Failure(ConnectionLost()))
        self.failureResultOf(self.ready, ConnectionLost)


class Direct(DatabaseChannel):
    """Takes note of the TLS that begins."""

    begun = ()

    def start_tls(self, context, is_client, received=b""):
        self.begun += ((context, is_client),)


class TLSFromTheFirstByte(SynchronousTestCase):
    """PostgreSQL's protocol in TLS, which both sides say by ALPN."""

    def connect(self, agreed):
        ready, creator = Deferred(), object()
        channel = Direct(creator, ready, direct=True)
        transport = StringTransport()
        transport.negotiatedProtocol = agreed
        channel.makeConnection(transport)
        self.assertEqual((channel.begun, transport.value()), (((creator, True),), b""))
        self.assertNoResult(ready)
        channel.tls_started()
        return ready, transport

    def test_nothing_is_asked_before(self):
        ready, _ = self.connect(b"postgresql")
        self.assertTrue(self.successResultOf(ready).encrypted)

    def test_whoever_speaks_another_protocol_is_left(self):
        for agreed in (None, b"http/1.1"):
            ready, transport = self.connect(agreed)
            self.failureResultOf(ready, HandshakeError)
            self.assertTrue(transport.disconnected)


class Late(SynchronousTestCase):
    def test_a_database_that_does_not_answer_is_given_up_once(self):
        reactor = MemoryReactorClock()
        database = Database(reactor, Address("127.0.0.1", 5432), object(), 5.0)
        ready = database.connect()
        (_, _, factory, *_) = reactor.tcpClients[0]
        channel = factory.buildProtocol(None)
        transport = StringTransport()
        handle = socket.socket()
        self.addCleanup(handle.close)
        transport.getHandle = lambda: handle
        channel.makeConnection(transport)
        reactor.advance(6)
        self.failureResultOf(ready, TimeoutError)
        channel.connectionLost(Failure(ConnectionAborted()))
        self.assertEqual(self.flushLoggedErrors(), [])
