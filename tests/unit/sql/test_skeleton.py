"""Skeletons: only what can be read in one way, and then as the full lexer reads it."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import LexError
from acra_twisted.sql import lexer, mysqllexer
from acra_twisted.sql.skeleton import is_plain, split

SOUP = st.lists(
    st.sampled_from(
        [b"SELECT", b"a", b"'x'", b"''", b"'", b'"q"', b'"', b"`q`", b"12", b"1.5", b".5", b"1e3"]
        + [b"$1", b"?", b"--", b"/*", b"*/", b"\n", b" ", b"(", b")", b",", b".", b"E'", b"U&'"]
        + [b"N'a'", b"=", b"-", b"+", b"\\", b"$$", b"#", b"@", b"x'1f'", b"\x01", b"\x04", b"a1"]
    ),
    max_size=14,
)


class Split(SynchronousTestCase):
    def test_the_key_has_marks_for_literals(self):
        found = split(b"SELECT a FROM t WHERE b = 'x' AND c1 = 25", b'"')
        self.assertEqual(found[0], b"SELECT a FROM t WHERE b = \x01 AND c1 = \x04")
        self.assertEqual(found[1], [b"'x'", b"25"])
        self.assertTrue(is_plain(found[2]))

    def test_names_stay_in_the_key(self):
        found = split(b'SELECT "a 1" FROM "t" WHERE b = 1', b'"')
        self.assertEqual(found[0], b'SELECT "a 1" FROM "t" WHERE b = \x04')
        self.assertTrue(is_plain(found[2]))

    def test_forged_marks_and_bad_bytes_are_not_split(self):
        for text in (b"SELECT \x01", b"SELECT \x04", b"SELECT \x02", b"SELECT '\xff'"):
            self.assertIsNone(split(text, b'"'))

    def test_what_may_be_read_in_two_ways_is_not_plain(self):
        for text in (b"SELECT 'a' 'b'", b"SELECT E'a'", b"SELECT 1 -- 'x'", b"SELECT 'a\\'b'"):
            self.assertFalse(is_plain(split(text, b'"')[2]), text)

    def check(self, text, quote, tokens):
        found = split(text, quote)
        if found is None or not is_plain(found[2]):
            return
        try:
            full = tokens(text)
        except LexError:
            # Refused by the lexer: such a plan is never made, so the key is never kept.
            return
        literals = [text[a:b] for kind, a, b in full if kind in lexer.LITERALS]
        self.assertEqual(found[1], literals)

    @settings(max_examples=400)
    @given(SOUP)
    def test_plain_texts_have_the_literals_of_the_full_lexer(self, parts):
        for text in (b"".join(parts), b" ".join(parts)):
            self.check(text, b'"', lexer.tokens)
            self.check(text, b"`", mysqllexer.tokens)
