"""The meaning of literals: all spellings of one value are equal."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sql import lexer, mysqllexer
from acra_twisted.sql.literals import mysql_value, postgresql_value


class Postgresql(SynchronousTestCase):
    def value(self, text, conforming=True):
        [(kind, start, end)] = lexer.tokens(text, conforming)
        return postgresql_value(kind, text[start:end], conforming)

    def test_spellings_of_a_string(self):
        for text in (
            b"'it''s'",
            rb"E'it\'s'",
            rb"E'\x69t\047s'",
            b"$$it's$$",
            b"$a$it's$a$",
            rb"U&'\0069t''s'",
            rb"U&'\+000069t''s'",
            b"'it'\n '''s'",
            rb"E'\u0069t''s'",
        ):
            self.assertEqual(self.value(text), ("string", b"it's"), text)

    def test_quotes_at_the_ends_of_lines_are_no_gap_between_parts(self):
        for text, value in (
            (b"'a''\n''b'", b"a'\n'b"),
            (b"'a''--''\n''b'", b"a'--'\n'b"),
            (b"'a'''\n'''b'", b"a''b"),
            (b"E'a\\'\n''b'", b"a'\n'b"),
            (b"E'a\\\\'\n'b'", b"a\\b"),
            (b"U&'a''\r''b'", b"a'\r'b"),
            (b"'a\\'\n'b'", b"a\\b"),
        ):
            self.assertEqual(self.value(text), ("string", value), text)
        self.assertEqual(self.value(b"'a\\'\n''b'", False), ("string", b"a'\n'b"))

    @given(
        st.lists(st.sampled_from(["a", "'", "\n", "\r", " ", "--", "\\"])),
        st.lists(st.sampled_from(["a", "'", "\n", "--", "\\"])),
    )
    def test_any_text_is_read_as_it_was_written(self, first, second):
        parts = ["".join(one).encode() for one in (first, second)]
        whole = b"".join(parts)
        plain = [one.replace(b"'", b"''") for one in parts]
        self.assertEqual(self.value(b"'%b' \n '%b'" % tuple(plain)), ("string", whole))
        escaped = [one.replace(b"\\", b"\\\\").replace(b"'", b"\\'") for one in parts]
        self.assertEqual(self.value(b"E'%b'\r'%b'" % tuple(escaped)), ("string", whole))

    def test_each_quote_of_a_long_text_is_read_once(self):
        text = b"'--" * 500_000 + b"\n"
        self.assertEqual(self.value(b"'" + text.replace(b"'", b"''") + b"'"), ("string", text))

    def test_backslashes_by_mode(self):
        self.assertEqual(self.value(rb"'a\n'"), ("string", rb"a\n"))
        self.assertEqual(self.value(rb"'a\n'", False), ("string", b"a\n"))

    def test_other_classes(self):
        self.assertEqual(self.value(b"x'AF'"), ("hex", b"af"))
        self.assertEqual(self.value(b"b'01'"), ("bit", b"01"))
        self.assertEqual(self.value(b"1e3"), ("number", b"1e3"))

    def test_what_is_no_character_stays_itself(self):
        self.assertEqual(self.value(rb"E'\UFFFFFFFF'"), ("string", b"FFFFFFFF"))


class Mysql(SynchronousTestCase):
    def value(self, text, no_backslash=False):
        [(kind, start, end)] = mysqllexer.tokens(text, False, no_backslash)
        return mysql_value(kind, text[start:end], no_backslash)

    def test_spellings_of_a_string(self):
        for text in (b"'it''s'", rb"'it\'s'", b'"it\'s"', rb"'\it\'s'"):
            self.assertEqual(self.value(text), ("string", b"it's"), text)

    def test_escapes(self):
        self.assertEqual(self.value(rb"'a\n\%'"), ("string", b"a\n\\%"))
        self.assertEqual(self.value(rb"'a\n'", True), ("string", rb"a\n"))

    def test_other_classes(self):
        self.assertEqual(self.value(b"0xAF"), ("hex", b"af"))
        self.assertEqual(self.value(b"x'AF'"), ("hex", b"af"))
        self.assertEqual(self.value(b"0b01"), ("bit", b"01"))
        self.assertEqual(self.value(b"15"), ("number", b"15"))
