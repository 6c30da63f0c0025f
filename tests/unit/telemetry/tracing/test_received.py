"""Spans of other daemons: as they were sent, or left out."""

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import WireError
from acra_twisted.telemetry.export import otlp
from acra_twisted.telemetry.export.resource import Resource
from acra_twisted.telemetry.pages.traces import TracePages
from acra_twisted.telemetry.tracing import received as intake_module
from acra_twisted.telemetry.tracing.received import RATE, SpanReceiver
from acra_twisted.telemetry.tracing.records import as_record
from acra_twisted.telemetry.tracing.spans import CLIENT, INTERNAL, new_trace_id
from acra_twisted.telemetry.tracing.store import SpanStore
from acra_twisted.telemetry.tracing.vocabulary import ATTRIBUTES
from tests.support.sample_spans import sample
from tests.support.webpages import body, most_between

ORIGIN = {
    "service.instance.id": "connector-2",
    "host.name": "web1",
    "cloud.availability_zone": "eu-1b",
}
_ENVIRONMENT = ",".join(f"{name}={value}" for name, value in ORIGIN.items())


def encoded(spans, service="acra-connector"):
    resource = Resource(service, {"OTEL_RESOURCE_ATTRIBUTES": _ENVIRONMENT})
    return otlp.encode(spans, resource).parts[0]


def decode(blob, client_id, *server):
    return [span for span in intake_module.decode(blob, client_id, *server) if span is not None]


class Decoded(SynchronousTestCase):
    store = SpanStore()
    pages = TracePages("acra-server", store, lambda: ())

    def test_as_they_were_sent(self):
        spans = sample()
        for sent, got in zip(spans, decode(encoded(spans), "ann"), strict=True):
            expected = as_record(sent, "acra-connector")
            expected["attributes"] |= {"acra.client_id": "ann", **ORIGIN}
            for link in expected["links"]:
                link["type"] = 0
            found = as_record(got, "acra-server")
            self.assertEqual({**found, "sampled": True}, {**expected, "sampled": True})

    def test_whose_they_are_says_the_link(self):
        span = sample()[0]
        span.attributes["acra.client_id"] = "somebody else"
        (found,) = decode(encoded([span]), "ann")
        self.assertEqual(found.attributes["acra.client_id"], "ann")

    def test_none_says_what_only_the_server_knows(self):
        span = sample()[0]
        known = {
            "acra.connection_id": 7,
            "acra.tag.route": "/pay",
            "db.query.text": "SELECT ?",
            "others.own": 1.5,
        }
        claimed = {
            "acra.verdict": "deny",
            "acra.poison_records": 3,
            "acra.session_id": 1,
            "acra.time.proxy_ms": 0.5,
            "acra.stage": "censor",
            "acra.of_a_later_release": True,
        }
        span.attributes = {**known, **claimed}
        (found,) = decode(encoded([span]), "ann")
        self.assertEqual(found.attributes, {**known, "acra.client_id": "ann", **ORIGIN})

    def test_events_say_no_more_than_spans_may(self):
        span = sample()[0]
        known = {"acra.connection_id": 7, "acra.tag.route": "/pay", "others.own": 1.5}
        claimed = {
            "acra.verdict": "deny",
            "acra.stage": "censor",
            "acra.of_a_later_release": True,
            "acra.client_id": "somebody else",
            "acra.slow": 1,
            **dict.fromkeys(ORIGIN, "another"),
        }
        span.events = [(5, "one", {**known, **claimed}), (6, "acra.other", claimed)]
        (found,) = decode(encoded([span]), "ann")
        self.assertEqual(list(found.events), [(5, "one", known), (6, "acra.other", {})])

    def test_none_passes_for_one_of_the_server_s(self):
        blob = encoded(sample(), "acra-server")
        self.assertEqual(
            {span.service for span in decode(blob, "a", "acra-server")}, {"acra-connector"}
        )
        self.assertEqual({span.service for span in decode(blob, "a", "other")}, {"acra-server"})

    def test_what_has_another_type_than_its_name_says_is_left_out(self):
        span = sample()[0]
        span.attributes = {
            "db.query.text": 1.5,
            "db.response.returned_rows": "7",
            "acra.slow": 1,
            "acra.connection_id": True,
            "acra.tag.route": 7,
            "error.type": False,
            "acra.time.client_read_ms": 3,
        }
        (found,) = decode(encoded([span]), "ann")
        expected = {"acra.time.client_read_ms": 3.0, "acra.client_id": "ann", **ORIGIN}
        self.assertEqual(found.attributes, expected)
        self.assertIs(type(found.attributes["acra.time.client_read_ms"]), float)

    def test_what_is_odd_is_left_out(self):
        request = trace_service_pb2.ExportTraceServiceRequest()
        scope = request.resource_spans.add().scope_spans.add()
        good = {"trace_id": b"1" * 16, "span_id": b"2" * 8}
        for ids, start, end in (
            ({"trace_id": b"1" * 15, "span_id": b"2" * 8}, 1, 2),
            ({"trace_id": b"\0" * 16, "span_id": b"2" * 8}, 1, 2),
            ({"trace_id": b"1" * 16, "span_id": b"\0" * 8}, 1, 2),
            (good, 0, 2),
            (good, 3, 2),
            (good, 1, (1 << 64) - 1),
        ):
            scope.spans.add(**ids, start_time_unix_nano=start, end_time_unix_nano=end)
        self.assertEqual(decode(request.SerializeToString(), "ann"), [])
        large = scope.spans.add(
            **good, start_time_unix_nano=1, end_time_unix_nano=1, name="n" * 999
        )
        for number in range(100):
            attribute = large.attributes.add(key=f"k{number}")
            attribute.value.string_value = "v" * (9_999 if number == 0 else 99)
            large.links.add(**good)
        large.attributes.add(key="array").value.array_value.SetInParent()
        (span,) = decode(request.SerializeToString(), "ann")
        self.assertEqual((len(span.name), len(span.links)), (255, 32))
        self.assertLessEqual(len(span.attributes), 34)
        self.assertEqual(len(span.attributes["k0"]), 4096)

    def test_what_is_no_finite_number_is_left_out(self):
        request = trace_service_pb2.ExportTraceServiceRequest()
        scope = request.resource_spans.add().scope_spans.add()
        span = scope.spans.add(
            trace_id=b"1" * 16, span_id=b"2" * 8, start_time_unix_nano=1, end_time_unix_nano=2
        )
        for key, value in (("a", 1.5), ("b", float("nan")), ("c", float("inf"))):
            span.attributes.add(key=key).value.double_value = value
        (found,) = decode(request.SerializeToString(), "ann")
        self.assertEqual(found.attributes, {"a": 1.5, "acra.client_id": "ann"})

    def test_what_is_too_large_is_left_out(self):
        good = {"trace_id": b"1" * 16, "span_id": b"2" * 8}
        times = {"start_time_unix_nano": 1, "end_time_unix_nano": 1}
        request = trace_service_pb2.ExportTraceServiceRequest()
        scope = request.resource_spans.add().scope_spans.add()
        scope.spans.add(**good, **times).attributes.add(key="x").value.string_value = "v" * 70_000
        self.assertEqual(decode(request.SerializeToString(), "ann"), [])
        many = scope.spans.add(**good, **times)
        for _ in range(5_000):
            many.attributes.add(key="same")
        [span] = decode(request.SerializeToString(), "ann")
        self.assertEqual(span.attributes, {"acra.client_id": "ann"})
        self.assertEqual(len(decode(encoded(sample()[:1] * 1001), "ann")), 1000)

    @given(st.binary(max_size=200))
    def test_random_bytes(self, blob):
        try:
            decode(blob, "ann")
        except WireError:
            pass

    @given(
        st.dictionaries(
            st.sampled_from([known.name for known in ATTRIBUTES]),
            st.booleans() | st.integers(-(1 << 63), (1 << 63) - 1) | st.floats() | st.text(),
        )
    )
    def test_pages_show_the_trace_whatever_is_in_it(self, attributes):
        span = sample()[0]
        span.attributes = attributes
        span.trace_id = new_trace_id()
        list(SpanReceiver(self.store, lambda: 0).take(encoded([span]), "ann"))
        for form in ("html", "json"):
            body(self.pages.trace(span.trace_id, {"format": form})).encode()


class Kept(SynchronousTestCase):
    def test_in_the_store_with_their_trace(self):
        store = SpanStore()
        intake = SpanReceiver(store, lambda: 0)
        span = sample()[0]
        list(intake.take(encoded([span]), "ann"))
        (kept,) = store.trace(span.trace_id).spans()
        self.assertEqual((kept.service, kept.span_id), ("acra-connector", span.span_id))
        self.assertEqual(store.summary(), [])
        self.assertEqual(intake.counts, {"kept": 1, "dropped_rate": 0})

    def test_one_span_at_a_step(self):
        store = SpanStore()
        intake = SpanReceiver(store, lambda: 0)
        steps = intake.take(encoded(sample() * 20), "ann")
        self.assertEqual(most_between(steps, lambda: intake.counts["kept"]), 1)
        self.assertEqual(intake.counts["kept"], 40)

    def test_times_of_requests_are_told(self):
        told = []
        intake = SpanReceiver(SpanStore(), lambda: 0, lambda *given: told.append(given))
        span, inner = sample()[:2]
        span.kind, inner.kind = CLIENT, INTERNAL
        list(intake.take(encoded([span, inner]), "ann"))
        self.assertEqual(told, [(span.span_id, span.end - span.start)])

    def test_no_more_than_the_rate(self):
        intake = SpanReceiver(SpanStore(), lambda: 0)
        blob = encoded(sample()[:1] * 1000)
        for _ in range(6):
            list(intake.take(blob, "ann"))
        self.assertEqual(intake.counts, {"kept": RATE, "dropped_rate": 1000})
