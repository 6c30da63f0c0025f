"""Where finished spans go, and a queue that is bounded."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.export.http import LogExporter
from acra_twisted.telemetry.tracing.processor import History, SpanProcessor, SpanQueue
from acra_twisted.telemetry.tracing.store import SpanStore
from tests.support.recordings import record
from tests.support.sample_spans import sample


class Queued:
    """An exporter that nobody calls: its spans go into its queue."""

    def __init__(self):
        self.queue = SpanQueue(10, lambda: None, {})


class Processors(SynchronousTestCase):
    def test_pages_see_all_and_exporters_what_is_sampled_or_kept(self):
        store, log, queued = SpanStore(), LogExporter(), Queued()
        processor = SpanProcessor(store, [log])
        processor.add(queued)
        for sampled, kept in ((False, False), (True, False), (False, True)):
            (span, _) = sample()
            span.sampled, span.kept = sampled, kept
            processor.put(span)
        self.assertEqual(store.summary()[0].seen, 3)
        self.assertEqual((log.counts["sent"], len(queued.queue)), (2, 2))

    def test_without_pages(self):
        queued = Queued()
        SpanProcessor(None, [queued]).put(sample()[0])
        self.assertEqual(len(queued.queue), 1)


class Room(SynchronousTestCase):
    def filled(self, spans, limit=1000):
        queued = Queued()
        queued.queue = SpanQueue(limit, lambda: None, {"dropped_queue_full": 0})
        for _ in range(spans):
            queued.queue.put(self.span)
        return queued

    def setUp(self):
        self.span = sample()[0]

    def test_of_one_queue(self):
        for spans, share in ((0, 1.0), (750, 1.0), (850, 0.5), (950, 0.0), (1000, 0.0)):
            processor = SpanProcessor(None, [self.filled(spans)])
            self.assertAlmostEqual(processor.room(), share, 3, spans)

    def test_a_destination_that_is_dead_costs_the_others_nothing(self):
        processor = SpanProcessor(None, [self.filled(1000), self.filled(850)])
        self.assertAlmostEqual(processor.room(), 0.5, 3)
        processor.add(self.filled(10))
        self.assertEqual(processor.room(), 1.0)

    def test_where_nothing_is_queued_there_is_room(self):
        self.assertEqual(SpanProcessor(SpanStore(), []).room(), 1.0)
        self.assertEqual(SpanProcessor(None, [LogExporter(), self.filled(1000)]).room(), 1.0)

    def test_a_queue_of_one(self):
        self.assertEqual(self.filled(0, 1).queue.room(), 1.0)
        self.assertEqual(self.filled(1, 1).queue.room(), 0.0)


class Queue(SynchronousTestCase):
    def test_first_come_first_taken(self):
        queue = SpanQueue(10, lambda: None, {})
        spans = [sample()[0] for _ in range(5)]
        for span in spans:
            queue.put(span)
        self.assertEqual(queue.take(2), (spans[:2], 2))
        self.assertEqual((queue.take(9), queue.take(9)), ((spans[2:], 3), ([], 0)))

    def test_what_is_beyond_the_limit_is_dropped_and_counted(self):
        counts = {"dropped_queue_full": 0}
        queue = SpanQueue(2, lambda: None, counts)
        spans = [sample()[0] for _ in range(3)]
        for span in spans:
            queue.put(span)
        self.assertEqual((counts["dropped_queue_full"], queue.take(3)), (1, (spans[:2], 2)))

    def test_half_full_is_told_each_time(self):
        for limit, told in ((8, 2), (1, 3)):
            calls = []
            queue = SpanQueue(limit, lambda calls=calls: calls.append(1), {})
            for _ in range(told):
                for _ in range(limit):
                    queue.put(sample()[0])
                queue.take(limit)
            self.assertEqual(len(calls), told)

    def test_what_is_made_of_a_span_is_queued(self):
        def piece(span):
            if span.name == "handleConnection":
                raise ValueError("a bug")
            return span.name

        failed = []
        queue = SpanQueue(10, lambda: None, {}, piece, lambda *told: failed.append(told))
        for span in sample():
            queue.put(span)
        self.assertEqual(queue.take(9), (["stage censor"], 1))
        self.assertEqual([(count, type(error)) for count, error in failed], [(1, ValueError)])


class Told(History):
    """Notes what a history is told of."""

    def __init__(self, told):
        self.told = told

    def add_recorded(self, recorded):
        self.told.append(("r", recorded))

    def add(self, span):
        self.told.append(("s", span))

    def add_received(self, span):
        self.told.append(("c", span))


class Exchanges(SynchronousTestCase):
    """An exporter may make something of an exchange as a whole."""

    def setUp(self):
        self.recorded = record(stages=1)
        self.counts = {"dropped_queue_full": 0}
        self.calls = []
        self.failed = []

    def queue(self, limit=10, pieces=None):
        return SpanQueue(
            limit,
            lambda: self.calls.append("half full"),
            self.counts,
            lambda span: span.name,
            lambda *told: self.failed.append(told),
            pieces,
        )

    def test_all_spans_as_one(self):
        queue = self.queue(6, lambda recorded: "whole")
        queue.put_recorded(self.recorded)
        self.assertEqual((len(queue), self.calls), (3, ["half full"]))
        queue.put(sample()[0])
        queue.put_recorded(self.recorded)
        self.assertEqual((len(queue), self.counts["dropped_queue_full"]), (4, 3))
        # More than were asked for, if the first one is more.
        self.assertEqual(queue.take(2), (["whole"], 3))
        self.assertEqual(queue.take(2), (["handleConnection"], 1))
        self.assertEqual(len(queue), 0)

    def test_one_by_one_where_it_cannot_be_done(self):
        names = ["stage censor", "postgresql SELECT t", "SELECT t"]
        for pieces in (None, lambda recorded: None):
            queue = self.queue(3, pieces)
            queue.put_recorded(self.recorded)
            self.assertEqual(queue.take(9), (names, 3))
        queue = self.queue(2)
        queue.put_recorded(self.recorded)
        self.assertEqual(queue.take(9), (names[:2], 2))
        self.assertEqual(self.counts["dropped_queue_full"], 1)

    def test_a_bug(self):
        def broken(recorded):
            raise ValueError

        queue = self.queue(9, broken)
        queue.put_recorded(self.recorded)
        self.assertEqual((len(queue), self.failed[0][0]), (0, 3))

    def test_a_history_is_told_of_each_once(self):
        told = []
        history = Told(told)
        store = SpanStore()
        processor = SpanProcessor(store, [], history)
        unusual = record(outcome="error")
        for recorded in (self.recorded, unusual):
            processor.put_recorded(recorded)
        single = sample()[0]
        processor.put(single)
        processor.add_received(single)
        self.assertEqual(told, [("r", self.recorded), ("r", unusual), ("s", single), ("c", single)])
        self.assertEqual(len(store.trace(unusual.span.trace_id)), 2)
        SpanProcessor(None, [], history).add_received(single)
        self.assertEqual(len(told), 5)

    def test_everybody_gets_the_spans(self):
        store, log, queued = SpanStore(), LogExporter(), Queued()
        processor = SpanProcessor(store, [log, queued])
        processor.put_recorded(self.recorded)
        self.assertEqual((log.counts["sent"], len(queued.queue)), (3, 3))
        self.recorded.span.sampled = False
        processor.put_recorded(self.recorded)
        self.assertEqual((log.counts["sent"], len(queued.queue)), (3, 3))
        self.assertEqual([row.seen for row in store.summary()], [2, 2, 2])
