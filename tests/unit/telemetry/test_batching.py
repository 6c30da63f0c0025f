"""Batches, retries, drops, ends; nothing raised, nothing unbounded (OB-4)."""

from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.internet.error import ConnectionLost, ConnectionRefusedError
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import ResponseNeverReceived

from acra_twisted.telemetry.batching import BatchExporter, Payload
from acra_twisted.telemetry.exporters import HttpExporter
from tests.support.sample_spans import sample
from tests.support.web import Agent, Answer


class Batches(SynchronousTestCase):
    def start(self, *answers, **options):
        self.clock = Clock()
        self.agent = Agent(*answers)
        settings = {"max_queue": 10, "max_batch": 2, "attempts": 3, **options}
        self.exporter = HttpExporter(
            self.clock,
            "otlp",
            "http://127.0.0.1:1/x",
            lambda spans, service: Payload((b"%d" % len(spans),), {"x-own": "1"}),
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

    def test_what_is_made_of_spans_is_queued(self):
        self.start(Answer(200), piece=lambda span: span.name.encode())
        self.exporter._encode = lambda pieces, service: Payload((b",".join(pieces),))
        self.export(3)
        self.clock.advance(1)
        self.assertEqual(
            self.agent.bodies, [b"handleConnection,handleConnection", b"handleConnection"]
        )
        self.assertEqual(self.exporter.counts["sent"], 3)

    def test_what_cannot_be_made_is_counted_and_said(self):
        lines = []
        globalLogPublisher.addObserver(lines.append)
        self.addCleanup(globalLogPublisher.removeObserver, lines.append)
        self.start(Answer(200), piece=lambda span: 1 / 0)
        self.clock.advance(60)
        self.export(3)
        self.assertEqual((self.exporter.counts["dropped_failed"], self.exporter.queued), (3, 0))
        self.assertEqual([line["error"] for line in lines], ["ZeroDivisionError"])

    def test_a_full_queue_drops(self):
        self.start(Answer(200))
        self.export(12)
        self.assertEqual(
            (self.exporter.queued, self.exporter.counts["dropped_queue_full"]), (10, 2)
        )

    def test_half_a_queue_does_not_wait(self):
        self.start(Answer(200))
        self.export(4)
        self.clock.advance(0)
        self.assertEqual(self.agent.bodies, [])
        self.export(1)
        self.clock.advance(0)
        self.assertEqual(self.exporter.counts["sent"], 5)
        self.export(1)
        self.clock.advance(0)
        self.assertEqual(self.exporter.queued, 1)
        self.clock.advance(1)
        self.assertEqual(self.exporter.counts["sent"], 6)
        self.export(7)
        self.clock.advance(0)
        self.assertEqual(self.exporter.counts["sent"], 13)
        self.successResultOf(self.exporter.stop())
        self.export(7)

    def test_what_may_be_retried_is(self):
        self.start(Answer(503), ConnectionRefusedError(), Answer(200))
        self.export(1)
        self.clock.advance(1)
        self.clock.pump([1] * 4)
        self.assertEqual(self.exporter.counts["sent"], 1)
        self.assertEqual(self.exporter.counts["retried"], 2)

    def test_a_kept_connection_that_is_gone_costs_no_pause_once(self):
        stale = ResponseNeverReceived([Failure(ConnectionLost())])
        self.start(stale, Answer(200))
        self.export(1)
        self.clock.advance(1)
        self.assertEqual((self.exporter.counts["sent"], self.exporter.counts["retried"]), (1, 1))
        self.start(stale, stale, Answer(200))
        self.export(1)
        self.clock.advance(1)
        self.assertEqual((self.exporter.counts["sent"], self.exporter.counts["retried"]), (0, 2))
        self.clock.advance(0.5)
        self.assertEqual(self.exporter.counts["sent"], 1)

    def test_one_that_does_not_answer_in_time_does(self):
        # What Twisted makes of a request that is given up.
        self.start(ResponseNeverReceived([Failure(CancelledError())]), Answer(200))
        self.export(1)
        self.clock.advance(1)
        self.assertEqual((self.exporter.counts["sent"], self.exporter.counts["retried"]), (0, 1))
        self.clock.advance(0.5)
        self.assertEqual(self.exporter.counts["sent"], 1)

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

    def test_an_encoder_that_raises_loses_a_batch_that_is_counted(self):
        self.start(Answer(200))
        encode, self.exporter._encode = self.exporter._encode, lambda spans, service: 1 // 0
        self.export(3)
        self.clock.advance(1)
        self.assertEqual(self.exporter.counts["dropped_failed"], 3)
        self.exporter._encode = encode
        self.export(1)
        self.clock.advance(1)
        self.assertEqual(self.exporter.counts["sent"], 1)

    def test_what_no_part_can_hold_is_counted(self):
        self.start(Answer(200))
        self.exporter._encode = lambda spans, service: Payload((b"x",), skipped=1)
        self.export(2)
        self.clock.advance(1)
        counts = self.exporter.counts
        self.assertEqual((counts["sent"], counts["dropped_failed"]), (1, 1))

    def test_subclasses_say_how_to_send(self):
        exporter = BatchExporter(Clock(), "x", None, "")
        exporter.open()
        self.successResultOf(ensureDeferred(exporter.close()))
        self.failureResultOf(ensureDeferred(exporter.send(None)), NotImplementedError)
