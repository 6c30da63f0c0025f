"""Literals and parameters to plaintexts, plaintexts to cells."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.postgresql.plaintexts import (
    Literal,
    Way,
    from_literal,
    from_parameter,
    to_cell,
)
from acra_twisted.encryption.settings import DATA_TYPES
from acra_twisted.sql.lexer import tokens
from tests.support.vectors import encryption, unhex

STR, BYTES, INT32 = Way("str"), Way("bytes"), Way("int32")


def literal(text, way, encoding="UTF8", conforming=True):
    """The plaintext of a literal, a minus sign before it."""
    data = text.encode() if isinstance(text, str) else text
    found = tokens(data, conforming)
    negative = data[found[0][1] : found[0][2]] == b"-"
    kind, start, end = found[-1]
    return from_literal(Literal(kind, data[start:end], negative), way, encoding, conforming)


class Literals(SynchronousTestCase):
    def refused(self, text, way, **options):
        with self.assertRaises(ValueRefusedError) as caught:
            literal(text, way, **options)
        return caught.exception.sqlstate

    def test_strings_of_every_form(self):
        for text in ("'Żó''a'", "E'\\u017B\\u00f3\\'a'", "$q$Żó'a$q$", "U&'\\017b\\00F3''a'"):
            self.assertEqual(literal(text, STR), "Żó'a".encode())
        self.assertEqual(literal("'ab'\n'cd'", STR), b"abcd")
        self.assertEqual(literal("E'\\ud83d\\ude00'", STR), "😀".encode())
        self.assertEqual(literal("'a\\'b'", STR, conforming=False), b"a'b")

    def test_bytes_are_read_as_the_database_reads_them(self):
        for text in ("'\\x416e6e61'", "E'\\\\x416e6e61'", "'A\\156na'", "$$Anna$$", "'Anna'"):
            self.assertEqual(literal(text, BYTES), b"Anna")
            self.assertEqual(literal(text, Way("")), b"Anna")
        self.assertEqual(self.refused("'C:\\temp'", BYTES), b"22P02")

    def test_a_function_around_a_literal(self):
        for form, raw, found in (
            ("hex", b"'416e'", b"An"),
            ("base64", b"$$QW4=$$", b"An"),
            ("characters", "'Żó'".encode(), "Żó".encode()),
        ):
            kind = "d" if raw[:1] == b"$" else "s"
            one = Literal(kind, raw, False, form)
            self.assertEqual(from_literal(one, BYTES), found)
            self.assertRaises(ValueRefusedError, from_literal, one, STR)
        self.assertRaises(ValueRefusedError, from_literal, Literal("n", b"42", False, "hex"), BYTES)

    def test_characters_are_not(self):
        self.assertEqual(literal("'\\x3333'", STR), b"\\x3333")
        self.assertEqual(literal("'C:\\temp'", STR), b"C:\\temp")

    def test_numbers(self):
        for text, way, found in (
            ("42", INT32, b"42"),
            ("-42", INT32, b"-42"),
            ("0x1F", INT32, b"31"),
            ("5.0", INT32, b"5"),
            ("1.50", STR, b"1.50"),
            ("-007", STR, b"-7"),
            ("1e3", STR, b"1000"),
            ("1.50", Way("float8"), b"1.5"),
            ("'42'", INT32, b"42"),
        ):
            self.assertEqual(literal(text, way), found)
        self.assertEqual(self.refused("2147483648", INT32), b"22003")
        self.assertEqual(self.refused("1.5", INT32), b"42804")
        self.assertEqual(self.refused("'abc'", INT32), b"22P02")
        self.assertEqual(self.refused("''", INT32), b"22P02")
        for way in (BYTES, Way("bool"), Way("uuid"), Way("date")):
            self.assertEqual(self.refused("42", way), b"42804")

    def test_bit_strings_do_not_belong_there(self):
        for text in ("X'41'", "B'01'"):
            for data_type in DATA_TYPES:
                self.assertEqual(self.refused(text, Way(data_type)), b"42804")
        self.assertEqual(self.refused("-'5'", INT32), b"42804")

    def test_casts(self):
        for text, way, found in (
            ("'Żółć'", Way("str", "varchar", 2), "Żó".encode()),
            ("'ab   '", Way("str", "bpchar", 4), b"ab"),
            ("'ab   '", Way("str", "varchar", 4), b"ab  "),
            ("'042'", Way("str", "int4"), b"42"),
            ("'TRUE'", Way("str", "bool"), b"true"),
            ("42", Way("str", "text"), b"42"),
            ("12345", Way("str", "varchar", 2), b"12"),
            ("'\\x41'", Way("bytes", "bytea"), b"A"),
            ("'5'", Way("int32", "int8"), b"5"),
        ):
            self.assertEqual(literal(text, way), found)
        self.assertEqual(self.refused("'a'", Way("str", "timestamp")), b"42804")
        self.assertEqual(self.refused("'\\x41'", Way("str", "bytea")), b"42804")
        self.assertEqual(self.refused("'t'", Way("int32", "bool")), b"42804")

    def test_other_encodings(self):
        self.assertEqual(literal("'Ż'".encode("iso8859_2"), STR, encoding="LATIN2"), "Ż".encode())
        self.assertEqual(literal("'Ż'".encode("iso8859_2"), BYTES, encoding="LATIN2"), "Ż".encode())
        self.assertEqual(self.refused(b"'\xff'", STR), b"22021")
        self.assertEqual(self.refused("E'\\xff'", STR), b"22021")
        self.assertEqual(self.refused("E'a\\0'", STR), b"22021")


class Parameters(SynchronousTestCase):
    def refused(self, *arguments):
        with self.assertRaises(ValueRefusedError) as caught:
            from_parameter(*arguments)
        return caught.exception.sqlstate

    def test_drivers_and_their_types(self):
        for value, oid, form, way, found in (
            (b"Anna", 0, 0, STR, b"Anna"),
            (b"Anna", 1043, 0, STR, b"Anna"),
            (b"Anna", 0, 1, STR, b"Anna"),
            (b"\\x416e", 0, 0, BYTES, b"An"),
            (b"\\x416e", 17, 0, BYTES, b"An"),
            (b"\\x416e", 17, 1, BYTES, b"\\x416e"),
            (b"\\x416e", 0, 1, BYTES, b"\\x416e"),
            (b"\\x416e", 25, 0, BYTES, b"An"),
            (b"\0\x05", 21, 1, INT32, b"5"),
            (b"\0\x05", 0, 1, INT32, b"5"),
            (b" 5", 0, 0, INT32, b"5"),
            (b"5", 20, 0, INT32, b"5"),
            (b"\0\0\0\x2a", 23, 1, STR, b"42"),
            (b"\1", 16, 1, STR, b"true"),
            (b" 042", 23, 0, STR, b"42"),
            (b"anna", 20000, 0, STR, b"anna"),
            (b"\1", 0, 1, Way("bool"), b"t"),
            (bytes(16), 0, 1, Way("uuid"), b"00000000-0000-0000-0000-000000000000"),
            (bytes(4), 1082, 1, Way("date"), b"2000-01-01"),
            (b"\x3f\xf8" + bytes(6), 0, 1, Way("float8"), b"1.5"),
        ):
            self.assertEqual(from_parameter(value, oid, form, way), found, (value, oid, form))

    def test_a_backslash_in_characters_stays(self):
        """Text parameters are no bytea for a column of characters."""
        for value in (b"\\x3333", b"a\\b", b"line\nbreak"):
            self.assertEqual(from_parameter(value, 0, 0, STR), value)

    def test_casts_around_a_parameter(self):
        self.assertEqual(
            from_parameter("Żółć".encode(), 0, 0, Way("str", "varchar", 2)), "Żó".encode()
        )
        self.assertEqual(from_parameter(b"\0\x05", 21, 1, Way("str", "text")), b"5")
        self.assertEqual(from_parameter(b"\0\0\0\x05", 0, 0x1, Way("int32", "int4")), b"5")
        self.assertEqual(from_parameter(b"\0\0\0\x05", 23, 1, Way("str", "varchar", 80)), b"5")
        self.assertEqual(from_parameter(b"12345", 1043, 0, Way("str", "varchar", 2)), b"12")

    def test_types_that_do_not_belong_there(self):
        for value, oid, form, way in (
            (b"5", 23, 0, BYTES),
            (bytes(8), 701, 1, INT32),
            (bytes(8), 1114, 1, STR),
            (b"2026-11-29", 1114, 0, STR),
            (b"x", 17, 1, STR),
            (b"x", 20000, 1, STR),
            (b"t", 16, 0, INT32),
            (b"x", 17, 1, Way("str", "text")),
        ):
            self.assertEqual(self.refused(value, oid, form, way), b"42804", (value, oid))

    def test_values_that_are_none(self):
        self.assertEqual(self.refused(b"abc", 0, 0, INT32), b"22P02")
        self.assertEqual(self.refused(b"\0\0\0\0\x80\0\0\0", 20, 1, INT32), b"22003")
        self.assertEqual(self.refused(b"\0\0\0", 23, 1, INT32), b"22P03")
        self.assertEqual(self.refused(b"\xff", 25, 1, STR), b"22021")
        self.assertEqual(self.refused(b"a\0b", 0, 0, STR), b"22021")

    @given(
        st.binary(max_size=30),
        st.sampled_from(
            (
                0,
                16,
                17,
                18,
                19,
                20,
                21,
                23,
                25,
                26,
                114,
                700,
                701,
                705,
                1042,
                1043,
                1082,
                1114,
                1700,
                2950,
                20000,
            )
        ),
        st.sampled_from((0, 1)),
        st.sampled_from(DATA_TYPES),
        st.sampled_from(("", "text", "varchar", "int4", "bytea", "bool", "numeric", "inet")),
        st.sampled_from((-1, 0, 3)),
    )
    def test_any_value_is_refused_or_can_be_read(self, value, oid, form, data_type, cast, cut):
        try:
            plaintext = from_parameter(value, oid, form, Way(data_type, cast, cut))
        except ValueRefusedError:
            return
        for form in (0, 1):
            cell = to_cell(data_type, plaintext, form)
            self.assertEqual(from_parameter(cell, 0, form, Way(data_type)), plaintext)


class Cells(SynchronousTestCase):
    def test_the_vectors(self):
        seen = 0
        for vector in encryption()["stored"]["vectors"]:
            if "oid" in vector:
                plain, binary = unhex(vector, "plain", "binary_cell")
                data_type = vector["setting"].removeprefix("data_type: ")
                self.assertEqual(to_cell(data_type, plain, 0), vector["text_cell"].encode())
                self.assertEqual(to_cell(data_type, plain, 1), binary)
                seen += 1
        self.assertEqual(seen, 4)

    def test_characters_in_the_clients_encoding(self):
        for form in (0, 1):
            self.assertEqual(to_cell("str", "Ż".encode(), form, "LATIN2"), "Ż".encode("iso8859_2"))
