"""Tokens as PostgreSQL has them."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import LexError, UnscannableError
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
            b"a\0b",
            b'"a',
            b"E'a\\",
            b"\x01",
            b"/*" * 9 + b"*/" * 9,
            b"+" * 65 + b"*",
            b"'a'\n'b",
        ):
            self.assertRaises(LexError, lexer.tokens, text)

    def test_what_no_server_scans_is_told_from_what_we_do_not_read(self):
        for text in (
            b"'a",
            b'"a',
            b"$$a",
            b"/* a",
            b"E'a\\",
            b"\x01",
            b"\\",
            b"U&'a",
            b'a ""',
            b'U&""',
            b"'a'\n'b",
        ):
            self.assertRaises(UnscannableError, lexer.tokens, text)
        for text in (
            b"/*" * 9 + b"*/" * 9,
            b"+" * 65 + b"*",
            b"a\0b",
            b"1" + b"_1" * 5000,
            b"'a'\n" * 10_001,
        ):
            with self.assertRaises(LexError) as caught:
                lexer.tokens(text)
            self.assertIs(type(caught.exception), LexError)

    def test_a_word_behind_a_number_is_one_as_older_servers_read_it(self):
        self.assertEqual(pieces(b"1a"), [("n", b"1"), ("i", b"a")])
        self.assertEqual(pieces(b"1FROM t")[1:], [("i", b"FROM"), ("i", b"t")])

    def test_long_literals_are_read_to_their_ends(self):
        for text in (
            b"'" + b"''" * 5000 + b"'",
            b"'" + b"x''" * 5000 + b"'",
            b"E'" + b"\\'" * 5000 + b"'",
            b"E'" + b"''" * 5000 + b"'",
            b"E'" + b"x" * 3_000_000 + b"'",
            b"U&'" + b"''" * 5000 + b"'",
            b'"' + b'""' * 5000 + b'"',
            b"'a'" + b" " * 5000 + b"--x\n" * 5000 + b"'b'",
            b"/*" + b" /* */" * 5000 + b"*/",
            b"1" * 100_000,
        ):
            self.assertEqual([end for _, _, end in lexer.tokens(text)], [len(text)])
            self.assertEqual(lexer.tokens(text + b" a")[1:], [("i", len(text) + 1, len(text) + 2)])

    def test_no_byte_is_read_for_two_operators(self):
        """A run of operators and comments, of which each operator would look to the end."""
        read = []

        class Counted(bytes):
            def __getitem__(self, at):
                found = super().__getitem__(at)
                read.append(len(found) if isinstance(at, slice) else 1)
                return found

        text = Counted(b"1" + b"+/**/" * 2000)
        self.assertEqual(len(lexer.tokens(text)), 4001)
        self.assertLess(sum(read), 70 * len(text))

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


class EitherWay(SynchronousTestCase):
    @given(
        st.lists(
            st.sampled_from(
                [b"\x83", b"\xe4", b"\\", b"'", b"E'", b'"', b"$", b"[", b"a", b"-", b" ", b"\n"]
            ),
            max_size=14,
        ),
        st.lists(st.booleans(), min_size=14, max_size=14),
        st.booleans(),
    )
    def test_whatever_the_encoding_makes_of_it(self, parts, choices, conforming):
        """Where a byte above 127 takes the next one with it, the tokens stay the same."""
        text = b"".join(parts)
        try:
            found = lexer.tokens(text, None)
        except LexError:
            return
        self.assertEqual(lexer.tokens(_taken(text, choices), conforming), found)


def _taken(text, choices):
    """Some bytes above 127 with the one behind them, if that can be the second half of a
    character, as one letter of two bytes."""
    result, at = b"", 0
    for choice in (*choices, *[False] * len(text)):
        pair = text[at : at + 2]
        whole = choice and len(pair) == 2 and pair[0] >= 0x80 and pair[1] >= 0x30
        result += b"\xc3\xa4" if whole else pair[:1]
        at += 2 if whole else 1
    return result
