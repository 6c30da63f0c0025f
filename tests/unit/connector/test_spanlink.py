"""Spans to the server, over memory transports."""

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost, ConnectionRefusedError
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.connector.link import LinkChannel
from acra_twisted.connector.spanlink import LinkExporter
from acra_twisted.telemetry.export import otlp
from acra_twisted.telemetry.export.resource import Resource
from acra_twisted.wire.link import lengthprefix
from tests.support.sample_spans import sample


class Link(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.attempts = []
        self.exporter = LinkExporter(
            self.clock,
            Resource("acra-connector"),
            self.connect,
            5.0,
            b"spans?",
            interval=1.0,
            max_batch=10_000,
        )
        self.exporter.start()
        self.spans = sample()
        self.addCleanup(self.flushLoggedErrors)

    def connect(self, established):
        attempt = Deferred()
        self.attempts.append((established, attempt))
        return attempt

    def linked(self):
        link = LinkChannel(self.attempts.pop()[0])
        link.makeConnection(StringTransport())
        return link

    def export(self):
        for span in self.spans:
            self.exporter.export(span)
        self.clock.advance(1)

    def counts(self):
        return {key: count for key, count in self.exporter.counts.items() if count}

    def test_asked_and_then_block_by_block(self):
        self.export()
        link = self.linked()
        self.assertEqual(link.transport.value(), b"spans?")
        link.transport.clear()
        link.dataReceived(b"S")
        body = otlp.encode(self.spans, self.exporter._resource).parts[0]
        self.assertEqual(link.transport.value(), lengthprefix.encode(body))
        self.assertEqual(self.counts(), {})
        link.dataReceived(b"K")
        self.assertEqual(self.counts(), {"sent": len(self.spans)})
        # The link is kept for the next ones.
        self.export()
        link.dataReceived(b"K")
        self.assertEqual(self.counts(), {"sent": 2 * len(self.spans)})
        self.successResultOf(self.exporter.stop())
        self.assertTrue(link.transport.disconnecting)

    def test_a_server_that_takes_none_is_left_alone_for_a_while(self):
        self.export()
        self.linked().dataReceived(b"N")
        self.export()
        self.assertEqual(self.attempts, [])
        self.assertEqual(self.counts(), {"dropped_failed": 2 * len(self.spans)})
        self.clock.advance(601)
        self.export()
        self.assertEqual(len(self.attempts), 1)

    def test_a_lost_link_is_made_anew(self):
        self.export()
        link = self.linked()
        link.dataReceived(b"S")
        link.connectionLost(Failure(ConnectionLost()))
        self.clock.advance(1)
        link = self.linked()
        link.dataReceived(b"S")
        link.dataReceived(b"K")
        self.assertEqual(self.counts(), {"sent": len(self.spans), "retried": len(self.spans)})

    def test_no_server(self):
        self.export()
        self.attempts.pop()[1].errback(Failure(ConnectionRefusedError()))
        self.assertEqual(self.counts(), {"retried": len(self.spans)})

    def test_no_answer(self):
        self.export()
        link = self.linked()
        link.dataReceived(b"S")
        self.clock.pump([5.1])
        self.assertTrue(link.transport.disconnected)
        self.assertEqual(self.counts(), {"retried": len(self.spans)})

    def test_not_kept(self):
        self.export()
        link = self.linked()
        link.dataReceived(b"S")
        link.dataReceived(b"?")
        self.assertEqual(self.counts(), {"dropped_failed": len(self.spans)})
