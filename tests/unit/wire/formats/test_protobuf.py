"""Protocol Buffers' wire format, against the library's reader."""

import contextlib

from google.protobuf.empty_pb2 import Empty
from google.protobuf.internal.decoder import _DecodeVarint
from google.protobuf.message import DecodeError
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


class Reading(SynchronousTestCase):
    @given(
        st.lists(
            st.tuples(
                st.integers(1, 1 << 28),
                st.one_of(st.integers(0, (1 << 64) - 1), st.binary(max_size=300)),
            )
        )
    )
    def test_fields_come_back_in_order(self, fields):
        data = b""
        for number, value in fields:
            is_bytes = isinstance(value, bytes)
            write = protobuf.delimited if is_bytes else protobuf.integer
            data += protobuf.fixed64(9, 1) + protobuf.key(8, 5) + b"1234" + write(number, value)
        self.assertEqual(protobuf.read(data), fields)

    @given(st.binary(max_size=40))
    def test_what_the_library_refuses_is_refused(self, data):
        """Its message without any field takes every field apart."""
        with contextlib.suppress(DecodeError):
            Empty.FromString(data)
            return
        self.assertRaises(ValueError, protobuf.read, data)

    @given(st.binary(min_size=1, max_size=8), st.text(max_size=9), st.integers(0, 1 << 31))
    def test_messages_of_the_library_are_read(self, trace_id, state, count):
        link = Span.Link(trace_id=trace_id, trace_state=state, dropped_attributes_count=count)
        fields = dict(protobuf.read(link.SerializeToString()))
        self.assertEqual(
            (fields[1], fields.get(3, b""), fields.get(5, 0)), (trace_id, state.encode(), count)
        )

    def test_what_is_no_message_is_refused(self):
        for data in (b"\x08", b"\x08\xff", b"\x0a\x05abc", b"\x09abc", b"\x0b", b"\x00\x01"):
            self.assertRaises(ValueError, protobuf.read, data)
        self.assertRaises(ValueError, protobuf.read, b"\x08" + b"\xff" * 9 + b"\x02")
        self.assertRaises(ValueError, protobuf.read, b"\x08" + b"\xff" * 11)
        self.assertEqual(protobuf.read(b"\x08" + b"\xff" * 9 + b"\x01"), [(1, (1 << 64) - 1)])
