"""One application connection over memory transports."""

import itertools
import os
import socket
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from OpenSSL import SSL
from prometheus_client import generate_latest
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost, ConnectionRefusedError
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.logger import LogLevel, formatEvent, globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from acra_twisted import events
from acra_twisted.config.connector import CONNECTOR_SECTIONS
from acra_twisted.connector.greeting import PATIENCE
from acra_twisted.connector.link import LinkChannel, LinkFactory
from acra_twisted.connector.service import AcraConnector
from acra_twisted.daemon.service import MAIN
from acra_twisted.interfaces import IAuthenticatingTransport
from acra_twisted.optionkinds import Address
from acra_twisted.options import defaults
from acra_twisted.sandbox.authority import Authority
from acra_twisted.telemetry.pages import sessions
from acra_twisted.wire.link import tracecontext
from acra_twisted.wire.postgres import backend
from acra_twisted.wire.postgres.frames import (
    SSL_REQUEST_PACKET,
    CancelRequest,
    StartupPacket,
    message,
)
from tests.support.sessions import (
    SYNC,
    bind,
    columns,
    complete,
    messages,
    parse,
    query,
    ready,
    row,
    types,
)

_LOST = "AcraServer at 127.0.0.1:1: the connection was lost"
STARTUP = StartupPacket(0, {b"user": b"ann"}).encode()


class Connected(SynchronousTestCase):
    scope = "connection"
    tls = "pass"

    def setUp(self):
        self.reactor = MemoryReactorClock()
        settings = defaults(CONNECTOR_SECTIONS).but(
            acraserver_connection_string=Address("127.0.0.1", 1),
            acraserver_transport_encryption_disable=True,
            incoming_connection_string=Address("127.0.0.1", 0),
            max_connections=2,
            write_timeout=5.0,
            tracing_scope=self.scope,
            application_tls=self.tls,
            **self.more(),
        )
        self.connector = AcraConnector(self.reactor, self.configured(settings))
        self.addCleanup(self.connector.listeners[MAIN]._listener.close)
        self.attempts = []
        self.connector.context.connect = self.connect
        self.spans = []
        self.connector.telemetry.tracing.emit = self.spans.append
        self.connector.telemetry.tracing.recording = True
        self.connector.telemetry.tracing.emit_recorded = None

    def more(self):
        """Further settings."""
        return {}

    def configured(self, settings):
        """The settings of the connector."""
        return settings

    def connect(self, established):
        attempt = Deferred()
        self.attempts.append((established, attempt))
        return attempt

    def accept(self):
        application = self.connector.accept()
        application.makeConnection(StringTransport())
        return application

    def link_up(self):
        """The link that was wanted last stands."""
        link = LinkChannel(self.attempts.pop()[0])
        link.makeConnection(StringTransport())
        return link

    def linked(self):
        application = self.accept()
        return application, self.link_up()


def pieces(data, sizes):
    """Its pieces, of those sizes in turn."""
    cut = itertools.cycle(sizes)
    while data:
        size = next(cut)
        yield data[:size]
        data = data[size:]


def told(metrics):
    """Return the security events that were counted."""
    return [line for line in metrics.splitlines() if line.startswith(b"acra_events_total")]


@implementer(IAuthenticatingTransport)
class Shaking(StringTransport):
    """A transport whose handshake is going on."""


class Connections(Connected):
    def test_the_context_goes_first_and_then_bytes_both_ways(self):
        application, link = self.linked()
        context = tracecontext.encode(application.span.context, tracecontext.DECIDES)
        self.assertEqual(link.transport.value(), context)
        application.dataReceived(b"to the server")
        link.dataReceived(b"to the application")
        self.assertEqual(link.transport.value(), context + b"to the server")
        self.assertEqual(application.transport.value(), b"to the application")
        application.connectionLost(Failure(ConnectionDone()))
        self.assertTrue(link.transport.disconnecting)
        names = sorted(span.name for span in self.spans)
        expected = ["ProxyWithTracing", "ProxyWithTracing", "WrapClient", "handleConnection"]
        self.assertEqual(names, sorted(expected))
        self.assertEqual(len(self.connector.connections), 0)

    def test_cl6_who_may_not_connect_is_told_so(self):
        here, there = socket.socketpair()
        self.addCleanup(here.close)
        self.addCleanup(there.close)
        for users, expected in (((os.getuid(),), 1), ((os.getuid() + 1,), 0)):
            self.connector.context.users = frozenset(users)
            application = self.connector.accept()
            transport = StringTransport()
            transport.getHandle = lambda: here
            application.makeConnection(transport)
            self.assertEqual(len(self.attempts), expected)
            self.attempts.clear()
        application.dataReceived(STARTUP)
        self.assertIn(b"C28000", transport.value())
        self.assertTrue(transport.disconnecting)

    def test_the_application_is_not_read_before_the_link_stands(self):
        application = self.accept()
        self.assertEqual(application.transport.producerState, "paused")
        link = LinkChannel(self.attempts.pop()[0])
        link.makeConnection(StringTransport())
        self.assertEqual(application.transport.producerState, "producing")

    def test_the_server_ends_it(self):
        application, link = self.linked()
        application.dataReceived(STARTUP)
        link.dataReceived(message(b"R", b"\0\0\0\0"))
        link.connectionLost(Failure(ConnectionLost()))
        self.assertEqual(types(application.transport.value()), "R")
        self.assertTrue(application.transport.disconnecting)
        self.assertEqual(application.span.message, _LOST)

    def test_a_link_that_ends_before_the_server_has_answered(self):
        for reason in (ConnectionDone(), ConnectionLost()):
            for before, after, expected in (
                ((STARTUP,), (), "E"),
                ((STARTUP[:5],), (STARTUP[5:],), "E"),
                ((), (STARTUP,), "E"),
                ((SSL_REQUEST_PACKET,), (STARTUP,), "NE"),
                ((SSL_REQUEST_PACKET, b"N", STARTUP), (), "NE"),
                ((), (SSL_REQUEST_PACKET, STARTUP), "NE"),
                ((CancelRequest(7, b"key!").encode(),), (), ""),
                ((b"GET / HTTP/1.1\r\n\r\n",), (), ""),
            ):
                application, link = self.linked()
                for data in before:
                    (link if data == b"N" else application).dataReceived(data)
                link.connectionLost(Failure(reason))
                for data in after:
                    application.dataReceived(data)
                said = application.transport.value()
                self.assertEqual(b"N" * said.startswith(b"N"), b"N" * expected.startswith("N"))
                self.assertEqual(types(said.removeprefix(b"N")), expected.removeprefix("N"))
                self.assertEqual(b"C08006" in said, "E" in expected)
                self.assertTrue(application.transport.disconnecting)
                application.connectionLost(Failure(ConnectionDone()))

    def test_no_server(self):
        application = self.accept()
        application.dataReceived(STARTUP[:5])
        self.attempts.pop()[1].errback(ConnectionRefusedError())
        application.dataReceived(STARTUP[5:])
        self.assertIn(b"C08006", application.transport.value())
        self.assertTrue(application.transport.disconnecting)
        self.assertEqual(application.span.message, "Can't connect to AcraServer")

    def test_a_handshake_that_fails(self):
        application = self.accept()
        link = LinkFactory(self.attempts.pop()[0]).buildProtocol(None)
        link.lost(Failure(ConnectionLost()))
        application.dataReceived(STARTUP)
        self.assertIn(b"C08006", application.transport.value())

    def test_a_handshake_that_takes_too_long(self):
        application = self.accept()
        self.attempts.pop()[0].errback(TimeoutError())
        self.assertEqual(application.span.status, 2)
        application.check(10.0)
        self.assertTrue(application.transport.disconnected)

    def test_a_link_that_is_given_up_while_it_shakes_hands(self):
        application, link = self.shaking()
        self.reactor.advance(self.connector.context.connect_timeout)
        self.assertTrue(link.transport.disconnected)
        # What comes of it afterwards is nobody's business.
        link.peer_authenticated(None)
        link.lost(Failure(ConnectionDone()))

    def shaking(self):
        application = self.accept()
        established, attempt = self.attempts.pop()
        link = LinkFactory(established).buildProtocol(None)
        link.makeConnection(Shaking())
        attempt.callback(link)
        return application, link

    def test_an_application_that_leaves_meanwhile(self):
        application, link = self.shaking()
        application.connectionLost(Failure(ConnectionDone()))
        # For the server to break off a handshake is worth a warning; to go behind it is not.
        self.assertFalse(link.transport.disconnected)
        self.assertEqual(len(self.connector.connections), 1)
        link.peer_authenticated(None)
        self.assertTrue(link.transport.disconnecting)
        self.assertEqual(link.transport.value(), b"")
        self.assertEqual(len(self.connector.connections), 0)

    def test_an_application_that_has_left_does_not_hold_up_a_shutdown(self):
        for leaves_first in (True, False):
            application, link = self.shaking()
            if leaves_first:
                application.connectionLost(Failure(ConnectionDone()))
            application.cut()
            if not leaves_first:
                application.connectionLost(Failure(ConnectionDone()))
            self.assertTrue(link.transport.disconnected)
            self.assertEqual(len(self.connector.connections), 0)

    def test_a_probe_of_the_port_is_counted_and_nothing_else(self):
        events_before = generate_latest(self.connector.metrics.registry)
        for count, reason in enumerate((ConnectionDone(), ConnectionLost()), 1):
            application, link = self.linked()
            application.connectionLost(Failure(reason))
            self.assertTrue(link.transport.disconnecting)
            self.assertEqual(self.spans, [])
            line = f'acra_silent_connections_total{{reached="accepted"}} {count}.0'
            self.assertIn(line.encode(), generate_latest(self.connector.metrics.registry))
        self.assertEqual(
            told(events_before), told(generate_latest(self.connector.metrics.registry))
        )

    def test_too_many(self):
        for _ in range(2):
            self.accept()
        third = self.accept()
        third.dataReceived(STARTUP)
        self.assertIn(b"C53300", third.transport.value())

    def test_a_peer_that_does_not_read(self):
        application, link = self.linked()
        link.transport.producer.pauseProducing()
        self.reactor.advance(6)
        self.connector.connections.check()
        self.assertTrue(application.transport.disconnected)
        self.assertTrue(link.transport.disconnected)

    def test_shutdown(self):
        application, link = self.linked()
        self.assertEqual(
            [span.name for span in self.connector.running_spans()], ["handleConnection"]
        )
        application.drain()
        application.cut()
        self.assertTrue(application.transport.disconnecting and link.transport.disconnecting)


class Logged(Connected):
    def setUp(self):
        super().setUp()
        self.told = []
        self.patch(
            self.connector.context,
            "event",
            lambda code, text, **fields: self.told.append((code, text)),
        )
        self.lines = []
        globalLogPublisher.addObserver(self.lines.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.lines.append)

    def logged(self, word):
        """Informational lines with that word in them."""
        texts = [formatEvent(line) for line in self.lines if line["log_level"] is LogLevel.info]
        return [text for text in texts if word in text]


AUTHENTICATED = message(b"R", b"\0\0\0\0") + message(b"K", b"\0\0\0\7key!") + ready()
#: The same of a server that knows connectors of ours.
ANNOUNCED = AUTHENTICATED[: -len(ready())] + message(b"S", b"acra_twisted\x001\0") + ready()


class Greeted(Logged):
    """A server of MySQL where one of PostgreSQL should be."""

    scope = "request"
    tls = "refuse"
    GREETING = b"\x4a\0\0\0\x0a8.0.36\0"

    BEGINNINGS = ((STARTUP, b""), (SSL_REQUEST_PACKET, b"N"))

    def assert_turned_away(self, application, declined):
        """An application of PostgreSQL that asks for TLS is answered that there is none first."""
        if declined:
            application.dataReceived(STARTUP)
        told = application.transport.value().removeprefix(declined)
        self.assertEqual(types(told), "E")
        self.assertIn(b"to AcraServer: it speaks the MySQL protocol", told)
        self.assertEqual([code for code, _ in self.told], [events.WRAP_CONNECTION])
        self.told.clear()
        application.connectionLost(Failure(ConnectionDone()))

    def test_it_is_not_carried_to_an_application_of_postgresql(self):
        for said, declined in self.BEGINNINGS:
            application, link = self.linked()
            application.dataReceived(said)
            link.dataReceived(self.GREETING)
            self.assertTrue(link.transport.disconnected or link.transport.disconnecting)
            self.assert_turned_away(application, declined)

    def test_it_waits_for_what_an_application_says(self):
        for said, declined in self.BEGINNINGS:
            for size in (100, 6):
                application, link = self.linked()
                for piece in pieces(self.GREETING, (size,)):
                    link.dataReceived(piece)
                self.assertEqual(application.transport.value(), b"")
                application.dataReceived(said)
                self.assert_turned_away(application, declined)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_it_waits_for_nobody_who_has_left(self):
        application, link = self.linked()
        link.dataReceived(self.GREETING)
        application.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.assertEqual(application.transport.value(), b"")

    def test_it_is_carried_when_the_link_ends(self):
        application, link = self.linked()
        link.dataReceived(self.GREETING)
        link.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(application.transport.value(), self.GREETING)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_it_is_carried_to_one_that_says_nothing(self):
        application, link = self.linked()
        link.dataReceived(self.GREETING)
        self.reactor.advance(PATIENCE)
        self.assertEqual(application.transport.value(), self.GREETING)
        self.assertNotIn(events.WRAP_CONNECTION, [code for code, _ in self.told])


class Followed(Connected):
    """Each request of a session that can be seen is a trace, whose context goes with it."""

    scope = "request"

    def session(self):
        application, link = self.linked()
        link.transport.clear()
        application.dataReceived(STARTUP)
        self.assertEqual(link.transport.value(), STARTUP)
        link.dataReceived(ANNOUNCED)
        self.assertEqual(application.transport.value(), AUTHENTICATED)
        link.transport.clear()
        application.transport.clear()
        return application, link

    def test_getting_ready_is_limited_in_time(self):
        silent, _ = self.linked()
        authenticating, link = self.linked()
        authenticating.dataReceived(STARTUP)
        self.reactor.advance(9)
        self.connector.connections.check()
        self.assertFalse(silent.transport.disconnected)
        self.reactor.advance(2)
        self.connector.connections.check()
        self.connector.connections.check()
        self.assertTrue(silent.transport.disconnected)
        self.assertIn(b"C57P05", authenticating.transport.value())
        self.assertTrue(link.transport.disconnecting)

    def test_one_that_is_ready_may_take_its_time(self):
        application, _ = self.session()
        self.reactor.advance(100)
        self.connector.connections.check()
        self.assertFalse(application.transport.disconnecting)

    def test_a_query_takes_its_context_along(self):
        application, link = self.session()
        application.dataReceived(query(b"SELECT 1"))
        ((kind, body),) = messages(link.transport.value())
        running = [span.name for span in self.connector.running_spans()]
        self.assertEqual(running, ["handleConnection", ""])
        reply = columns(b"a") + row(b"1") + complete(b"SELECT 1") + ready()
        link.dataReceived(reply)
        self.assertEqual(application.transport.value(), reply)
        self.connector.context.observers.catch_up()
        span = self.spans[-1]
        self.assertEqual((span.name, kind), ("SELECT", "Q"))
        self.assertNotEqual(span.trace_id, application.span.trace_id)
        comment = f"SELECT 1 /*traceparent='{span.context.traceparent()}'*/"
        self.assertEqual(body, comment.encode() + b"\0")

    def test_the_startup_packet_may_come_in_pieces_and_be_pipelined(self):
        application, link = self.linked()
        link.transport.clear()
        for byte in STARTUP[:-1]:
            application.dataReceived(bytes([byte]))
        self.assertEqual(link.transport.value(), b"")
        application.dataReceived(STARTUP[-1:] + message(b"p", b"password\0"))
        self.assertEqual(link.transport.value(), STARTUP + message(b"p", b"password\0"))

    def test_declined_encryption_and_then_a_session(self):
        application, link = self.linked()
        link.transport.clear()
        application.dataReceived(SSL_REQUEST_PACKET)
        link.dataReceived(b"N")
        application.dataReceived(STARTUP)
        self.assertEqual(link.transport.value(), SSL_REQUEST_PACKET + STARTUP)
        self.assertEqual(application.transport.value(), b"N")
        self.assertEqual(application.session.unread, "")

    def test_encryption_inside_is_carried_unread(self):
        application, link = self.linked()
        link.transport.clear()
        application.dataReceived(SSL_REQUEST_PACKET)
        link.dataReceived(b"S")
        application.dataReceived(b"\x16\x03\x01 a handshake")
        self.assertEqual(link.transport.value(), SSL_REQUEST_PACKET + b"\x16\x03\x01 a handshake")
        self.assertIsNone(application.relay)
        (row,) = sessions.describe(self.connector.sessions(), 0)
        self.assertEqual((row["state"], row["trace_id"]), ("unread", application.span.trace_id))
        self.assertEqual(application.span.attributes["acra.unread"], "encrypted")
        self.assertIn(b'reason="encrypted"} 1.0', generate_latest(self.connector.metrics.registry))
        link.transport.producer.pauseProducing()
        self.reactor.advance(6)
        self.connector.connections.check()
        self.assertTrue(application.transport.disconnected)

    def test_a_protocol_in_which_the_server_speaks_first(self):
        application, link = self.linked()
        link.transport.clear()
        link.dataReceived(b"J\0\0\0\x0a8.0.30 and so on")
        self.reactor.advance(PATIENCE)
        application.dataReceived(b"an answer")
        self.assertEqual(application.transport.value(), b"J\0\0\0\x0a8.0.30 and so on")
        self.assertEqual(link.transport.value(), b"an answer")

    def test_what_comes_when_it_is_over(self):
        for begin in (self.linked, self.session):
            application, link = begin()
            link.connectionLost(Failure(ConnectionLost()))
            application.dataReceived(query(b"SELECT 1"))
            self.assertTrue(application.transport.disconnecting)
            application.connectionLost(Failure(ConnectionDone()))

    def test_what_came_before_the_link_stood(self):
        application = self.accept()
        application.dataReceived(STARTUP)
        link = LinkChannel(self.attempts.pop()[0])
        link.makeConnection(StringTransport())
        self.assertTrue(link.transport.value().endswith(STARTUP))

    def test_ends(self):
        application, link = self.session()
        application.dataReceived(query(b"SELECT 1"))
        application.connectionLost(Failure(ConnectionDone()))
        self.assertTrue(link.transport.disconnecting)
        self.assertIn("lost", [span.message for span in self.spans])
        application, link = self.session()
        link.connectionLost(Failure(ConnectionLost()))
        self.assertTrue(application.transport.disconnecting)
        self.assertEqual(application.span.message, _LOST)

    def test_shutdown_waits_for_the_reply(self):
        application, link = self.session()
        application.dataReceived(query(b"SELECT 1"))
        application.drain()
        self.assertFalse(application.transport.disconnecting)
        link.dataReceived(complete(b"SELECT 0") + ready())
        self.assertEqual(types(application.transport.value()), "CZE")
        self.assertTrue(application.transport.disconnecting)
        application, link = self.session()
        application.dataReceived(query(b"SELECT 1"))
        application.cut()
        self.assertIn(b"57P01", application.transport.value())

    def test_a_database_that_does_not_keep_to_its_protocol(self):
        application, link = self.session()
        link.dataReceived(b"?\0\0\0\4")
        self.assertIn(b"broke its protocol", application.transport.value())
        self.assertTrue(application.transport.disconnecting)
        self.assertTrue(self.flushLoggedErrors() == [])


#: What an application says, and a server, however little of it is the protocol's.
SAID = st.lists(
    st.sampled_from((query(b"SELECT 1 /* x"), parse(b"s", b"SELECT"), bind(b"", b"s"), SYNC))
    | st.binary(min_size=1, max_size=20),
    max_size=6,
).map(b"".join)


class Foreign(Logged):
    """Before a server that does not make itself known nothing is added to what is said."""

    scope = "request"

    def meet(self, early=b""):
        application, link = self.linked()
        link.transport.clear()
        application.dataReceived(STARTUP + early)
        return application, link

    def test_the_rest_of_a_session_is_carried_unread(self):
        for number in (1, 2):
            application, link = self.meet()
            link.dataReceived(AUTHENTICATED)
            application.dataReceived(query(b"BEGIN"))
            link.dataReceived(b"?no message of any protocol")
            self.assertEqual(link.transport.value(), STARTUP + query(b"BEGIN"))
            expected = AUTHENTICATED + b"?no message of any protocol"
            self.assertEqual(application.transport.value(), expected)
            (row,) = sessions.describe(self.connector.sessions(), 0)
            self.assertEqual(
                (row["state"], application.span.attributes["acra.unread"]), ("unread", "foreign")
            )
            counted = f'acra_unread_sessions_total{{reason="foreign"}} {number}.0'.encode()
            self.assertIn(counted, generate_latest(self.connector.metrics.registry))
            application.connectionLost(Failure(ConnectionDone()))
        # One line, and that is all.
        ((code, text),) = self.told
        self.assertEqual(code, events.UNREAD_SESSION)
        self.assertIn("tracing_scope = connection", text)
        self.connector.context.observers.catch_up()
        names = {span.name for span in self.spans}
        self.assertEqual(names, {"startup", "handleConnection", "WrapClient", "ProxyWithTracing"})

    @given(SAID, SAID, st.lists(st.integers(1, 40), min_size=1, max_size=8))
    def test_byte_for_byte_in_any_pieces(self, said, answered, sizes):
        application, link = self.linked()
        link.transport.clear()
        password = message(b"p", b"secret\0")
        requests = message(b"R", b"\0\0\0\3")
        for chunk in pieces(STARTUP, sizes):
            application.dataReceived(chunk)
        link.dataReceived(requests)
        for chunk in pieces(password, sizes):
            application.dataReceived(chunk)
        for chunk in pieces(AUTHENTICATED, sizes):
            link.dataReceived(chunk)
        for chunk in pieces(said, sizes):
            application.dataReceived(chunk)
        for chunk in pieces(answered, sizes):
            link.dataReceived(chunk)
        self.assertEqual(link.transport.value(), STARTUP + password + said)
        self.assertEqual(application.transport.value(), requests + AUTHENTICATED + answered)
        application.connectionLost(Failure(ConnectionDone()))

    def test_requests_behind_the_startup_packet_wait_until_the_server_is_known(self):
        for answer, plain in ((AUTHENTICATED, True), (ANNOUNCED, False)):
            application, link = self.meet(query(b"SELECT 1"))
            application.dataReceived(query(b"SELECT 2"))
            self.assertEqual(link.transport.value(), STARTUP)
            link.dataReceived(answer)
            self.assertEqual(application.transport.value(), AUTHENTICATED)
            said = link.transport.value().removeprefix(STARTUP)
            self.assertEqual(said == query(b"SELECT 1") + query(b"SELECT 2"), plain)
            self.assertEqual(types(said), "QQ")
            self.assertEqual(b"traceparent" in said, not plain)
            application.connectionLost(Failure(ConnectionDone()))

    def test_the_applications_own_context_is_left_alone(self):
        context = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        startup = StartupPacket(0, {b"user": b"ann", b"application_name": context}).encode()
        application, link = self.linked()
        link.transport.clear()
        application.dataReceived(startup)
        link.dataReceived(AUTHENTICATED)
        self.assertEqual(link.transport.value(), startup)

    def test_who_does_not_get_in_is_told_what_the_server_says(self):
        application, link = self.meet()
        refused = backend.encode_error(b"FATAL", b"28P01", "no")
        link.dataReceived(refused)
        link.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(application.transport.value(), refused)
        self.assertTrue(application.transport.disconnecting)

    def test_what_is_said_behind_ready_stays_in_its_place(self):
        application, link = self.meet()
        notice = message(b"A", b"\0\0\0\1name\0\0")
        link.dataReceived(AUTHENTICATED + notice[:4])
        link.dataReceived(notice[4:])
        self.assertEqual(application.transport.value(), AUTHENTICATED + notice)

    def test_the_end_of_either_side_is_the_others(self):
        for end, other in ((0, 1), (1, 0)):
            ends = self.meet()
            ends[1].dataReceived(AUTHENTICATED)
            ends[end].connectionLost(Failure(ConnectionDone()))
            self.assertTrue(ends[other].transport.disconnecting)

    def test_shutdown(self):
        application, link = self.meet()
        link.dataReceived(AUTHENTICATED)
        application.drain()
        self.assertFalse(application.transport.disconnecting)
        application.cut()
        self.assertTrue(application.transport.disconnecting and link.transport.disconnecting)


class Declining(Logged):
    """No certificate for applications, on loopback: what `auto` comes to there."""

    scope = "request"
    tls = "auto"

    def test_the_session_is_followed(self):
        application, link = self.linked()
        link.transport.clear()
        application.dataReceived(SSL_REQUEST_PACKET)
        self.assertEqual(application.transport.value(), b"N")
        application.dataReceived(STARTUP)
        self.assertEqual(link.transport.value(), STARTUP)
        self.assertEqual(application.session.unread, "")
        application.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(self.told, [])

    def test_who_leaves_then_is_in_the_log_with_the_remedy(self):
        application, _ = self.linked()
        application.dataReceived(SSL_REQUEST_PACKET)
        application.connectionLost(Failure(ConnectionDone()))
        self.assertEqual((self.told, self.spans), ([], []))
        line = b'acra_silent_connections_total{reached="declined_tls"} 1.0'
        self.assertIn(line, generate_latest(self.connector.metrics.registry))
        (text,) = self.logged("sslmode")
        for words in ("sslmode=require", "application_tls_cert", "openssl req"):
            self.assertIn(words, text)

    def test_cve_2021_23222_injected_bytes_end_the_connection(self):
        application, link = self.linked()
        link.transport.clear()
        application.dataReceived(SSL_REQUEST_PACKET + STARTUP)
        self.assertEqual((application.transport.value(), link.transport.value()), (b"", b""))
        self.assertTrue(application.transport.disconnecting and link.transport.disconnecting)
        self.assertEqual([code for code, _ in self.told], [events.UNEXPECTED_PACKET])
        application.dataReceived(STARTUP)
        self.assertEqual(link.transport.value(), b"")

    def test_the_first_that_cannot_be_read_is_in_the_log(self):
        for _ in range(2):
            application, link = self.linked()
            link.dataReceived(b"J\0\0\0\x0a8.0.30 and so on")
            self.reactor.advance(PATIENCE)
            application.connectionLost(Failure(ConnectionDone()))
        self.assertEqual([code for code, _ in self.told], [events.UNREAD_SESSION])

    def test_a_cancel_request_is_nothing_to_speak_of(self):
        application, link = self.linked()
        link.transport.clear()
        application.dataReceived(CancelRequest(1, b"key!").encode())
        self.assertEqual(link.transport.value(), CancelRequest(1, b"key!").encode())
        self.assertEqual((self.told, list(self.connector.sessions())), ([], []))


class WithCertificate(Logged):
    """The connector ends the applications' TLS."""

    scope = "request"
    tls = "require"

    def more(self):
        folder = Path(self.mktemp())
        folder.mkdir()
        self.authority = Authority(folder)
        certificate, key = self.authority.issue("acra-connector", hosts=("localhost",))
        return {"application_tls_cert": str(certificate), "application_tls_key": str(key)}

    def client(self, protocols=()):
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.load_verify_locations(str(self.authority.path))
        context.set_verify(SSL.VERIFY_PEER, lambda *arguments: arguments[-1])
        if protocols:
            context.set_alpn_protos(list(protocols))
        client = SSL.Connection(context, None)
        client.set_connect_state()
        return client

    def talk(self, application, client, said=b""):
        """Until neither has more to say; what the client has read."""
        if said:
            client.send(said)
        got = b""
        while True:
            try:
                if client.get_state_string().startswith(b"SSL neg"):
                    got += client.recv(65536)
                else:
                    client.do_handshake()
            except SSL.ZeroReturnError:
                return got
            except SSL.WantReadError:
                pass
            try:
                application.transport_below.dataReceived(client.bio_read(65536))
            except SSL.WantReadError:
                pass
            answer = application.below.value()
            application.below.clear()
            if not answer:
                return got
            client.bio_write(answer)

    def begun(self, application, client, hello=SSL_REQUEST_PACKET):
        """Another object lies on the socket than the connection itself when TLS has begun."""
        application.below = application.transport
        application.dataReceived(hello)
        application.transport_below = application.transport
        if hello == SSL_REQUEST_PACKET:
            self.assertEqual(application.below.value(), b"S")
            application.below.clear()
        return self.talk(application, client)

    def test_the_session_within_is_followed(self):
        application, link = self.linked()
        link.transport.clear()
        client = self.client()
        self.begun(application, client)
        self.talk(application, client, STARTUP)
        self.assertEqual(link.transport.value(), STARTUP)
        link.transport.clear()
        link.dataReceived(ANNOUNCED)
        self.assertEqual(self.talk(application, client, query(b"SELECT 1")), AUTHENTICATED)
        self.assertIn(b"SELECT 1 /*traceparent=", link.transport.value())
        self.assertEqual(self.told, [])

    def test_direct_tls(self):
        for protocols, followed in (((b"postgresql",), True), ((), False)):
            application, link = self.linked()
            client = self.client(protocols)
            self.assertRaises(SSL.WantReadError, client.do_handshake)
            self.begun(application, client, client.bio_read(65536))
            self.assertEqual(application.below.disconnected, not followed)
            if followed:
                self.talk(application, client, STARTUP)
                self.assertEqual(application.session.unread, "")
        self.assertEqual(self.told, [(events.TLS_INIT, "Direct TLS without ALPN postgresql")])

    def test_who_does_not_ask_for_it_is_told(self):
        application, link = self.linked()
        link.transport.clear()
        application.dataReceived(STARTUP)
        self.assertIn(b"C28000\0", application.transport.value())
        self.assertIn(b"application_tls", application.transport.value())
        self.assertEqual(link.transport.value(), b"")
        self.assertTrue(application.transport.disconnecting and link.transport.disconnecting)

    def test_a_handshake_that_fails(self):
        application, _ = self.linked()
        application.below = application.transport
        application.dataReceived(SSL_REQUEST_PACKET)
        application.connectionLost(Failure(ConnectionLost()))
        expected = [(events.TLS_INIT, "TLS with an application failed")]
        self.assertEqual(self.told, expected)

    def test_no_server_is_said_within_tls(self):
        application = self.accept()
        self.attempts.pop()[1].errback(ConnectionRefusedError())
        client = self.client()
        self.begun(application, client)
        self.assertIn(b"C08006", self.talk(application, client, STARTUP))


class CopiedWithCertificate(WithCertificate):
    """With ``tracing_scope = connection``: TLS ends here, and what is within is not looked at."""

    scope = "connection"

    def test_the_session_within_is_followed(self):
        application, link = self.linked()
        link.transport.clear()
        client = self.client()
        self.begun(application, client)
        self.talk(application, client, STARTUP)
        link.dataReceived(AUTHENTICATED)
        self.assertEqual(self.talk(application, client, query(b"SELECT 1")), AUTHENTICATED)
        self.assertEqual(link.transport.value(), STARTUP + query(b"SELECT 1"))
        self.assertIsNone(application.relay)

    def test_direct_tls(self):
        application, link = self.linked()
        link.transport.clear()
        client = self.client((b"postgresql",))
        self.assertRaises(SSL.WantReadError, client.do_handshake)
        self.begun(application, client, client.bio_read(65536))
        self.talk(application, client, STARTUP)
        self.assertEqual(link.transport.value(), STARTUP)
