"""Tokens as PostgreSQL has them."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import LexError
from acra_twisted.sql import lexer


def pieces(text, **options):
    return [(kind, text[a:b]) for kind, a, b in lexer.tokens(text, **options)]


class Tokens(SynchronousTestCase):
    def test_kinds(self):
        cases = {
            b"'it''s'": "s",
            b"E'a\\'b'": "e",
            b"U&'d\\0061t'": "u",
            b'U&"d\\0061t"': "U",
            b"$$a'b$$": "d",
            b"$t$ $$ $t$": "d",
            b"x'1F'": "x",
            b"B'01'": "b",
            b"12.5e-3": "n",
            b"0x_1f": "n",
            b".5": "n",
            b"$1": "p",
            b'"a""b"': "q",
            b"ab$1": "i",
            b"::": "o",
            b"/* a /* b */ c */": "c",
            b"-- to the end": "c",
        }
        for text, kind in cases.items():
            self.assertEqual(pieces(text), [(kind, text)])

    def test_literals_continue_on_the_next_line(self):
        self.assertEqual(pieces(b"'a' -- x\n 'b' 'c'"), [("s", b"'a' -- x\n 'b'"), ("s", b"'c'")])

    def test_backslashes_follow_the_session(self):
        text = rb"'a\'b'"
        options = {"standard_conforming_strings": False}
        self.assertEqual(pieces(text, **options), [("s", text)])
        self.assertRaises(LexError, lexer.tokens, text)

    def test_operators_end_before_comments_and_signs(self):
        self.assertEqual(pieces(b"1+-2"), [("n", b"1"), ("o", b"+"), ("o", b"-"), ("n", b"2")])
        self.assertEqual(pieces(b"a*/*x*/b")[1:3], [("o", b"*"), ("c", b"/*x*/")])
        self.assertEqual(pieces(b"a @- b")[1], ("o", b"@-"))

    def test_refused(self):
        for text in (
            b"'a",
            b"$$a",
            b"/* a",
            b"1a",
            b"a\0b",
            b'"a',
            b"E'a\\",
            b"\x01",
            b"/*" * 9 + b"*/" * 9,
            b"+" * 65 + b"*",
            b"'a'\n'b",
        ):
            self.assertRaises(LexError, lexer.tokens, text)

    @given(st.binary(max_size=100))
    def test_random_bytes_are_covered_or_refused(self, text):
        try:
            found = lexer.tokens(text)
        except LexError:
            return
        end = 0
        for _, start, stop in found:
            self.assertTrue(end <= start < stop)
            self.assertFalse(text[end:start].strip(b" \t\n\r\f\v"))
            end = stop

    @given(st.lists(st.sampled_from([b"--", b" ", b"'", b"\n", b"a", b"$", b"/*", b"*/", b"\\"])))
    def test_marks_in_any_order(self, parts):
        try:
            lexer.tokens(b"".join(parts))
        except LexError:
            pass
