"""Values in binary formats."""

import struct
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from psycopg.types.numeric import DecimalBinaryDumper
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.canonical import canonical
from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.postgresql.binary import decode, decode_integer, encode
from acra_twisted.encryption.postgresql.types import described
from tests.support.vectors import encryption, unhex

VALUES = {
    "int16": st.integers(-(1 << 15), (1 << 15) - 1).map(str),
    "int32": st.integers(-(1 << 31), (1 << 31) - 1).map(str),
    "int64": st.integers(-(1 << 63), (1 << 63) - 1).map(str),
    "bool": st.sampled_from(("t", "f")),
    "float8": st.floats().map(repr),
    "uuid": st.uuids().map(str),
    "date": st.one_of(
        st.sampled_from(("infinity", "-infinity", "4714-11-24 BC", "5874897-12-31")),
        st.dates().map(str),
    ),
    "bytes": st.text(),
}


class Binary(SynchronousTestCase):
    @given(
        st.sampled_from(sorted(VALUES)).flatmap(lambda name: st.tuples(st.just(name), VALUES[name]))
    )
    def test_every_value_comes_back(self, typed):
        data_type, text = typed
        plaintext = canonical(data_type, text.encode())
        kind = described(data_type)
        data = encode(data_type, plaintext)
        self.assertEqual(decode(kind.oid, data), plaintext)
        if kind.size > 0:
            self.assertEqual(len(data), kind.size)

    def test_the_vectors(self):
        seen = 0
        for vector in encryption()["stored"]["vectors"]:
            if "oid" in vector:
                plain, cell = unhex(vector, "plain", "binary_cell")
                data_type = vector["setting"].removeprefix("data_type: ")
                self.assertEqual(encode(data_type, plain), cell)
                seen += 1
        self.assertEqual(seen, 4)

    @given(
        st.decimals(
            allow_nan=False,
            allow_infinity=False,
            min_value=-(10**40),
            max_value=10**40,
            places=None,
        )
    )
    def test_numbers_as_a_driver_sends_them(self, some):
        if abs(some.as_tuple().exponent) > 100:
            return
        data = bytes(DecimalBinaryDumper(Decimal).dump(some))
        self.assertEqual(Decimal(decode(1700, data).decode()), some)

    def test_numbers_keep_their_scale(self):
        for text in ("1.50", "-0.0015", "12345.6789", "100000000", "0", "0.00", "-20000.5"):
            data = bytes(DecimalBinaryDumper(Decimal).dump(Decimal(text)))
            self.assertEqual(decode(1700, data), text.encode())

    def test_sizes_of_others_are_refused(self):
        for oid, size in (
            (21, 4),
            (23, 8),
            (20, 4),
            (26, 8),
            (16, 2),
            (701, 4),
            (700, 8),
            (2950, 15),
            (1082, 8),
            (1700, 7),
            (1114, 8),
        ):
            with self.assertRaises(ValueRefusedError) as caught:
                decode(oid, bytes(size))
            self.assertEqual(caught.exception.sqlstate, b"22P03")

    def test_an_integer_without_a_type(self):
        for data, text in ((b"\xff\xfb", b"-5"), (b"\0\0\0\x05", b"5"), (b"\xff" * 8, b"-1")):
            self.assertEqual(decode_integer(data), text)
        self.assertRaises(ValueRefusedError, decode_integer, b"\0\0\0")

    def test_numbers_that_are_none(self):
        head = struct.Struct(">hhHh")
        for data in (
            head.pack(1, 0, 0, 0),
            head.pack(1, 0, 0, 0) + b"\x27\x10",
            head.pack(0, 0, 0xC000, 0),
            head.pack(0, 0, 0, -1),
            head.pack(0, 30000, 0, 0),
            head.pack(-1, 0, 0, 0),
        ):
            self.assertRaises(ValueRefusedError, decode, 1700, data)

    @given(
        st.sampled_from((16, 17, 20, 21, 23, 26, 700, 701, 1082, 1700, 2950)),
        st.binary(max_size=40),
    )
    def test_any_bytes_are_read_or_refused(self, oid, data):
        try:
            decode(oid, data)
        except ValueRefusedError:
            pass
