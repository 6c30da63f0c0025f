"""Keys of texts by their tokens: what a parser is shown is a part of them."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.censor.fullkey import full_key
from acra_twisted.sql.languages import LANGUAGES


def key(db, text, **changes):
    language = LANGUAGES[db]
    mode = language.mode._replace(**changes)
    return full_key(text, language.tokens(text, mode), mode, db != "mysql")


class Keys(SynchronousTestCase):
    def test_values_are_no_part_of_it(self):
        for db, one, other in (
            ("mysql", b"SELECT 'a', 1", rb"SELECT 'it\'s\x', 2"),
            ("mysql", b"SELECT 'a'", b"SELECT 'a''b -- c'"),
            ("postgresql", b"SELECT 'a', 1", b"SELECT 'it''s', 2"),
            ("postgresql", b"SELECT E'a'", rb"SELECT E'it\'s\n\\x'"),
        ):
            self.assertEqual(key(db, one), key(db, other), other)

    def test_what_postgresql_reads_of_a_literal_is_a_part_of_it(self):
        for escapes in (rb"\x41", rb"\101", rb"\u0041", rb"\U00000041", rb"\\\x41"):
            self.assertNotEqual(
                key("postgresql", b"SELECT E'a'"),
                key("postgresql", b"SELECT E'" + escapes + b"'"),
                escapes,
            )
        unicode = b"SELECT U&'%b'"
        self.assertNotEqual(key("postgresql", unicode % b"a"), key("postgresql", unicode % b"b"))

    def test_kinds_and_words_are_parts_of_it(self):
        texts = (b"SELECT 'a'", b"SELECT X'41'", b"SELECT 1", b"SELECT a", b"SELECT 'a' b")
        self.assertEqual(len({key("mysql", text) for text in texts}), len(texts))

    def test_a_number_and_a_word_in_one_are_told_from_two(self):
        self.assertNotEqual(key("postgresql", b"SELECT 1 a"), key("postgresql", b"SELECT 1a"))

    def test_modes_are_parts_of_it(self):
        text = b"SELECT 'a'"
        self.assertNotEqual(key("mysql", text), key("mysql", text, backslash=False))
        self.assertNotEqual(key("mysql", text), key("mysql", text, ansi=True))
