"""Values as clients write them."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.mysql.plaintexts import (
    from_bytes,
    from_integer,
    from_literal,
    from_text,
)
from acra_twisted.encryption.mysql.plan import Given
from acra_twisted.encryption.plan import STORE, Use
from tests.support.mysqlplanning import NAME, plan


def value(form, data_type="str", no_backslash=False):
    """The plaintext of a literal as the planner finds it."""
    planned = plan(f"UPDATE people SET name = {form}")
    given = planned.plan.values[0]
    use = Use(NAME._replace(data_type=data_type), STORE, "SET")
    return from_literal(Given(given.source, use), planned.literals, no_backslash)


class Strings(SynchronousTestCase):
    def test_every_form(self):
        for form, wanted in (
            ("'it''s'", b"it's"),
            ('"say ""a"""', b'say "a"'),
            (r"'a\'b\n\\\%'", b"a'b\n\\\\%"),
            ("N'a'", b"a"),
            ("_utf8mb4 'ł'", "ł".encode()),
            ("'ł' 'x'", "łx".encode()),
            ("_latin1'a'", b"a"),
            ("x'C582'", "ł".encode()),
            ("0x541", b"\x05A"),
            ("42", b"42"),
            ("-007", b"-7"),
            ("TRUE", b"1"),
            ("''", b""),
            ("DATE'2026-01-02'", b"2026-01-02"),
        ):
            self.assertEqual(value(form), wanted, form)

    def test_dates_and_times_are_taken_as_the_server_writes_them(self):
        for form in (
            *("DATE'2028-02-29'", "TIME '10:00:00'", "TIME'838:59:59.5'"),
            *("TIMESTAMP'2026-01-02 03:04:05'", "timestamp '2026-01-02 03:04:05.123456'"),
        ):
            self.assertEqual(value(form), form.split("'")[1].encode(), form)
        for form in (
            *("DATE'2026-1-2'", "DATE'20260102'", "DATE'2026-02-30'", "DATE'2026-01-02 03:04:05'"),
            *(
                "TIME'1:0:0'",
                "TIME'010:00:00'",
                "TIME'10:00'",
                "TIME'10:60:00'",
                "TIME'1 10:00:00'",
            ),
            *("TIMESTAMP'2026-01-02T03:04:05'", "TIMESTAMP'2026-01-02'", "TIME'839:00:00'"),
            *("TIMESTAMP'2026-01-02 25:04:05'", "TIMESTAMP'2026-01-02 3:4:5'"),
        ):
            error = self.assertRaises(ValueRefusedError, value, form)
            self.assertIn("not written as the database writes it", str(error), form)

    def test_backslashes_may_be_ordinary(self):
        self.assertEqual(value(r"'a\b'", no_backslash=True), rb"a\b")

    def test_bytes(self):
        for form, wanted in (("x'00ff'", b"\x00\xff"), ("_binary'a'", b"a"), ("0x1", b"\x01")):
            for data_type in ("", "bytes"):
                self.assertEqual(value(form, data_type), wanted)


class Types(SynchronousTestCase):
    def test_numbers_and_others(self):
        for data_type, form, wanted in (
            ("int32", "42", b"42"),
            ("int32", "'-42'", b"-42"),
            ("int64", "-9223372036854775808", b"-9223372036854775808"),
            ("bool", "TRUE", b"t"),
            ("bool", "0", b"f"),
            ("bool", "'1'", b"t"),
            ("float8", "1.50", b"1.5"),
            ("date", "'2026-11-29'", b"2026-11-29"),
            ("date", "DATE '2026-11-29'", b"2026-11-29"),
        ):
            self.assertEqual(value(form, data_type), wanted, form)

    def test_what_is_refused_names_the_column_and_no_value(self):
        for data_type, form in (
            ("int32", "2147483648"),
            ("int32", "'secret'"),
            ("int32", "x'41'"),
            ("int32", "1.5"),
            ("bool", "2"),
            ("date", "20261129"),
            ("date", "'0000-00-00'"),
            ("uuid", "5"),
            ("str", "1.5"),
            ("str", "b'01'"),
            ("str", "x'ff'"),
            ("str", "_latin1'ł'"),
        ):
            with self.assertRaises(ValueRefusedError) as caught:
                value(form, data_type)
            self.assertEqual(caught.exception.column, "people.name")
            self.assertNotIn("secret", str(caught.exception))


class Parameters(SynchronousTestCase):
    def test_by_what_the_client_sent(self):
        self.assertEqual(from_text(NAME, b"a"), b"a")
        self.assertEqual(from_integer(NAME._replace(data_type="bool"), 1), b"t")
        self.assertEqual(from_bytes(NAME._replace(data_type=""), b"\xff"), b"\xff")
        with self.assertRaises(ValueRefusedError):
            from_bytes(NAME._replace(data_type="int32"), b"\x01")
