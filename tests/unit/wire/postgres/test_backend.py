"""Backend messages: decode after encode, hostile bodies."""

import struct

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import WireError
from acra_twisted.wire.postgres import backend
from tests.support.sessions import columns

DECODERS = (
    backend.decode_ready,
    backend.decode_error,
    backend.decode_command_tag,
    backend.decode_parameter_status,
    backend.decode_backend_key,
    backend.authentication_kind,
    backend.sasl_mechanisms,
    backend.decode_parameter_description,
    backend.decode_row_description,
)


class Messages(SynchronousTestCase):
    def test_errors(self):
        data = backend.encode_error(b"FATAL", b"57P01", "going\0down")
        fields = backend.decode_error(data[5:])
        self.assertEqual(fields, {"S": b"FATAL", "V": b"FATAL", "C": b"57P01", "M": b"going?down"})
        data = backend.encode_error(b"ERROR", b"0A000", "old", "look", "RevalidateCachedQuery")
        fields = backend.decode_error(data[5:])
        self.assertEqual((fields["H"], fields["R"]), (b"look", b"RevalidateCachedQuery"))

    def test_rl10_fields_are_counted(self):
        self.assertEqual(backend.decode_error(b"Sx\0" + b"\0" * 1_000_000), {"S": b"x"})
        many = b"".join(b"%cx\0" % letter for letter in range(1, 200))
        self.assertEqual(len(backend.decode_error(many + b"\0")), 64)
        with self.assertRaises(WireError):
            backend.decode_parameter_status(b"a\0b\0" + b"\0" * 1_000_000)

    def test_tags(self):
        counts = {b"INSERT 0 5": 5, b"SELECT 12": 12, b"BEGIN": -1, b"COPY 0": 0, b"": -1}
        for tag, rows in counts.items():
            self.assertEqual(backend.affected_rows(tag), rows)
            self.assertEqual(backend.decode_command_tag(tag + b"\0"), tag)

    def test_sasl(self):
        data = backend.encode_sasl([b"SCRAM-SHA-256-PLUS", b"SCRAM-SHA-256"])
        self.assertEqual(backend.authentication_kind(data[5:]), backend.AUTH_SASL)
        names = [b"SCRAM-SHA-256-PLUS", b"SCRAM-SHA-256"]
        self.assertEqual(backend.sasl_mechanisms(data[5:]), names)

    def test_row_description(self):
        found = backend.decode_row_description(columns(b"a", b"bc")[5:])
        self.assertEqual(
            (found.names, found.types, found.formats), ([b"a", b"bc"], [25, 25], [0, 0])
        )

    @given(
        st.lists(
            st.tuples(
                st.binary(max_size=5).filter(lambda name: b"\0" not in name),
                *(st.integers(0, 2**32 - 1), st.integers(-(2**15), 2**15 - 1)),
                *(st.integers(0, 2**32 - 1), st.integers(-(2**15), 2**15 - 1)),
                *(st.integers(-(2**31), 2**31 - 1), st.integers(-(2**15), 2**15 - 1)),
            ),
            max_size=4,
        )
    )
    def test_a_row_description_is_kept_whole(self, fields):
        body = len(fields).to_bytes(2, "big") + b"".join(
            name + b"\0" + struct.pack(">IhIhih", *numbers) for name, *numbers in fields
        )
        columns = backend.decode_row_description(body)
        self.assertEqual(backend.encode_row_description(columns)[5:], body)

    @given(st.lists(st.integers(0, 2**32 - 1), max_size=5))
    def test_types_of_parameters(self, types):
        body = struct.pack(f">H{len(types)}I", len(types), *types)
        self.assertEqual(backend.decode_parameter_description(body), types)
        for wrong in (body + b"\0", body[:-1]):
            self.assertRaises(WireError, backend.decode_parameter_description, wrong)

    def test_irregular(self):
        for decode, body in (
            (backend.decode_ready, b"X"),
            (backend.decode_error, b"Sx"),
            (backend.decode_command_tag, b"SELECT"),
            (backend.decode_parameter_status, b"a\0b\0c\0"),
            (backend.decode_backend_key, b"\0\0\0\1"),
            (backend.decode_backend_key, b"\0" * 261),
            (backend.authentication_kind, b"\0"),
            (backend.sasl_mechanisms, b"\0\0\0\x0ax\0"),
            (backend.decode_row_description, b"\0"),
            (backend.decode_row_description, b"\0\1a\0"),
            (backend.decode_row_description, columns(b"a")[5:] + b"x"),
        ):
            self.assertRaises(WireError, decode, body)

    @given(st.binary(max_size=80))
    def test_fr4_random_bytes(self, body):
        for decode in DECODERS:
            try:
                decode(body)
            except WireError:
                pass
