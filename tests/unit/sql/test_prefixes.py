"""Keys of texts whose strings have something in front: all texts of one have the same tokens."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import LexError
from acra_twisted.sql import lexer, mysqllexer
from acra_twisted.sql.prefixes import key_of, may_be_kept, read
from acra_twisted.sql.skeleton import is_plain, split

QUOTES = {"postgresql": b'"', "mysql": b"`"}
TOKENS = {"postgresql": lexer.tokens, "mysql": mysqllexer.tokens}
PREFIXES = ["X", "x", "B", "b", "E", "e", "N", "n", "_binary", "U&", "_utf8"]
STRINGS = ["'41'", "'0101'", "''", "'a'", "'a\\b'", "'a''b'", "'\\'", "'é'", "'--'", "'/*'"]
SOUP = st.lists(
    st.one_of(
        st.builds("{}{}".format, st.sampled_from(PREFIXES), st.sampled_from(STRINGS)),
        st.sampled_from(STRINGS),
        st.sampled_from(
            ["SELECT", "a", '"q"', '"', "`q`", "12", "1.5", "$1", "?", "--", "/*", "*/", "\n"]
            + ["(", ")", ",", ".", "=", "-", "@", "#", "\\", "$$", "'", "X", "E", "é", ";", "::"]
        ),
    ),
    max_size=10,
)


def kept(text, language):
    """The key, if what is worked out for the text may be kept by it."""
    cut = split(text, QUOTES[language])
    if cut is None or is_plain(cut[2]) or not may_be_kept(cut, language):
        return None
    return key_of(cut, language)


class Keys(SynchronousTestCase):
    def test_texts_that_differ_in_what_strings_hold_have_one_key(self):
        for language, one, other in (
            ("mysql", b"SELECT X'41', 1", b"SELECT X'4142ff', 25"),
            ("mysql", b"SELECT b'01'", b"SELECT b'1'"),
            ("mysql", b"INSERT INTO t VALUES (_binary'a')", b"INSERT INTO t VALUES (_binary'')"),
            ("mysql", b"SELECT N'a' FROM `x`", b"SELECT N'' FROM `x`"),
            ("postgresql", b"SELECT E'a', 'x'", b"SELECT E'--', ''"),
            ("postgresql", b"SELECT x'1f'::bit(8)", b"SELECT x'00'::bit(8)"),
        ):
            with self.subTest(text=one):
                self.assertIsNotNone(kept(one, language))
                self.assertEqual(kept(one, language), kept(other, language))

    def test_prefixes_are_told_apart(self):
        texts = [b"SELECT X'1'", b"SELECT b'1'", b"SELECT n'1'", b"SELECT _binary'1'"]
        keys = {kept(text, "mysql") for text in texts}
        self.assertEqual(len(keys - {None}), len(texts))

    def test_what_only_the_lexer_can_read_has_none(self):
        for language, text in (
            ("mysql", b"SELECT X'4g'"),
            ("mysql", b"SELECT b'2'"),
            ("mysql", rb"SELECT _binary'a\'"),
            ("mysql", b"SELECT X'41' 'a'"),
            ("mysql", b"SELECT aX'41'"),
            ("mysql", b"SELECT t.X'41'"),
            ("mysql", b"SELECT @X'41'"),
            ("mysql", b"SELECT X'41' -- a"),
            ("mysql", b"SELECT E'a'"),
            ("mysql", b"SELECT 'a'"),
            ("postgresql", rb"SELECT E'a\'"),
            ("postgresql", rb"SELECT E'\x41'"),
            ("postgresql", b"SELECT U&'a'"),
            ("postgresql", b"SELECT U&E'a'"),
            ("postgresql", b"SELECT E'a'\n'b'"),
            ("postgresql", b"SELECT X'41'y"),
            ("postgresql", b"SELECT N'a'"),
        ):
            self.assertIsNone(kept(text, language), text)

    def test_the_literals_are_those_of_the_lexer(self):
        cut = split(b"SELECT 1, X'41', 'a', _binary'b', n'c'", b"`")
        found = {1: ("x", b"X'41'"), 3: ("s", b"'b'"), 4: ("s", b"n'c'")}
        self.assertEqual(read(cut, "mysql"), found)

    @settings(max_examples=600)
    @given(st.sampled_from(sorted(QUOTES)), SOUP, st.data())
    def test_texts_of_a_key_are_read_as_the_lexer_reads_them(self, language, parts, data):
        """Others are made of the text by other strings in the same places."""
        swapped = [
            part[: part.index("'")] + data.draw(st.sampled_from(STRINGS))
            if part.endswith("'") and len(part) > 1
            else part
            for part in parts
        ]
        for joint in (" ", ""):
            text, other = (joint.join(one).encode() for one in (parts, swapped))
            key = kept(text, language)
            if key is None:
                continue
            shape = self.check(text, language)
            cut = split(other, QUOTES[language])
            if cut is not None and key_of(cut, language) == key:
                self.assertEqual(self.check(other, language), shape, (text, other))

    def check(self, text, language):
        """Return the tokens without their literals, which are those of the key."""
        try:
            tokens = TOKENS[language](text)
        except LexError:
            return None
        cut = split(text, QUOTES[language])
        special = read(cut, language)
        found = [(kind, text[start:end]) for kind, start, end in tokens if kind in lexer.LITERALS]
        plain = enumerate(cut[1])
        self.assertEqual([raw for _, raw in found], [special.get(n, (0, p))[1] for n, p in plain])
        for number, (kind, _) in special.items():
            self.assertEqual(found[number][0], kind, text)
        return [
            (kind, b"" if kind in lexer.LITERALS else text[start:end])
            for kind, start, end in tokens
        ]
