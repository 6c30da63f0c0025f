"""The parts of OTLP requests, as the library finds them."""

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import WireError
from acra_twisted.wire.formats.otlprequest import RESOURCE_MAX, parts
from acra_twisted.wire.formats.protobuf import delimited, double, fixed64, integer


def found(data):
    return [part for part in parts(data) if part is not None]


class Parts(SynchronousTestCase):
    @given(st.lists(st.lists(st.lists(st.text(max_size=5), max_size=3), max_size=3), max_size=3))
    def test_as_the_library_finds_them(self, resources):
        request = trace_service_pb2.ExportTraceServiceRequest()
        expected = []
        for number, scopes in enumerate(resources):
            resource = request.resource_spans.add()
            resource.resource.attributes.add(key=str(number))
            resource.schema_url = "x"
            for names in scopes:
                scope = resource.scope_spans.add()
                scope.scope.name = "x"
                for name in names:
                    span = scope.spans.add(name=name)
                    whole = resource.resource.SerializeToString(), span.SerializeToString()
                    expected.append(whole)
        self.assertEqual(found(request.SerializeToString()), expected)

    def test_a_resource_behind_its_spans(self):
        data = delimited(1, delimited(2, delimited(2, b"span")) + delimited(1, b"resource"))
        self.assertEqual(found(data), [(b"resource", b"span")])

    def test_fields_that_nobody_knows(self):
        odd = integer(9, 5) + fixed64(8, 1) + double(7, 1.0) + delimited(6, b"x") + b"\x2d1234"
        data = odd + delimited(1, odd + delimited(2, odd + delimited(2, b"span") + odd))
        self.assertEqual(found(data), [(b"", b"span")])

    def test_what_is_none(self):
        for data in (
            b"\x0a",
            b"\x0a\x05abc",
            b"\x0b",
            b"\x00\x00",
            b"\x02\x00",
            b"\x09\x00",
            b"\x0d\x00",
            b"\xff" * 11,
            b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
            delimited(1, delimited(2, b"\x12\x7f")),
            delimited(1, delimited(1, bytes(RESOURCE_MAX // 2 + 1)) * 2),
        ):
            self.assertRaises(WireError, found, data)

    @given(st.binary(max_size=200))
    def test_random_bytes(self, data):
        try:
            found(data)
        except WireError:
            pass

    def test_many_fields_are_passed_over_by_and_by(self):
        for data in (
            integer(9, 5) * 10_000,
            delimited(1, integer(9, 5) * 10_000),
            delimited(1, delimited(2, integer(9, 5) * 10_000)),
            delimited(1, b"") * 10_000,
            delimited(1, delimited(1, b"") * 10_000),
            delimited(1, delimited(2, b"") * 10_000),
            delimited(9, b"") * 10_000,
            delimited(1, delimited(9, b"") * 10_000),
        ):
            self.assertGreaterEqual(sum(1 for part in parts(data) if part is None), 10_000 // 64)
