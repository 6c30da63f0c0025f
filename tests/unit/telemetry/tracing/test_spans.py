"""Span records and their OpenCensus form."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.tracing import spans
from acra_twisted.telemetry.tracing.spans import Span
from acra_twisted.wire.link.tracecontext import TraceContext


class Records(SynchronousTestCase):
    def test_children_and_contexts(self):
        parent = Span("a", "1" * 32, "", spans.SERVER, 5, True)
        child = parent.child("b", spans.CLIENT, 6)
        self.assertEqual((child.trace_id, child.parent_id), ("1" * 32, parent.span_id))
        self.assertEqual(parent.context, TraceContext("1" * 32, parent.span_id, True))
        self.assertNotEqual(child.span_id, parent.span_id)

    def test_bounds(self):
        span = Span("a", spans.new_trace_id(), "", 0, 5, True)
        for number in range(40):
            span.add_attribute(str(number), number)
            span.add_link("1" * 32, "2" * 16)
        self.assertEqual((len(span.attributes), len(span.links)), (32, 32))

    def test_the_first_failure_holds(self):
        span = Span("a", "1" * 32, "", 0, 5, True)
        span.fail(spans.PERMISSION_DENIED, "no")
        span.fail(spans.UNKNOWN, "other")
        self.assertEqual((span.status, span.message), (7, "no"))

    def test_span_data(self):
        span = Span("a", "1" * 32, "3" * 16, spans.SERVER, 1_500_000_000_123_456_789, True)
        span.end = span.start + 1000
        span.add_attribute("k", "v")
        span.add_link("2" * 32, "4" * 16, spans.LINK_PARENT)
        span.fail(spans.UNKNOWN, "no")
        data = spans.to_span_data(span)
        self.assertEqual(data.context.trace_id, "1" * 32)
        self.assertEqual(data.start_time, "2017-07-14T02:40:00.123456Z")
        self.assertEqual((data.parent_span_id, data.span_kind), ("3" * 16, 1))
        self.assertEqual((data.links[0].type, data.status.canonical_code), (2, 2))
