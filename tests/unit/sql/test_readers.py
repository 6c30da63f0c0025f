"""The languages that can be read; none is read by the words of another."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import LexError, TooCostlyError
from acra_twisted.sql.languages import LANGUAGES
from acra_twisted.sql.readers import READERS


class Readers(SynchronousTestCase):
    def test_there_is_one_for_each_language(self):
        self.assertEqual(set(READERS), set(LANGUAGES))
        for name, reader in READERS.items():
            self.assertEqual(reader.quote, LANGUAGES[name].quote)

    def test_texts_without_literals_and_comments(self):
        for text in (b"SELECT a FROM t WHERE b = 1", b"a - b / c"):
            for reader in READERS.values():
                self.assertTrue(reader.has_plain_words_only(text))
        for text in (b"'", b'"', b"\\", b"a--b", b"a/*"):
            for reader in READERS.values():
                self.assertFalse(reader.has_plain_words_only(text))
        for text in (b"#", b"`", b"@x"):
            self.assertFalse(READERS["mysql"].has_plain_words_only(text))
        self.assertFalse(READERS["postgresql"].has_plain_words_only(b"$"))

    def test_tokens_are_counted(self):
        for reader in READERS.values():
            self.assertEqual(len(reader.tokens(b"a 'b'", True, 2)), 2)
            self.assertRaises(TooCostlyError, reader.tokens, b"a 'b' c", True, 2)
            self.assertRaises(LexError, reader.tokens, b"'", True, 2)

    def test_the_first_tokens_of_a_text_that_is_certain(self):
        reader = READERS["postgresql"]
        self.assertEqual(len(reader.first_tokens(b"a b c d", True, 3)), 3)
        self.assertEqual(reader.first_tokens(b"a b c d", None, 3), [])
        self.assertEqual(reader.first_tokens(rb"a '\'' c", True, 3), [])

    def test_a_number_behind_what_may_be_a_blank_is_hidden(self):
        reader = READERS["mysql"]
        text = b"a \xa05551234 x\xc2\xa012 b2"
        found = [(kind, text[a:b]) for kind, a, b in reader.tokens(text, False, 9)]
        expected = [("i", b"a"), ("n", b"\xa05551234"), ("n", b"x\xc2\xa012"), ("i", b"b2")]
        self.assertEqual(found, expected)

    def test_what_may_be_a_comment_is_not_read(self):
        reader = READERS["mysql"]
        for text in (b"SELECT 1 --\xa0 secret", "SELECT a--é".encode(), b"--\x85'"):
            for conforming in (True, False, None):
                self.assertRaises(LexError, reader.tokens, text, conforming, 9)
        self.assertEqual(len(reader.tokens("SELECT -é, '--\xa0'".encode(), False, 9)), 5)
