"""OTLP protobuf, read back."""

from enum import IntEnum

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1 import trace_pb2
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sandbox.collector import decode
from acra_twisted.telemetry.export import otlp
from acra_twisted.telemetry.export.resource import Resource
from acra_twisted.telemetry.tracing.spans import Span
from tests.support.sample_spans import sample


class Encoding(SynchronousTestCase):
    def test_everything_is_carried(self):
        parent, child = sample()
        got_parent, got = decode(otlp.encode([parent, child], Resource("acra-server")).parts[0])
        self.assertEqual((got_parent["parent_id"], got_parent["kind"]), ("", "server"))
        self.assertEqual(got["service"], "acra-server")
        self.assertEqual((got["trace_id"], got["span_id"]), (child.trace_id, child.span_id))
        self.assertEqual((got["parent_id"], got["kind"]), (parent.span_id, "internal"))
        self.assertEqual((got["start"], got["end"]), (child.start, child.end))
        self.assertEqual((got["status"], got["message"]), (2, "denied"))
        expected = {**child.attributes, "status.code": 7}
        self.assertEqual(got["attributes"], expected)
        self.assertIs(got["attributes"]["yes"], True)
        self.assertEqual(got["links"], [{"trace_id": "2" * 32, "span_id": "3" * 16}])

    def test_of_spans_one_by_one(self):
        spans = sample()
        pieces = [otlp.piece(span) for span in spans]
        resource = Resource("x")
        self.assertEqual(otlp.assemble(pieces, resource), otlp.encode(spans, resource))

    def test_numbers_of_a_class_of_their_own_are_numbers(self):
        span = sample()[0]
        span.attributes = {"share": type("Share", (float,), {})(0.5), "count": IntEnum("E", "A").A}
        (got,) = decode(otlp.encode([span], Resource("acra-server")).parts[0])
        self.assertEqual(got["attributes"], {"share": 0.5, "count": 1})

    def test_more_names_than_are_known(self):
        span = sample()[0]
        span.attributes = {f"name.{n}": "text" for n in range(otlp._NAMES_MAX + 2)}
        (got,) = decode(otlp.encode([span], Resource("acra-server")).parts[0])
        self.assertEqual(got["attributes"], span.attributes)
        self.assertLessEqual(len(otlp._names), otlp._NAMES_MAX)


values = st.one_of(
    st.text(max_size=20),
    st.booleans(),
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.floats(allow_nan=False),
    st.tuples(st.integers()),
    st.just(1 << 70),
)
ids = st.binary(min_size=16, max_size=16).map(bytes.hex)
events = st.tuples(
    st.integers(0, (1 << 64) - 1),
    st.text(max_size=5),
    st.dictionaries(st.text(max_size=5), values, max_size=2),
)
links = st.tuples(ids, ids.map(lambda text: text[:16]), st.integers(0, 4))


class AsTheLibraryWritesIt(SynchronousTestCase):
    """Field by field, for whatever a span may hold."""

    @given(
        st.text(max_size=20),
        st.dictionaries(st.text(max_size=10), values, max_size=5),
        st.lists(links, max_size=3),
        st.tuples(st.integers(0, 16), st.text(max_size=10)),
        st.sampled_from(["", "1" * 16]),
        st.lists(events, max_size=3),
    )
    def test_any_span(self, name, attributes, links, status, parent, happened):
        span = Span(name, "ab" * 16, parent, 2, 1 << 60, True, attributes=attributes)
        span.end, span.links, span.events = (1 << 60) + 5, links, happened
        span.status, span.message = status
        got = trace_pb2.Span.FromString(otlp.encode_span(span))
        expected = trace_pb2.Span(
            trace_id=bytes.fromhex(span.trace_id),
            span_id=bytes.fromhex(span.span_id),
            parent_span_id=bytes.fromhex(parent),
            name=name,
            kind=3,
            start_time_unix_nano=span.start,
            end_time_unix_nano=span.end,
        )
        for key, value in attributes.items():
            self.put(expected.attributes.add(), key, value)
        if span.status:
            self.put(expected.attributes.add(), "status.code", span.status)
            expected.status.code, expected.status.message = 2, span.message
        for when, text, known in happened:
            event = expected.events.add(time_unix_nano=when, name=text)
            for key, value in known.items():
                self.put(event.attributes.add(), key, value)
        for trace_id, span_id, kind in links:
            link = expected.links.add(
                trace_id=bytes.fromhex(trace_id), span_id=bytes.fromhex(span_id)
            )
            self.put(link.attributes.add(), "opencensus.link.type", kind)
        self.assertEqual(got, expected)

    @staticmethod
    def put(attribute, key, value):
        attribute.key = key
        fields = {bool: "bool_value", int: "int_value", float: "double_value", str: "string_value"}
        field = fields.get(type(value), "string_value")
        if field == "string_value" or value == 1 << 70:
            attribute.value.string_value = str(value)
        else:
            setattr(attribute.value, field, value)
