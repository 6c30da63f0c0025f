"""Span records and their OpenCensus form."""

import os

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


class Ids(SynchronousTestCase):
    def test_they_differ_and_are_not_zero(self):
        texts = {spans.new_span_id() for _ in range(1000)}
        raw = spans.new_span_ids(1000)
        cut = {raw[at : at + 8].hex() for at in range(0, len(raw), 8)}
        self.assertEqual((len(texts), len(cut), len(texts & cut)), (1000, 1000, 0))
        self.assertNotIn("0" * 16, texts | cut)
        self.assertEqual({len(text) for text in texts | cut}, {16})
        self.assertEqual(len(spans.new_trace_id()), 32)
        self.assertEqual(spans.new_span_ids(0), b"")

    def test_a_process_that_was_forked_has_others(self):
        def take():
            return spans.new_trace_id(), spans.new_span_id(), spans.new_span_ids(1).hex()

        take()
        reader, writer = os.pipe()
        pid = os.fork()
        if not pid:
            os.write(writer, " ".join(take()).encode())
            os._exit(0)
        os.waitpid(pid, 0)
        there = os.read(reader, 1000).decode().split()
        for one in (reader, writer):
            os.close(one)
        self.assertEqual(len(there), 3)
        self.assertFalse({*take()} & {*there})
