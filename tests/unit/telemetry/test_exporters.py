"""Export: batches, retries, drops, ends; nothing raised, nothing unbounded (OB-4)."""

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import ResponseDone

from acra_twisted.telemetry.exporters import HttpExporter, LogExporter
from tests.support.sample_spans import sample


class Answer:
    def __init__(self, code, length=0):
        self.code, self.length, self.phrase = code, length, b""
        self._transport = StringTransport()

    def deliverBody(self, protocol):
        protocol.makeConnection(self._transport)
        protocol.connectionLost(Failure(ResponseDone()))


class Agent:
    """Answers requests from a list, the last one again and again."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.bodies = []

    def request(self, method, url, headers, body):
        transport = StringTransport()
        body.startProducing(transport)
        for method in (body.pauseProducing, body.resumeProducing, body.stopProducing):
            method()
        self.bodies.append(transport.value())
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            return fail(answer)
        return answer if isinstance(answer, Deferred) else succeed(answer)


class Http(SynchronousTestCase):
    def start(self, *answers, **options):
        self.clock = Clock()
        self.agent = Agent(*answers)
        settings = {"max_queue": 10, "max_batch": 2, "attempts": 3, **options}
        self.exporter = HttpExporter(
            self.clock,
            "otlp",
            "http://127.0.0.1:1/x",
            lambda spans, service: b"%d" % len(spans),
            "text/plain",
            "acra-server",
            agent=self.agent,
            **settings,
        )
        self.exporter.start()
        return self.exporter

    def export(self, count):
        for _ in range(count):
            self.exporter.export(sample()[0])

    def test_batches(self):
        self.start(Answer(200))
        self.export(5)
        self.assertEqual(self.exporter.queued, 5)
        self.clock.advance(1)
        self.assertEqual(self.agent.bodies, [b"2", b"2", b"1"])
        self.assertEqual(self.exporter.counts["sent"], 5)
        self.successResultOf(self.exporter.stop())

    def test_a_full_queue_drops(self):
        self.start(Answer(200))
        self.export(12)
        self.assertEqual(
            (self.exporter.queued, self.exporter.counts["dropped_queue_full"]), (10, 2)
        )

    def test_what_may_be_retried_is(self):
        self.start(Answer(503), ConnectionRefusedError(), Answer(200))
        self.export(1)
        self.clock.advance(1)
        self.clock.pump([1] * 4)
        self.assertEqual(self.exporter.counts["sent"], 1)
        self.assertEqual(self.exporter.counts["retried"], 2)

    def test_what_may_not_is_dropped(self):
        for answer in (Answer(400), Answer(200, length=1 << 20)):
            self.start(answer)
            self.export(1)
            self.clock.advance(1)
            self.assertEqual(self.exporter.counts["dropped_failed"], 1)
            self.assertEqual(len(self.agent.bodies), 1)

    def test_retries_end(self):
        self.start(ConnectionRefusedError())
        self.export(1)
        self.clock.advance(1)
        self.clock.pump([1] * 10)
        self.assertEqual(self.exporter.counts["dropped_failed"], 1)
        self.assertEqual(len(self.agent.bodies), 3)

    def test_stop_sends_what_is_queued(self):
        self.start(Answer(200))
        self.export(3)
        self.successResultOf(self.exporter.stop())
        self.assertEqual(self.exporter.counts["sent"], 3)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stop_does_not_wait_for_a_pause(self):
        self.start(Answer(503))
        self.export(1)
        self.clock.advance(1)
        self.successResultOf(self.exporter.stop())
        self.assertEqual(self.exporter.counts["dropped_failed"], 1)

    def test_stop_is_bounded(self):
        self.start(Deferred())
        self.export(4)
        self.clock.advance(1)
        stopped = self.exporter.stop()
        self.assertNoResult(stopped)
        self.clock.advance(4)
        self.clock.advance(4)
        self.successResultOf(stopped)
        self.assertEqual(self.exporter.queued, 0)

    def test_an_encoder_that_raises_is_logged(self):
        self.start(Answer(200))
        self.exporter._encode = lambda *args: 1 / 0
        self.export(1)
        self.clock.advance(1)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


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
