"""The kept part of one trace."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.tracing.kept import SPANS_MAX, Kept, trace_id_of
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

    def test_the_trace_of_a_part(self):
        span = Span("x", "1" * 32, "", 1, 1, True)
        request = record(1)
        self.assertEqual(trace_id_of(span), "1" * 32)
        self.assertEqual(trace_id_of(request), request.span.trace_id)
