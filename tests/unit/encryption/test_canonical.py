"""Canonical plaintexts."""

import uuid
from math import isinf, isnan

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.canonical import (
    canonical,
    date,
    days,
    integer,
    real,
)
from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.settings import DATA_TYPES


def state(data_type, text):
    """The SQLSTATE with which a text is refused, b"" if it is not."""
    try:
        canonical(data_type, text)
    except ValueRefusedError as error:
        return error.sqlstate
    return b""


class Text(SynchronousTestCase):
    def test_bytes_and_characters_stay_as_they_are(self):
        for data_type in ("", "bytes", "str"):
            self.assertEqual(canonical(data_type, "\\x41 Żółć".encode()), "\\x41 Żółć".encode())
        self.assertEqual(canonical("bytes", b"\0\xff"), b"\0\xff")
        self.assertEqual(state("str", b"\xff"), b"22021")

    def test_integers(self):
        for text, found in ((b"-5", b"-5"), (b"+5", b"5"), (b"007", b"7"), (b"-0", b"0")):
            self.assertEqual(canonical("int32", text), found)
        for text in (b"", b"-", b"1.5", b"0x1f", b" 1", b"1_000", "٣".encode()):
            self.assertEqual(state("int64", text), b"22P02", text)

    def test_each_digit_of_a_long_text_is_read_once(self):
        zeros = b"0" * 500_000
        self.assertEqual(state("int64", zeros + b"x"), b"22P02")
        self.assertEqual(canonical("int64", b"-" + zeros), b"0")
        self.assertEqual(canonical("int64", zeros + b"70"), b"70")

    def test_the_range_of_integers(self):
        for data_type, bits in (("int16", 16), ("int32", 32), ("int64", 64)):
            last, first = (1 << (bits - 1)) - 1, -(1 << (bits - 1))
            for number in (last, first):
                self.assertEqual(canonical(data_type, b"%d" % number), b"%d" % number)
            for number in (last + 1, first - 1, 10**5000 if bits == 64 else 10**20):
                digits = b"1" + b"0" * 5000 if number == 10**5000 else b"%d" % number
                self.assertEqual(state(data_type, digits), b"22003")
            self.assertRaises(ValueRefusedError, integer, data_type, last + 1)
        self.assertEqual(canonical("int32", b"0" * 5000 + b"1"), b"1")

    @given(st.from_regex(rb"[0-9+-]{1,20}", fullmatch=True))
    def test_an_integer_is_written_as_the_number_that_it_is(self, text):
        for data_type, bits in (("int16", 16), ("int32", 32), ("int64", 64)):
            half = 1 << (bits - 1)
            try:
                number = int(text)
            except ValueError:
                self.assertEqual(state(data_type, text), b"22P02")
                continue
            if -half <= number < half:
                self.assertEqual(canonical(data_type, text), b"%d" % number)
            else:
                self.assertEqual(state(data_type, text), b"22003")

    def test_booleans(self):
        for text in (b"t", b"true", b"TRUE"):
            self.assertEqual(canonical("bool", text), b"t")
        for text in (b"f", b"false"):
            self.assertEqual(canonical("bool", text), b"f")
        self.assertEqual(state("bool", b"1"), b"22P02")

    def test_uuids(self):
        form = b"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"
        for text in (
            form.upper(),
            form.replace(b"-", b""),
            b"{" + form + b"}",
            b"a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11",
        ):
            self.assertEqual(canonical("uuid", text), form)
        for text in (
            b"",
            form[:-1],
            b"{" + form,
            form + b"0",
            b" " + form,
            b"g" + form[1:],
            b"a-0eebc999c0b4ef8bb6d6bb9bd380a11",
        ):
            self.assertEqual(state("uuid", text), b"22P02", text)

    @given(st.uuids())
    def test_every_uuid(self, some: uuid.UUID):
        self.assertEqual(canonical("uuid", some.hex.encode()), str(some).encode())

    def test_dates(self):
        for text, found in (
            (b"2026-11-29", b"2026-11-29"),
            (b"2026-1-9", b"2026-01-09"),
            (b"12345-01-09", b"12345-01-09"),
            (b"0044-03-15 BC", b"0044-03-15 BC"),
            (b"2026-11-29 +00", b"2026-11-29"),
            (b"2026-11-29 -15:59:59", b"2026-11-29"),
            (b"2026-11-29T00:00:00.000Z", b"2026-11-29"),
            (b"2026-11-29 23:59:59.999999+0200", b"2026-11-29"),
            (b"2026-1-9t1:02 -08", b"2026-01-09"),
            (b"2026-11-29T24:00:00.0", b"2026-11-29"),
            (b"2026-11-29 23:59:60", b"2026-11-29"),
            (b"0044-03-15 BC 10:00:00 +05:30", b"0044-03-15 BC"),
            (b"0044-03-15 BC +05:30", b"0044-03-15 BC"),
            (b"0044-03-15 ad", b"0044-03-15"),
            (b"4714-11-24 bc", b"4714-11-24 BC"),
            (b"Infinity", b"infinity"),
            (b"-infinity", b"-infinity"),
        ):
            self.assertEqual(canonical("date", text), found)
        for text in (
            b"2026-02-30",
            b"2026-13-01",
            b"0000-01-01",
            b"4714-11-23 BC",
            b"5874898-01-01",
            *(b"2026-11-29T24:01", b"2026-11-29 10:60", b"2026-11-29T10:00:61"),
            *(b"2026-11-29T24:00:00.1", b"2026-11-29T23:59:60.1"),
        ):
            self.assertEqual(state("date", text), b"22008", text)
        for text in (
            *(b"", b"29.11.2026", b"11/29/2026", b"today", b"26-11-29", b"2026-11-29 10"),
            *(b"2026-11-29T", b"2026-11-29T100:00", b"2026-11-29T10:00:00." + b"1" * 61),
            *(b"2026-11-2910:00", b"2026-11-29 BCT10:00", b"2026-11-29T10:00+16:00"),
            *(b"2026-11-29T10:00+2:00:00:00", b"2026-11-29 10:00 BC", b"2026-11-29Z"),
        ):
            self.assertEqual(state("date", text), b"22007", text)

    @given(st.dates())
    def test_every_date(self, day):
        text = day.isoformat().encode()
        self.assertEqual(canonical("date", text), text)
        self.assertEqual(date(days(text)), text)

    @given(st.sampled_from(DATA_TYPES), st.binary(max_size=40))
    def test_any_text_is_refused_or_has_a_form_that_stays(self, data_type, text):
        try:
            found = canonical(data_type, text)
        except ValueRefusedError as error:
            self.assertNotIn(text.decode("latin-1"), str(error).split() if text else [])
            return
        self.assertEqual(canonical(data_type, found), found)


class Reals(SynchronousTestCase):
    def test_they_are_written_as_databases_print_them(self):
        for number, text in (
            (0.0, b"0"),
            (-0.0, b"-0"),
            (1.0, b"1"),
            (-1.5, b"-1.5"),
            (0.1, b"0.1"),
            (0.0001, b"0.0001"),
            (0.00001, b"1e-05"),
            (123456789012345.0, b"123456789012345"),
            (1e15, b"1e+15"),
            (1234567890123456.0, b"1.234567890123456e+15"),
            (1.5e300, b"1.5e+300"),
            (5e-324, b"5e-324"),
            (float("inf"), b"Infinity"),
            (float("-inf"), b"-Infinity"),
            (float("nan"), b"NaN"),
        ):
            self.assertEqual(real(number), text)

    @given(st.floats(allow_nan=False))
    def test_they_are_read_back(self, number):
        text = real(number)
        self.assertEqual(float(text), number)
        self.assertEqual(canonical("float8", text), text)

    @given(st.floats(allow_nan=False, allow_infinity=False))
    def test_no_fewer_digits_would_do(self, number):
        """A text with fewer digits is another number, or half way to one."""
        digits = real(number).decode().lstrip("-").partition("e")[0].replace(".", "").strip("0")
        if len(digits) > 1 and number:
            shorter = float(f"{number:.{len(digits) - 2}e}")
            self.assertTrue(shorter != number or len(digits) > 15)

    def test_others(self):
        self.assertEqual(canonical("float8", b"+.5"), b"0.5")
        self.assertEqual(canonical("float8", b"5."), b"5")
        self.assertEqual(canonical("float8", b"0e400"), b"0")
        self.assertTrue(isnan(float(canonical("float8", b"nan"))))
        self.assertTrue(isinf(float(canonical("float8", b"+Infinity"))))
        for text in (b"1e400", b"-1e400", b"1e-400"):
            self.assertEqual(state("float8", text), b"22003")
        for text in (b"", b".", b"1,5", b"0x1p3", b"1_0", b"e5", b"1e", b"1" * 2000):
            self.assertEqual(state("float8", text), b"22P02", text)
