"""Spans that stages open below their request's."""

import inspect
from datetime import UTC, datetime

from opencensus.trace.base_exporter import Exporter
from opencensus.trace.base_span import BaseSpan
from opencensus.trace.link import Link
from opencensus.trace.propagation.trace_context_http_header_format import TraceContextPropagator
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.span import SpanKind
from opencensus.trace.status import Status
from opencensus.trace.time_event import MessageEvent, Type
from opencensus.trace.tracer import Tracer  # noqa: TID251 - ours is held against it
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.exchange import Exchange, Statement
from acra_twisted.telemetry.export.spandata import to_span_data
from acra_twisted.telemetry.tracing import spans
from acra_twisted.telemetry.tracing.exchanges import ExchangeTracing, Tracing
from acra_twisted.telemetry.tracing.tracer import SPANS_MAX, RequestSpan, StageSpan, Unrecorded
from acra_twisted.wire.link.tracecontext import parse_traceparent
from tests.support.sessions import Ticks, make_session


class Collecting(Exporter):
    def __init__(self):
        self.found = []

    def export(self, span_datas):
        self.found += span_datas


class Stages(SynchronousTestCase):
    def make(self, sampled=True, recording=True, scope="connection"):
        self.spans = []
        self.clock = Ticks()
        self.tracing = Tracing(lambda *_: sampled, self.clock, self.spans.append)
        self.tracing.recording = recording
        self.observer = ExchangeTracing(self.tracing, scope=scope)
        session = make_session(observer=self.observer)
        session.span = self.tracing.root("handleConnection", spans.SERVER)
        self.observer.session_opened(session)
        self.exchange = Exchange(session, "query", Statement(b"SELECT 1"), self.clock())
        self.observer.exchange_opened(self.exchange)
        return self.exchange.tracer

    def close(self, outcome="ok"):
        self.exchange.outcome, self.exchange.closed = outcome, self.clock()
        self.observer.exchange_closed(self.exchange)
        return self.spans[-1]

    def test_a_span_below_the_requests(self):
        tracer = self.make()
        with tracer.span(name="ask") as asked:
            asked.span_kind = SpanKind.CLIENT
            asked.add_attribute("tries", 2)
        request = self.close()
        span = self.spans[0]
        self.assertEqual((span.name, span.kind), ("ask", spans.CLIENT))
        self.assertEqual((span.trace_id, span.parent_id), (request.trace_id, request.span_id))
        self.assertEqual(span.attributes, {"tries": 2})
        self.assertTrue(request.start < span.start < span.end < request.end)
        self.assertTrue(span.sampled)

    def test_it_records_what_the_librarys_own_span_does(self):
        def use(span):
            span.span_kind = SpanKind.CLIENT
            for key, value in (("text", "x"), ("number", 7), ("share", 0.5), ("yes", True)):
                span.add_attribute(key, value)
            span.add_annotation("found", rules=3)
            span.add_message_event(MessageEvent(datetime.now(UTC), 7, Type.RECEIVED, 100, 50))
            span.add_link(Link("1" * 32, "2" * 16, 1))
            span.set_status(Status(14, "down"))

        def told(data):
            return (
                (data.name, data.span_kind, dict(data.attributes)),
                [(one.description, dict(one.attributes.attributes)) for one in data.annotations],
                [one.format_message_event_json() for one in data.message_events],
                [one.format_link_json() for one in data.links],
                data.status.format_status_json(),
            )

        library = Collecting()
        with Tracer(sampler=AlwaysOnSampler(), exporter=library).span(name="ask") as span:
            use(span)
        with self.make().span(name="ask") as span:
            use(span)
        self.assertEqual(told(to_span_data(self.spans[0])), told(library.found[0]))

    def test_one_below_another(self):
        tracer = self.make()
        with tracer.span("outer") as outer, outer.span("inner") as inner:
            self.assertEqual(inner.name, "inner")
        inner_span, outer_span = self.spans
        self.assertEqual(inner_span.parent_id, outer_span.span_id)
        self.assertEqual(inner_span.span_id, inner.span_id)

    def test_one_that_a_deferred_ends(self):
        tracer = self.make()
        span = tracer.start_span("ask")
        asked = Deferred().addBoth(lambda result: span.finish())
        span.start()
        begun = self.clock.now
        self.assertEqual(self.spans, [])
        self.close()
        asked.callback(None)
        span.finish()
        span.start()
        [_, made] = self.spans
        self.assertEqual((made.name, made.start), ("ask", begun))

    def test_what_is_raised_is_told_by_its_type_alone(self):
        tracer = self.make()
        with self.assertRaises(ValueError), tracer.span("ask"):
            raise ValueError("a secret")
        [span] = self.spans
        self.assertEqual((span.status, span.message), (spans.UNKNOWN, "ValueError"))

    def test_annotations_messages_links_and_a_status(self):
        tracer = self.make()
        with tracer.span("ask") as asked:
            asked.add_annotation("found", rules=3, odd=object())
            asked.add_message_event(MessageEvent(None, 7, Type.SENT, 100))
            asked.add_link(Link("1" * 32, "2" * 16, 1))
            asked.set_status(Status(0))
            asked.set_status(Status(14, "down"))
        [span] = self.spans
        (first, text, known), (second, message, sizes) = span.events
        self.assertTrue(span.start < first < second < span.end)
        self.assertEqual((text, known), ("found", {"rules": 3}))
        self.assertEqual(message, spans.MESSAGE)
        self.assertEqual(sizes[spans.MESSAGE_TYPE], "SENT")
        self.assertEqual((sizes[spans.MESSAGE_ID], sizes[spans.MESSAGE_SIZE]), (7, 100))
        self.assertEqual(span.links, (("1" * 32, "2" * 16, 1),))
        self.assertEqual((span.status, span.message), (14, "down"))

    def test_the_requests_own_span_takes_facts_and_is_not_ended(self):
        tracer = self.make()
        current = tracer.current_span()
        tracer.add_attribute_to_current_span("asked", True)
        current.add_attribute("other", object())
        current.add_annotation("asked")
        current.set_status(Status(9, "not so"))
        current.start()
        current.finish()
        self.assertEqual((self.spans, list(current)), ([], [current]))
        self.assertEqual(current.context, tracer.span_context)
        request = self.close()
        self.assertTrue(request.attributes["asked"])
        self.assertNotIn("other", request.attributes)
        self.assertEqual([event[1] for event in request.events], ["asked"])
        self.assertEqual((request.status, request.message), (9, "not so"))

    def test_everything_is_bounded(self):
        tracer = self.make()
        opened = [tracer.span("n" * 1000) for _ in range(SPANS_MAX + 5)]
        for span in opened:
            span.add_attribute("text", "x" * 1000)
            span.add_annotation("y" * 1000, text="z" * 1000)
            span.set_status(Status(2, "m" * 1000))
            span.finish()
        self.assertEqual(len(self.spans), SPANS_MAX)
        made = self.spans[0]
        self.assertEqual((len(made.name), len(made.attributes["text"])), (255, 256))
        [(_, text, known)] = made.events
        self.assertEqual((len(text), len(known["text"]), len(made.message)), (256, 256, 256))
        # What is asked by one too many belongs to the request all the same.
        self.assertEqual(opened[-1].context, self.exchange.span.context)
        self.assertEqual(opened[-1].span("below").context, self.exchange.span.context)

    def test_a_context_goes_out_by_the_librarys_propagator(self):
        for sampled, recording in ((True, True), (True, False), (False, True)):
            tracer = self.make(sampled, recording, "request")
            with tracer.span("ask") as asked:
                headers = TraceContextPropagator().to_headers(asked.context)
            sent = parse_traceparent(headers["traceparent"])
            own = self.observer.context(self.exchange)
            self.assertEqual((sent.trace_id, sent.sampled), (own.trace_id, sampled))
            self.assertEqual(tracer.span_context, own)
            self.assertEqual(len(self.spans), int(sampled and recording))

    def test_nothing_is_made_of_a_request_that_is_not_sampled(self):
        tracer = self.make(sampled=False)
        self.assertIsInstance(tracer, Unrecorded)
        with tracer.span("ask") as asked, asked.span("below") as below:
            below.add_annotation("found")
            tracer.add_attribute_to_current_span("asked", True)
        self.assertEqual(self.spans, [])
        self.assertIsNone(self.exchange.attributes)
        # Should it fail, it has the address that was told.
        told = below.context
        self.assertEqual(self.close("error").context.span_id, told.span_id)

    def test_spans_of_two_requests_stay_apart(self):
        first = self.make()
        one, known = self.exchange, self.spans
        second = Exchange(one.session, "query", Statement(b"SELECT 2"), self.clock())
        self.observer.exchange_opened(second)
        outer = first.span("a")
        inner = second.tracer.span("b")
        outer.finish()
        inner.finish()
        self.assertEqual(
            [(span.name, span.parent_id) for span in known],
            [("a", one.span.span_id), ("b", second.span.span_id)],
        )

    def test_they_have_the_interface_of_a_span(self):
        methods = dict(inspect.getmembers(BaseSpan, inspect.isfunction))
        del methods["on_create"]
        for own in (StageSpan, RequestSpan):
            for name, method in methods.items():
                found = inspect.signature(getattr(own, name)).parameters
                self.assertEqual(len(found), len(inspect.signature(method).parameters), name)
            # The request's cannot be entered, for a stage cannot end it.
            methods.pop("__enter__", None)
            methods.pop("__exit__", None)
        self.assertEqual(StageSpan.children, ())
