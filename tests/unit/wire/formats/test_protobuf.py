"""Protocol Buffers' wire format, against the library's reader."""

from google.protobuf.internal.decoder import _DecodeVarint
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.wire.formats import protobuf


class Fields(SynchronousTestCase):
    @given(st.integers(0, (1 << 64) - 1))
    def test_varints(self, number):
        data = protobuf.varint(number)
        self.assertEqual(_DecodeVarint(data, 0), (number, len(data)))

    @given(st.integers(-(1 << 63), (1 << 63) - 1), st.floats(allow_nan=False), st.text())
    def test_values(self, number, real, text):
        read = AnyValue.FromString
        self.assertEqual(read(protobuf.integer(3, number)).int_value, number)
        self.assertEqual(read(protobuf.double(4, real)).double_value, real)
        self.assertEqual(read(protobuf.delimited(1, text.encode())).string_value, text)
        self.assertIs(read(protobuf.integer(2, True)).bool_value, True)

    def test_times(self):
        moment = (1 << 64) - 1
        self.assertEqual(Span.FromString(protobuf.fixed64(7, moment)).start_time_unix_nano, moment)
