"""Requests to collectors, and spans as log lines."""

import gzip

from twisted.internet.defer import ensureDeferred
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.batching import Payload
from acra_twisted.telemetry.exporters import HttpExporter, LogExporter
from tests.support.sample_spans import sample
from tests.support.web import Agent, Answer


class Http(SynchronousTestCase):
    def send(self, **options):
        agent = Agent(Answer(200))
        exporter = HttpExporter(
            Clock(), "otlp", "http://127.0.0.1:1/x", None, "acra-server", agent=agent, **options
        )
        exporter.open()
        self.successResultOf(ensureDeferred(exporter.send(Payload((b"a", b"b"), {"x-own": "1"}))))
        self.successResultOf(ensureDeferred(exporter.close()))
        return agent

    def test_requests(self):
        agent = self.send(method=b"PUT", headers={"x-token": "t"})
        self.assertEqual(agent.bodies, [b"a", b"b"])
        method, url, headers = agent.requests[0]
        self.assertEqual((method, url), (b"PUT", b"http://127.0.0.1:1/x"))
        found = dict(headers.getAllRawHeaders())
        self.assertEqual((found[b"X-Token"], found[b"X-Own"]), ([b"t"], [b"1"]))
        self.assertNotIn(b"Content-Encoding", found)

    def test_packed(self):
        agent = self.send(compress=True)
        self.assertEqual([gzip.decompress(body) for body in agent.bodies], [b"a", b"b"])
        headers = agent.requests[0][2]
        self.assertEqual(headers.getRawHeaders("content-encoding"), ["gzip"])


class Log(SynchronousTestCase):
    def test_acras_fields(self):
        lines = []
        globalLogPublisher.addObserver(lines.append)
        self.addCleanup(globalLogPublisher.removeObserver, lines.append)
        exporter = LogExporter()
        exporter.start()
        for span in sample():
            exporter.export(span)
        self.successResultOf(exporter.stop())
        first, second = lines
        self.assertEqual((first["span_name"], first["duration"]), ("handleConnection", "0.000"))
        self.assertNotIn("parent_span_id", first)
        self.assertEqual((second["status_code"], second["link_trace_id_0"]), (7, "2" * 32))
        self.assertEqual((exporter.counts["sent"], exporter.queued), (2, 0))
