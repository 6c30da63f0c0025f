"""Spans and OpenCensus's SpanData, there and back."""

from hypothesis import given
from hypothesis import strategies as st
from opencensus.trace.base_exporter import Exporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.span_data import SpanData, format_legacy_trace_json
from opencensus.trace.time_event import MessageEvent
from opencensus.trace.tracer import Tracer  # noqa: TID251 - what it makes is to be read
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.export.spandata import from_span_data, to_span_data
from acra_twisted.telemetry.tracing import spans
from acra_twisted.telemetry.tracing.spans import Span
from tests.support.sample_spans import sample

SECONDS = st.integers(1, 2**32).map(lambda microseconds: microseconds * 1000)
TEXT = st.text(max_size=8)
VALUES = st.one_of(TEXT, st.integers(), st.floats(allow_nan=False), st.booleans())
KNOWN = st.dictionaries(TEXT, VALUES, max_size=3)
TRACE_IDS = st.binary(min_size=16, max_size=16).filter(any).map(bytes.hex)
SPAN_IDS = st.binary(min_size=8, max_size=8).filter(any).map(bytes.hex)
LINKS = st.tuples(TRACE_IDS, SPAN_IDS, st.integers(0, 2))
#: Attributes of a span that come back as they were.
SAME = (
    *("name", "kind", "trace_id", "span_id", "parent_id", "remote_parent", "sampled"),
    *("start", "end", "attributes", "status", "message"),
)
NUMBERS = st.one_of(st.none(), st.integers(0, 2**40))


@st.composite
def made(draw):
    span = Span(
        draw(TEXT),
        draw(TRACE_IDS),
        draw(st.one_of(st.just(""), SPAN_IDS)),
        draw(st.integers(0, 2)),
        draw(SECONDS),
        draw(st.booleans()),
        draw(st.booleans()),
        draw(KNOWN),
    )
    span.span_id = draw(SPAN_IDS)
    span.end = span.start + draw(SECONDS)
    for link in draw(st.lists(LINKS, max_size=3)):
        span.add_link(*link)
    if draw(st.booleans()):
        span.fail(draw(st.integers(1, 16)), draw(TEXT))
    for when in sorted(draw(st.lists(SECONDS, max_size=3, unique=True))):
        if draw(st.booleans()):
            span.add_event((when, draw(TEXT), draw(KNOWN)))
        else:
            size = draw(NUMBERS)
            event = MessageEvent(None, draw(NUMBERS), draw(st.integers(0, 2)), size)
            span.add_event(spans.message_event(when, event))
    return span


class Collecting(Exporter):
    def __init__(self):
        self.found = []

    def export(self, span_datas):
        self.found += span_datas

    emit = export


class Conversions(SynchronousTestCase):
    @given(made())
    def test_there_and_back(self, span):
        data = to_span_data(span)
        self.assertIsInstance(data, SpanData)
        back = from_span_data(data)
        for name in SAME:
            self.assertEqual(getattr(back, name), getattr(span, name), name)
        self.assertEqual(list(back.links), list(span.links))
        self.assertEqual(list(back.events), list(span.events))

    def test_every_part_is_where_the_library_has_it(self):
        parent, child = sample()
        data = to_span_data(child)
        self.assertEqual((data.name, data.span_kind), ("stage censor", 0))
        self.assertEqual(data.context.trace_id, "1" * 32)
        self.assertTrue(data.context.trace_options.get_enabled())
        self.assertEqual((data.span_id, data.parent_span_id), (child.span_id, parent.span_id))
        self.assertEqual(data.start_time, "1970-01-01T00:00:01.000100Z")
        self.assertEqual((data.links[0].type, data.status.canonical_code), (2, 7))
        self.assertEqual(data.status.description, "denied")
        [annotation] = data.annotations
        self.assertEqual(annotation.description, "asked <whom>")
        self.assertEqual(annotation.attributes.get_attribute("tries"), 2)
        self.assertTrue(data.same_process_as_parent_span)
        self.assertIsNone(to_span_data(parent).parent_span_id)

    def test_its_exporters_take_them(self):
        datas = [to_span_data(span) for span in sample()]
        trace = format_legacy_trace_json(datas)
        self.assertEqual(len(trace["spans"]), 2)

    def test_what_its_tracer_makes_is_read(self):
        exporter = Collecting()
        tracer = Tracer(sampler=AlwaysOnSampler(), exporter=exporter)
        with tracer.span("outer") as outer, outer.span("inner") as inner:
            inner.add_attribute("tries", 2)
            inner.add_annotation("asked", late=True)
        found = {span.name: span for span in map(from_span_data, exporter.found)}
        self.assertEqual(found["inner"].parent_id, found["outer"].span_id)
        self.assertEqual(found["inner"].trace_id, found["outer"].trace_id)
        self.assertEqual(found["inner"].attributes, {"tries": 2})
        [(_, text, known)] = found["inner"].events
        self.assertEqual((text, known), ("asked", {"late": True}))
        self.assertTrue(found["outer"].sampled)
