"""Spans and events that a connection leaves behind."""

from twisted.internet.error import ConnectionLost, ConnectionRefusedError
from twisted.python.failure import Failure

from acra_twisted import events
from acra_twisted.connector.record import ConnectionRecord
from acra_twisted.session import Identity
from acra_twisted.transport.failures import reason_of
from tests.unit.connector.test_connection import Connected


class Records(Connected):
    def setUp(self):
        super().setUp()
        self.told = []
        context = self.connector.context
        context.event = lambda code, text, **fields: self.told.append((code, text, fields))
        self.record = ConnectionRecord(context, 7, Identity("ann", "127.0.0.1", False))
        self.record.link_begins()

    def names(self):
        return [span.name for span in self.spans]

    def reason(self, error):
        return reason_of(Failure(error), self.connector.context.server)

    def test_spans_of_one_that_was_made_for_something(self):
        self.record.link_stands("here:1")
        self.record.hand_on_wrap()
        self.record.finish()
        expected = ["WrapClient", "ProxyWithTracing", "ProxyWithTracing", "handleConnection"]
        self.assertEqual(self.names(), expected)
        directions = [span.attributes.get("acra.direction") for span in self.spans[1:3]]
        self.assertEqual(directions, ["request", "response"])
        self.assertEqual({span.trace_id for span in self.spans}, {self.record.span.trace_id})
        self.assertEqual(self.record.span.attributes["acra.connection_id"], 7)

    def test_nothing_is_exported_before(self):
        self.record.link_stands("here:1")
        self.assertEqual(self.spans, [])

    def test_an_event_names_its_connection_and_trace(self):
        self.record.event(events.CLOSE_CONNECTION, "text", error="why")
        ((code, text, fields),) = self.told
        self.assertEqual((code, text), (events.CLOSE_CONNECTION, "text"))
        self.assertEqual(fields["session_id"], 7)
        self.assertEqual(fields["client_id"], "ann")
        self.assertEqual(fields["error"], "why")
        self.assertEqual(fields["trace_id"], self.record.span.trace_id)

    def test_no_link_by_how_far_it_came(self):
        for local, code in (("", events.START_CONNECTION), ("here:1", events.WRAP_CONNECTION)):
            self.setUp()
            self.record.unreachable(self.reason(ConnectionRefusedError()), local)
            self.assertEqual(self.told[0][0], code)
            self.assertEqual(self.told[0][2]["local"], local or None)
            self.assertEqual(self.names(), ["WrapClient"])

    def test_what_became_of_a_link_that_stood(self):
        self.record.link_stands("here:1")
        self.record.refused("SQLSTATE 53300")
        self.record.foreign(self.reason(ConnectionLost()))
        self.record.lost(self.reason(ConnectionLost()))
        self.assertEqual(
            [code for code, _, _ in self.told],
            [events.START_CONNECTION, events.WRAP_CONNECTION, events.CLOSE_CONNECTION],
        )
        self.assertEqual(self.told[0][2]["error"], "SQLSTATE 53300")
