"""Names in statements."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.mysql import names
from acra_twisted.encryption.mysql.cursor import Cursor, UnreadableError
from acra_twisted.sql import mysqllexer


def cursor(text):
    tokens = mysqllexer.tokens(text)
    return Cursor(text, tokens, {start: at for at, (_, start, _) in enumerate(tokens)})


class Names(SynchronousTestCase):
    def test_quotes_and_words(self):
        for text, name in ((b"people", "people"), (b"`a``b`", "a`b"), (b"`select`", "select")):
            self.assertEqual(names.name(cursor(text)), name)
        for text in (b"select", b"'people'", b"1", b""):
            with self.assertRaises(UnreadableError):
                names.name(cursor(text))

    def test_behind_a_dot_any_word_is_one(self):
        self.assertEqual(names.path(cursor(b"shop.people.select")), ["shop", "people", "select"])
        at = cursor(b"people.*")
        self.assertEqual(names.path(at), ["people"])
        self.assertEqual(at.here, ".")

    def test_an_alias_is_no_word_of_the_clause_behind(self):
        for text in (b"WHERE", b"on", b"SET", b"FORCE", b"limit", b""):
            self.assertEqual(names.alias(cursor(text)), "")
        for text in (b"p", b"AS p", b"`p`", b"as `p`"):
            self.assertEqual(names.alias(cursor(text)), "p")
        at = cursor(b"AS 'p'")
        self.assertEqual(names.alias(at, strings=True), "p")
        self.assertEqual(at.deciding, {1})
        self.assertEqual(names.alias(cursor(b"'p'")), "")

    def test_a_list(self):
        self.assertEqual(names.listed(cursor(b"(a, `b`)")), ["a", "b"])
        with self.assertRaises(UnreadableError):
            names.listed(cursor(b"(a b)"))
