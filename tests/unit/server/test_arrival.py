"""What every connection begins with: link, trace context, and the spans of both."""

from twisted.internet.error import ConnectionLost
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from acra_twisted import events
from acra_twisted.server.arrival import Arrival
from acra_twisted.wire import lengthprefix, tracecontext
from tests.unit.server.test_connection import CONTEXT, ServerCase

FRAMED = tracecontext.encode(CONTEXT)


class Visit(Arrival):
    """Keeps what comes when the connection's span has begun."""

    span_name = "visit"

    def begun(self):
        self.came = b""
        self._phase = self._keep

    def _keep(self, data):
        self.came += data


class Arrivals(ServerCase):
    def arrive(self, *chunks):
        visit = Visit(self.server, 1, "10.0.0.1")
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
            self.assertEqual((visit.span.name, visit.relay, visit.unread), ("visit", None, None))

    def test_without_a_context_the_handshake_begins_the_trace(self):
        visit = self.arrive(b"hello")
        self.assertEqual(visit.came, b"hello")
        self.assertEqual([span.name for span in self.spans], ["WrapServer"])
        self.assertEqual(visit.span.trace_id, self.spans[0].trace_id)

    def test_an_unusable_context_is_an_event_and_not_in_the_way(self):
        seen = []
        self.server.observers.security_event = lambda code, *args, **fields: seen.append(code)
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
        visit = self.arrive()
        visit.connectionLost(Failure(ConnectionLost()))
        self.assertEqual([span.name for span in self.spans], ["WrapServer"])
        self.assertTrue(self.spans[0].end)
        self.assertIsNone(visit.span)
