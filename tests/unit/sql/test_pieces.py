"""Long texts are searched in pieces."""

import re

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sql.pieces import COMMON, SIZE, pieces

WORD = re.compile(rb"(?<![a-z])name(?![a-z])").search
texts = st.lists(
    st.sampled_from([b"name", b"a", b" ", b"xname", b"namex", b"\xc3\xa9", b"-" * 50, b"x" * 150])
).map(b"".join)


class Pieces(SynchronousTestCase):
    @example(b"a" * 50 + b" name" * 5, 20)
    @given(texts, st.integers(0, 300))
    def test_what_stands_together_does_so_in_a_piece(self, text, at):
        found = list(pieces(text, 64, 20))
        self.assertTrue(any(text[at : at + 20] in piece for piece in found))
        self.assertTrue(all(len(piece) <= 64 + 128 + 20 for piece in found))
        self.assertTrue(text.startswith(found[0]) and text.endswith(found[-1]))

    @given(texts)
    def test_a_word_that_is_there_is_found(self, text):
        if WORD(text):
            self.assertTrue(any(WORD(piece) for piece in pieces(text, 64, 20)))

    @given(st.lists(st.sampled_from([b"name ", b"xname ", b"-", b" "])).map(b"".join))
    def test_no_other_is_where_words_are_short(self, text):
        found = any(WORD(piece) for piece in pieces(text, 300, 100))
        self.assertEqual(found, WORD(text) is not None)

    @given(st.text(st.sampled_from("\u00e9\u4e2da "), max_size=400))
    def test_no_character_is_cut(self, text):
        for piece in pieces(text.encode(), 150, 30):
            piece.decode()

    def test_a_short_text_is_one(self):
        for size in (0, 1, SIZE):
            text = b"x" * size
            [piece] = pieces(text)
            self.assertIs(piece, text)

    def test_a_long_text_has_none_that_is_long(self):
        for text in (b"word " * SIZE, b"x" * SIZE * 5, "\u4e2d".encode() * SIZE * 2):
            found = list(pieces(text))
            self.assertLessEqual(max(map(len, found)), SIZE + COMMON)
            self.assertLess(len(found), 8)
