"""Names of a text that no parser reads."""

import pgparse
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import LexError
from acra_twisted.sql import lexer, words


def read(text):
    raw = text.encode()
    return words.read(raw, lexer.tokens(raw))


class Names(SynchronousTestCase):
    def test_every_spelling(self):
        for text in (
            "FROM secrets",
            "FROM SECRETS",
            'FROM "secrets"',
            r'FROM U&"\0073ecrets"',
            r'FROM u&"secret\0073"',
            r'FROM U&"\+000073ecrets"',
            "FROM U&\"!0073ecrets\" UESCAPE '!'",
            "FROM U&\"!0073ecrets\" /* x */ uescape -- y\n '!'",
            'FROM s."secrets"',
            "FROM/**/secrets",
        ):
            self.assertIn("secrets", read(text).names, text)
        for text in ('FROM "Secrets"', r'FROM U&"\0053ecrets"', r'FROM U&"\\0073ecrets"'):
            self.assertNotIn("secrets", read(text).names, text)
        self.assertEqual(read("x" * 70).names, {"x" * 63})
        self.assertEqual(read(r'U&"\d83d\de00"').names, {"\U0001f600"})
        self.assertEqual(read('"a""b"').names, {'a"b'})

    def test_names_that_are_not_read_for_sure_are_refused(self):
        for text in (
            r'U&"\00"',
            r'U&"\d83d"',
            r'U&"\+110000"',
            r'U&"\0000"',
            "U&\"a\" UESCAPE E'!'",
            "U&\"a\" UESCAPE '!!'",
            "U&\"a\" UESCAPE 'a'",
            'U&"a" UESCAPE',
        ):
            self.assertRaises(LexError, read, text)

    @given(st.text(st.sampled_from("abÄ漢\U0001f600\\\"'! "), min_size=1, max_size=70))
    def test_as_the_grammar_reads_it(self, name):
        escaped = "".join(c if c.isalnum() and c < "z" else f"!+{ord(c):06x}" for c in name)
        text = f"SELECT 1 FROM U&\"{escaped}\" UESCAPE '!'"
        [statement] = pgparse.parse(text)
        expected = statement["stmt"]["SelectStmt"]["fromClause"][0]["RangeVar"]["relname"]
        self.assertIn(expected, read(text).names)


class Unseen(SynchronousTestCase):
    def test_first_words(self):
        for text in ("DO $$x$$", "SELECT 1; CALL p()", "EXPLAIN EXECUTE s", "TRUNCATE t CASCADE"):
            self.assertTrue(read(text).is_unseen, text)
        for text in ("SELECT do, call FROM t", "SELEC 1", "WITH x AS (TABLE t) TABLE x", "BEGIN"):
            self.assertFalse(read(text).is_unseen, text)
