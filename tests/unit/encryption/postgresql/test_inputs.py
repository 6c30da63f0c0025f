"""PostgreSQL's input functions; tests/integration/test_column_values.py asks PostgreSQL itself."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.postgresql.inputs import assign, number, read, read_typed
from acra_twisted.encryption.settings import DATA_TYPES


class Inputs(SynchronousTestCase):
    def refused(self, function, *arguments):
        with self.assertRaises(ValueRefusedError) as caught:
            function(*arguments)
        return caught.exception.sqlstate

    def test_integers_in_every_spelling(self):
        for text, found in (
            (b" 42\n", b"42"),
            (b"+0x1F", b"31"),
            (b"-0b101", b"-5"),
            (b"0o17", b"15"),
            (b"1_000", b"1000"),
            (b"0x_ff", b"255"),
            (b"-0", b"0"),
        ):
            self.assertEqual(read("int32", text), found)
        for text in (b"", b" ", b"1__0", b"_1", b"1_", b"1 2", b"1.0", b"- 1", b"0x"):
            self.assertEqual(self.refused(read, "int32", text), b"22P02", text)
        for text in (b"0x80000000", b"9" * 5000):
            self.assertEqual(self.refused(read, "int32", text), b"22003")

    def test_booleans_in_every_spelling(self):
        for text in (b"t", b"TR", b"yes", b"y", b"on", b"1", b" true "):
            self.assertEqual(read("bool", text), b"t")
        for text in (b"f", b"Fals", b"no", b"n", b"of", b"off", b"0"):
            self.assertEqual(read("bool", text), b"f")
        for text in (b"", b"o", b"2", b"truex", b"on on"):
            self.assertEqual(self.refused(read, "bool", text), b"22P02", text)

    def test_reals(self):
        for text, found in ((b" 1.50 ", b"1.5"), (b"0x1p-1", b"0.5"), (b"inf", b"Infinity")):
            self.assertEqual(read("float8", text), found)
        for text in (b"0x1p2000", b"0x1p-2000", b"1e999"):
            self.assertEqual(self.refused(read, "float8", text), b"22003")
        self.assertEqual(read_typed(700, b"0.1"), b"0.10000000149011612")
        self.assertEqual(self.refused(read_typed, 700, b"1e300"), b"22003")

    def test_numbers_keep_their_scale(self):
        for text, found in (
            (b"1.50", b"1.50"),
            (b".5", b"0.5"),
            (b"5.", b"5"),
            (b"1e3", b"1000"),
            (b"1.5e-3", b"0.0015"),
            (b"-0.0", b"0.0"),
            (b"-0", b"0"),
            (b"1_0.0_1", b"10.01"),
            (b"0x1F", b"31"),
        ):
            self.assertEqual(number(text), found)
        for text in (b"", b".", b"1e", b"e1", b"1..2", b"1_.5", b"NaN", b"1" * 1001):
            self.assertEqual(self.refused(number, text), b"22P02", text)
        self.assertEqual(self.refused(number, b"1e1001"), b"22003")

    def test_days_without_hyphens(self):
        self.assertEqual(read("date", b" 20261129 "), b"2026-11-29")

    def test_declared_types_of_text(self):
        self.assertEqual(read_typed(1042, b"ab  "), b"ab")
        self.assertEqual(read_typed(1043, b"ab  "), b"ab  ")
        self.assertEqual(read_typed(19, ("a" + "Ż" * 40).encode()), ("a" + "Ż" * 31).encode())
        self.assertEqual(self.refused(read_typed, 18, b"ab"), b"0A000")
        self.assertEqual(read_typed(26, b"4294967295"), b"4294967295")

    def test_values_of_one_type_in_a_column_of_another(self):
        for data_type, family, value, found in (
            ("str", "boolean", b"t", b"true"),
            ("str", "numeric", b"1.50", b"1.50"),
            ("int32", "numeric", b"42.00", b"42"),
            ("int16", "integer", b"-5", b"-5"),
            ("float8", "numeric", b"1.50", b"1.5"),
            ("float8", "integer", b"5", b"5"),
            ("bytes", "text", b"\\x41", b"A"),
            ("bytes", "bytes", b"\\x41", b"\\x41"),
        ):
            self.assertEqual(assign(data_type, family, value), found)
        self.assertEqual(self.refused(assign, "int32", "numeric", b"1.5"), b"42804")
        self.assertEqual(self.refused(assign, "int16", "integer", b"32768"), b"22003")

    @given(st.sampled_from(DATA_TYPES), st.binary(max_size=30))
    def test_any_text_is_refused_or_read_once_and_for_all(self, data_type, text):
        try:
            found = read(data_type, text)
        except ValueRefusedError:
            return
        if data_type not in ("", "bytes"):
            self.assertEqual(read(data_type, found), found)

    @given(st.text("0123456789_.eE+-xob ", max_size=15))
    def test_any_number_is_refused_or_written_once_and_for_all(self, text):
        try:
            found = number(text.encode())
        except ValueRefusedError:
            return
        self.assertEqual(number(found), found)
