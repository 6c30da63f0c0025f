"""The beginning of every connection: link, trace context, and the spans of both."""

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import generate_latest
from twisted.internet.error import ConnectionLost
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from zope.interface import implementer

from acra_twisted import events
from acra_twisted.interfaces import IAuthenticatingTransport
from acra_twisted.server.arrival import Arrival
from acra_twisted.transport.endings import SILENT
from acra_twisted.wire.link import lengthprefix, tracecontext
from acra_twisted.wire.postgres.frames import SSL_REQUEST_PACKET, StartupPacket
from tests.unit.server.test_connection import CONTEXT, ServerCase


@implementer(IAuthenticatingTransport)
class Shaking(StringTransport):
    """A transport whose handshake is going on."""


def silent(reached, number):
    return f'acra_silent_connections_total{{reached="{reached}"}} {number}.0'.encode()


FRAMED = tracecontext.encode(CONTEXT)


class Visit(Arrival):
    """Keeps what comes when the connection's span has begun."""

    span_name = "visit"

    def begun(self):
        self.came = b""
        self.receiver = self._keep

    def _keep(self, data):
        self.came += data


class Arrivals(ServerCase):
    def arrive(self, *chunks):
        visit = Visit(self.server.context, 1, "10.0.0.1")
        visit.makeConnection(StringTransport())
        for chunk in chunks:
            visit.dataReceived(chunk)
        return visit

    def test_a_context_comes_first_in_any_pieces(self):
        data = FRAMED + b"hello"
        for cut in range(len(data)):
            visit = self.arrive(*filter(None, (data[:cut], data[cut:])))
            self.assertEqual(visit.came, b"hello")
            self.assertEqual(visit.span.trace_id, CONTEXT.trace_id)
            self.assertEqual((visit.span.name, visit.session), ("visit", None))

    def test_without_a_context_the_handshake_begins_the_trace(self):
        visit = self.arrive(b"hello")
        self.assertEqual(visit.came, b"hello")
        self.assertEqual([span.name for span in self.spans], ["WrapServer"])
        self.assertEqual(visit.span.trace_id, self.spans[0].trace_id)

    def test_an_unusable_context_is_an_event_and_not_in_the_way(self):
        seen = []
        self.server.context.observers = SimpleNamespace(
            security_event=lambda code, *args, **fields: seen.append(code)
        )
        visit = self.arrive(lengthprefix.encode(b"x" * 29) + b"hello")
        self.assertEqual((visit.came, seen), (b"hello", [events.CANNOT_READ_TRACE]))

    def test_it_may_not_take_for_ever(self):
        visit = self.arrive(b"hello")
        visit.check(self.reactor.seconds() + 1)
        self.assertFalse(visit.transport.disconnected)
        visit.check(self.reactor.seconds() + 3600)
        self.assertTrue(visit.transport.disconnected)

    def test_at_shutdown_it_goes(self):
        for end in ("drain", "cut"):
            visit = self.arrive(b"hello")
            getattr(visit, end)()
            self.assertTrue(visit.transport.disconnecting or visit.transport.disconnected)

    def test_a_peer_that_goes_before_it_has_said_anything(self):
        self.server.context.observers = SimpleNamespace(security_event=self.fail)
        for number, chunks in enumerate(((), (FRAMED,)), 1):
            visit = self.arrive(*chunks)
            visit.connectionLost(Failure(ConnectionLost()))
            self.assertEqual(self.spans, [])
            self.assertIn(silent("linked", number), generate_latest(self.server.metrics.registry))
        visit = Visit(self.server.context, 1, "10.0.0.1")
        visit.makeConnection(Shaking())
        visit.connectionLost(SILENT)
        self.assertEqual(self.spans, [])
        self.assertIn(silent("accepted", 1), generate_latest(self.server.metrics.registry))

    def test_a_peer_that_goes_in_the_middle_is_an_event(self):
        seen = []
        self.server.context.observers = SimpleNamespace(
            security_event=lambda code, *args, **fields: seen.append(code)
        )
        visit = Visit(self.server.context, 1, "10.0.0.1")
        visit.makeConnection(Shaking())
        visit.connectionLost(Failure(ConnectionLost()))
        self.assertEqual(seen, [events.WRAP_CONNECTION])
        self.assertEqual([span.name for span in self.spans], ["WrapServer"])
        self.assertTrue(self.spans[0].end)


class Misdirected(ServerCase):
    """An application at the port for connectors."""

    def arrive(self):
        self.seen = []
        self.server.context.observers = SimpleNamespace(
            security_event=lambda code, *args, **fields: self.seen.append(code)
        )
        visit = Visit(self.server.context, 1, "10.0.0.1")
        visit.makeConnection(Shaking())
        transport = StringTransport()
        visit.misdirected(transport)
        return visit, transport

    def test_it_is_told_so_once_and_nothing_else_is_done_for_it(self):
        data = StartupPacket(0, {b"user": b"ann"}).encode()
        for cut in range(1, len(data)):
            visit, transport = self.arrive()
            visit.dataReceived(SSL_REQUEST_PACKET)
            visit.dataReceived(data[:cut])
            visit.dataReceived(data[cut:])
            said = transport.value()
            self.assertEqual((said[:2], said.count(b"this port is for AcraConnector")), (b"NE", 1))
            self.assertTrue(transport.disconnecting)
            visit.dataReceived(data)
            visit.connectionLost(Failure(ConnectionLost()))
            self.assertEqual((transport.value(), self.seen), (said, [events.WRAP_CONNECTION]))
            self.assertIsNone(visit.span)

    @given(st.lists(st.binary(min_size=1, max_size=64), max_size=4))
    def test_whatever_it_says_it_gets_no_further(self, chunks):
        visit, transport = self.arrive()
        for chunk in chunks:
            visit.dataReceived(chunk)
        self.assertNotIn(b"S", transport.value()[:1])
        self.assertIsNone(visit.span)
        visit.connectionLost(Failure(ConnectionLost()))
