"""Keys of texts whose strings are not plain: all texts of one have the same tokens."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import LexError
from acra_twisted.sql import lexer, mysqllexer
from acra_twisted.sql.oddstrings import LONGEST, cut, kind_of
from acra_twisted.sql.skeleton import is_plain, split

QUOTES = {"postgresql": b'"', "mysql": b"`"}
TOKENS = {"postgresql": lexer.tokens, "mysql": mysqllexer.tokens}
PREFIXES = ["", "X", "x", "B", "b", "E", "e", "N", "n", "_binary", "U&", "_utf8"]
STRINGS = [
    *("'41'", "'0101'", "''", "'a'", "'a\\b'", "'a\\'b'", "'a''b'", "''''", "'\\'", "'\\\\'"),
    *("'é'", "'--'", "'/*'", "'\\x41'", "'\\101'", "'\\é'", "'\n'", "'\"'", "'`'"),
]
DOUBLE = ['"a"', '""', '"a""b"', '"a\\"b"', '"it\'s"', '"\'"', '"\\\\"', '"\\"', '"\u00e9"', '"--"']
ODDMENTS = [
    *("SELECT", "a", '"q"', '"', "`q`", "12", "1.5", "$1", "?", "--", "/*", "*/", "\n", "0x4f"),
    *("0x", "(", ")", ",", ".", "=", "-", "@", "#", "\\", "$$", "'", "X", "E", "é", ";", "::"),
]
STRING = st.builds("{}{}".format, st.sampled_from(PREFIXES), st.sampled_from(STRINGS))
SOUP = st.lists(
    st.one_of(STRING, STRING, st.sampled_from(DOUBLE), st.sampled_from(ODDMENTS)), max_size=10
)


def kept(text, language):
    """The key, if what is worked out for the text may be kept by it."""
    found = cut(text, language)
    return found[0] if found is not None and is_plain(found[2]) else None


def read(text, language):
    """The tokens without their literals, and the literals; None where there are none."""
    try:
        tokens = TOKENS[language](text)
    except LexError:
        return None
    literals = [(kind, text[a:b]) for kind, a, b in tokens if kind in lexer.LITERALS]
    shape = [(kind, b"" if kind in lexer.LITERALS else text[a:b]) for kind, a, b in tokens]
    return shape, literals


class Keys(SynchronousTestCase):
    def test_texts_that_differ_in_what_strings_hold_have_one_key(self):
        for language, *texts in (
            ("mysql", b"SELECT X'41', 1", b"SELECT X'4142ff', 25"),
            ("mysql", b"SELECT 0x41", b"SELECT 0xfF00"),
            ("mysql", b"SELECT b'01', ''''", b"SELECT b'1', 'a'"),
            ("mysql", b"INSERT INTO t VALUES (_binary'a')", rb"INSERT INTO t VALUES (_binary'\0')"),
            ("mysql", b"SELECT N'a' FROM `x`", rb"SELECT N'\'' FROM `x`"),
            ("mysql", rb"SELECT 'it\'s', 1", b"SELECT 'it''s', 2", rb"SELECT '\\', 3"),
            ("mysql", b'SELECT "a", 1', rb'SELECT "it\"s", 2', b"""SELECT "it's", 3"""),
            ("mysql", b"SELECT _utf8mb4'a'", rb"SELECT _utf8mb4'it\'s'"),
            ("mysql", rb"SELECT '\n'", "SELECT 'é\\'é'".encode()),
            ("postgresql", b"SELECT E'a', 'x'", rb"SELECT E'it\'s\n', ''''"),
            ("postgresql", b"SELECT x'1f'::bit(8)", b"SELECT x'00'::bit(8)"),
            ("postgresql", b"SELECT 'it''s'", b"SELECT 'a''''b'"),
        ):
            with self.subTest(text=texts[0]):
                keys = {kept(text, language) for text in texts}
                self.assertEqual(len(keys), 1)
                self.assertNotIn(None, keys)

    def test_kinds_are_told_apart(self):
        texts = ["X'1'", "b'1'", "n'1'", "_binary'1'", "0x1", "'1'''", "x'1'"]
        texts += ['"1"', "_utf8'1'", "_latin1'1'"]
        keys = {kept(b"SELECT " + text.encode(), "mysql") for text in texts}
        self.assertEqual(len(keys - {None}), len(texts))
        self.assertEqual(
            [
                kind_of(one)
                for one in (b"1", b"'x'", b'"x"', b"n'a'", b"X'1'", b"0x1", b"b'1'", b"E'a'")
            ],
            ["n", "s", "s", "s", "x", "x", "b", "e"],
        )

    def test_no_skeleton_has_one_of_these_keys(self):
        key = kept(b"SELECT X'41'", "mysql")
        for byte in range(256):
            text = bytes((byte,)) + b"SELECT X'zz'"
            for found in (split(text, b"`"), cut(text, "mysql")):
                self.assertFalse(found is not None and found[0] == key, byte)

    def test_what_only_the_lexer_can_read_has_none(self):
        for language, text in (
            ("mysql", b"SELECT X'4g'"),
            ("mysql", b"SELECT 0x4g"),
            ("mysql", b"SELECT b'2'"),
            ("mysql", rb"SELECT _binary'a\'"),
            ("mysql", b"SELECT X'41' 'a'"),
            ("mysql", b"SELECT aX'41'"),
            ("mysql", b"SELECT t.X'41'"),
            ("mysql", b"SELECT @X'41'"),
            ("mysql", b"SELECT X'41' -- a"),
            ("mysql", b"SELECT E'a'"),
            ("mysql", b"SELECT 'a'"),
            ("mysql", rb'SELECT "a", "\"'),
            ("mysql", b'SELECT @"a"'),
            ("mysql", b'SELECT x"41"'),
            ("mysql", b'SELECT "a" "b"'),
            ("mysql", b"SELECT \"a\" 'b'"),
            ("mysql", b"SELECT a_utf8'a'"),
            ("mysql", b"SELECT 'it\\'s \xff'"),
            ("mysql", b"SELECT '\\'\x02'"),
            ("mysql", b"SELECT '\\\0'"),
            ("postgresql", rb"SELECT E'a\'"),
            ("postgresql", rb"SELECT E'\x41'"),
            ("postgresql", b"SELECT U&'a'"),
            ("postgresql", b"SELECT U&E'a'"),
            ("postgresql", b"SELECT E'a'\n'b'"),
            ("postgresql", b"SELECT X'41'y"),
            ("postgresql", b"SELECT N'a'"),
        ):
            self.assertIsNone(kept(text, language), text)

    def test_a_string_without_an_end(self):
        for language in QUOTES:
            for text in (rb"SELECT '" + rb"\'" * 6_000, b"SELECT E'" + b"''" * 6_000 + b"\0"):
                self.assertIsNone(cut(text, language))

    def test_so_much_is_read_and_no_more(self):
        text = b"SELECT ''''"
        self.assertIsNotNone(cut(text.ljust(LONGEST), "mysql"))
        self.assertIsNone(cut(text.ljust(LONGEST + 1), "mysql"))
        self.assertIsNotNone(cut(b"SELECT ''''" + b", 1" * 255, "mysql"))
        self.assertIsNone(cut(b"SELECT ''''" + b", 1" * 256, "mysql"))

    @settings(max_examples=800)
    @given(st.sampled_from(sorted(QUOTES)), SOUP, st.data())
    def test_texts_of_a_key_are_read_as_the_lexer_reads_them(self, language, parts, data):
        """Others are made of the text by other strings in the same places."""

        def swap(part):
            if part in DOUBLE and language == "mysql":
                return data.draw(st.sampled_from(DOUBLE))
            if "'" not in part:
                return part
            return part[: part.index("'")] + data.draw(st.sampled_from(STRINGS))

        swapped = [swap(part) for part in parts]
        for joint in (" ", ""):
            text, other = (joint.join(one).encode() for one in (parts, swapped))
            key = kept(text, language)
            if key is None:
                continue
            found = read(text, language)
            if found is None:
                # Refused by the lexer: nothing is worked out for it, so nothing is kept.
                continue
            self.check_literals(text, language, found)
            others = cut(other, language)
            if others is not None and others[0] == key:
                again = read(other, language)
                self.assertIsNotNone(again, (text, other))
                self.assertEqual(again[0], found[0], (text, other))
                self.check_literals(other, language, again)

    def check_literals(self, text, language, found):
        literals = [(kind_of(one), one) for one in cut(text, language)[1]]
        self.assertEqual(literals, found[1], text)
