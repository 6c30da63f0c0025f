"""The kept part of one trace."""

import gc
import tracemalloc

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.tracing.kept import SPANS_MAX, Kept, Trace, bytes_of, trace_id_of
from acra_twisted.telemetry.tracing.spans import Span
from tests.support.recordings import record


class OneTrace(SynchronousTestCase):
    def test_its_spans_are_counted_and_made(self):
        span = Span("x", "1" * 32, "", 1, 1, True)
        kept = Kept("1" * 32, [record(2), span])
        self.assertEqual(len(kept), 5)
        self.assertEqual([one.name for one in kept.spans()][-1], "x")
        self.assertEqual(len(list(kept.spans())), 5)
        self.assertIsNone(kept.plain())

    def test_it_is_plain_where_its_requests_say_everything(self):
        requests = [record(1), record(1)]
        self.assertEqual(Kept("1" * 32, requests).plain(), requests)
        self.assertIsNone(Kept("1" * 32, [record(1, outcome="error")]).plain())
        # What is beyond has no spans.
        many = [record(1)] * (SPANS_MAX // 3 + 1)
        self.assertIsNone(Kept("1" * 32, many).plain())
        self.assertEqual(len(list(Kept("1" * 32, many).spans())), SPANS_MAX)

    def test_plain_requests_that_cannot_fit_are_not_made(self):
        span, failed = Span("x", "1" * 32, "", 1, 1, True), record(1, outcome="error")
        wanted, other = record(1), record(1)
        kept = Kept("1" * 32, [span, other, failed, wanted])
        found = list(kept.fitting(lambda one: one is wanted))
        self.assertEqual(found, [span, None, *failed.spans(), *wanted.spans()])
        self.assertEqual(list(kept.fitting(lambda one: True)), list(kept.spans()))
        # There are as many as a trace has.
        many = Kept("1" * 32, [record(1)] * (SPANS_MAX + 1))
        self.assertEqual(list(many.fitting(lambda one: True)), list(many.spans()))

    def test_the_trace_of_a_part(self):
        span = Span("x", "1" * 32, "", 1, 1, True)
        request = record(1)
        self.assertEqual(trace_id_of(span), "1" * 32)
        self.assertEqual(trace_id_of(request), request.span.trace_id)

    def test_it_takes_no_more_bytes_than_it_says(self):
        """Pages make the spans of requests, which stay."""

        def request():
            made = record(2)
            made.spans()
            return made

        def failed():
            return record(2, outcome="error", rows_runs=3).spans()[-1]

        def told():
            span = Span("x", "1" * 32, "", 1, 1, True)
            span.attributes = {f"key {number}": "\N{SNOWMAN}" * 200 for number in range(30)}
            for number in range(30):
                span.add_event((number, f"event {number}", {f"key {number}": number * 10**6}))
                span.add_link(f"{number:032x}", f"{number:016x}")
            return span

        for make in (request, failed, told):
            make()
            kept = Trace()
            gc.collect()
            tracemalloc.start()
            before, _ = tracemalloc.get_traced_memory()
            more = 0
            for _ in range(200):
                one = make()
                kept.add(one)
                more += bytes_of(one)
                del one
            gc.collect()
            after, _ = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            self.assertEqual(kept.bytes, more)
            self.assertLess(after - before, more, make)
            self.assertLess(more, 3 * (after - before), make)

    def test_a_trace_has_room_for_so_many(self):
        kept, one = Trace(), record(1)
        for _ in range(SPANS_MAX):
            self.assertEqual(kept.add(one), bytes_of(one))
        self.assertEqual(kept.add(one), 0)
        self.assertEqual((len(kept.items), kept.bytes), (SPANS_MAX, SPANS_MAX * bytes_of(one)))
