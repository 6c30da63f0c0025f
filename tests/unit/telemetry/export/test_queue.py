"""Batches, retries, drops, ends; nothing raised, nothing unbounded (OB-4)."""

from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.internet.error import ConnectionLost, ConnectionRefusedError
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import ResponseNeverReceived

from acra_twisted.telemetry.export.http import HttpExporter
from acra_twisted.telemetry.export.queue import BatchExporter, Payload
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
            setting="otlp_endpoint",
            now=lambda: 784111777.0,
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

    def sent_after(self, seconds):
        """Nothing is sent before so many seconds have passed since the first try, and then is."""
        self.export(1)
        self.clock.advance(1)
        tries = len(self.agent.bodies)
        self.clock.pump([seconds / 100] * 99)
        self.assertEqual(len(self.agent.bodies), tries)
        self.clock.pump([seconds / 100] * 2)
        self.assertGreater(len(self.agent.bodies), tries)

    def test_a_destination_that_wants_a_pause_has_it(self):
        for code in (429, 502, 503, 504):
            for text in ("20", "Sun, 06 Nov 1994 08:49:57 GMT"):
                self.start(Answer(code, retry_after=text), Answer(200))
                self.sent_after(20)
                self.assertEqual(self.exporter.counts["sent"], 1)
                self.successResultOf(self.exporter.stop())

    def test_meanwhile_the_queue_fills_and_drops(self):
        self.start(Answer(429, retry_after="100"), Answer(200))
        self.sent_after(100)
        self.start(Answer(503, retry_after="100"), Answer(200))
        self.export(1)
        self.clock.advance(1)
        for _ in range(50):
            self.export(1)
            self.clock.advance(1)
        counts = self.exporter.counts
        self.assertEqual((counts["dropped_queue_full"], self.exporter.queued), (40, 10))
        self.clock.advance(60)
        self.assertEqual(counts["sent"], 11)

    def test_a_pause_outlives_the_batch(self):
        self.start(Answer(503, retry_after="20"), attempts=1)
        self.export(1)
        self.clock.advance(1)
        self.assertEqual(self.exporter.counts["dropped_failed"], 1)
        self.export(1)
        self.clock.pump([1] * 19)
        self.assertEqual(len(self.agent.bodies), 1)
        self.clock.pump([1] * 2)
        self.assertEqual(len(self.agent.bodies), 2)

    def test_the_end_does_not_break_it(self):
        self.start(Answer(503, retry_after="20"), Answer(200))
        self.export(3)
        self.clock.advance(1)
        self.successResultOf(self.exporter.stop())
        self.assertEqual(len(self.agent.bodies), 1)
        self.assertEqual(self.exporter.counts["dropped_failed"], 3)

    def lines(self):
        found = []
        globalLogPublisher.addObserver(found.append)
        self.addCleanup(globalLogPublisher.removeObserver, found.append)
        return found

    def test_an_outage_is_known_while_it_lasts(self):
        self.start(*[ConnectionRefusedError()] * 4, Answer(200))
        self.assertEqual(self.exporter.trouble, "")
        self.export(1)
        self.clock.advance(1)
        self.assertEqual(self.exporter.trouble, "")
        self.clock.advance(1)
        self.assertIn("connection refused", self.exporter.trouble)
        for _ in range(60):
            self.export(1)
            self.clock.advance(1)
        self.assertEqual(self.exporter.trouble, "")

    def test_an_outage_is_said_once_with_where_and_why_and_so_is_its_end(self):
        lines = self.lines()
        self.start(*[ConnectionRefusedError()] * 20, Answer(200))
        self.clock.advance(100)
        for _ in range(200):
            self.export(1)
            self.clock.advance(1)
        first, last = lines
        self.assertEqual(first["destination"], "http://127.0.0.1:1/x")
        self.assertIn("http://127.0.0.1:1/x: connection refused", first["error"])
        self.assertIn("see otlp_endpoint", first["error"])
        self.assertEqual(first["exporter"], "otlp")
        self.assertIn("exported again", last["event_text"])
        self.assertEqual(last["dropped_so_far"], self.exporter.counts["dropped_failed"])

    def test_one_failure_alone_is_not_worth_a_word(self):
        lines = self.lines()
        self.start(*[Answer(503), Answer(200)] * 10)
        self.clock.advance(100)
        for _ in range(20):
            self.export(1)
            self.clock.pump([1] * 3)
        self.assertEqual(self.exporter.counts["sent"], 20)
        self.assertEqual(lines, [])

    def test_who_comes_and_goes_is_said_once_a_minute(self):
        lines = self.lines()
        self.start(*[Answer(404), Answer(200)] * 60)
        self.clock.advance(100)
        for _ in range(120):
            self.export(1)
            self.clock.advance(1)
        self.assertLessEqual(len(lines), 6)
        self.assertIn("status 404", lines[0]["error"])
        self.assertIn("path", lines[0]["error"])

    def test_a_long_pause_is_said(self):
        lines = self.lines()
        self.start(Answer(429, retry_after="600"))
        self.clock.advance(100)
        self.export(1)
        self.clock.advance(1)
        [line] = lines
        self.assertIn("status 429", line["error"])

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
