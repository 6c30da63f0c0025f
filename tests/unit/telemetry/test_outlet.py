"""Where finished spans go, and a queue that is bounded."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.exporters import LogExporter
from acra_twisted.telemetry.outlet import Outlet, SpanQueue
from acra_twisted.telemetry.zstore import SpanStore
from tests.support.sample_spans import sample


class Queued:
    """An exporter that nobody calls: its spans go into its queue."""

    def __init__(self):
        self.queue = SpanQueue(10, lambda: None, {})


class Outlets(SynchronousTestCase):
    def test_pages_see_all_and_exporters_what_is_sampled_or_kept(self):
        store, log, queued = SpanStore(), LogExporter(), Queued()
        outlet = Outlet(store, [log])
        outlet.add(queued)
        for sampled, kept in ((False, False), (True, False), (False, True)):
            (span, _) = sample()
            span.sampled, span.kept = sampled, kept
            outlet.put(span)
        self.assertEqual(store.summary()[0].seen, 3)
        self.assertEqual((log.counts["sent"], len(queued.queue)), (2, 2))

    def test_without_pages(self):
        queued = Queued()
        Outlet(None, [queued]).put(sample()[0])
        self.assertEqual(len(queued.queue), 1)


class Queue(SynchronousTestCase):
    def test_first_come_first_taken(self):
        queue = SpanQueue(10, lambda: None, {})
        spans = [sample()[0] for _ in range(5)]
        for span in spans:
            queue.put(span)
        self.assertEqual(queue.take(2), spans[:2])
        self.assertEqual((queue.take(9), queue.take(9)), (spans[2:], []))

    def test_what_is_beyond_the_limit_is_dropped_and_counted(self):
        counts = {"dropped_queue_full": 0}
        queue = SpanQueue(2, lambda: None, counts)
        spans = [sample()[0] for _ in range(3)]
        for span in spans:
            queue.put(span)
        self.assertEqual((counts["dropped_queue_full"], queue.take(3)), (1, spans[:2]))

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
        queue = SpanQueue(10, lambda: None, {}, piece, failed.append)
        for span in sample():
            queue.put(span)
        self.assertEqual(queue.take(9), ["stage censor"])
        self.assertEqual([type(error) for error in failed], [ValueError])
