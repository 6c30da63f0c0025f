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

    def test_events_are_bounded(self):
        span = Span("a", "1" * 32, "", 0, 5, True)
        self.assertEqual(len(span.events), 0)
        for number in range(40):
            span.add_event((number, "asked", {}))
        self.assertEqual([event[0] for event in span.events], list(range(32)))
