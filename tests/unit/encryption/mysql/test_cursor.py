"""Steps through tokens."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.mysql.cursor import MAX_DEPTH, Cursor, UnreadableError
from acra_twisted.sql import mysqllexer


def cursor(text):
    return Cursor(text, mysqllexer.tokens(text), {})


class Steps(SynchronousTestCase):
    def test_words_in_any_case_and_never_names_in_quotes(self):
        at = cursor(b"Select `from` 'where'")
        self.assertTrue(at.takes("insert", "select"))
        self.assertFalse(at.takes("from"))
        self.assertEqual(at.here, "")
        at.step()
        self.assertFalse(at.takes("where", ""))

    def test_words_in_a_row_or_none_of_them(self):
        at = cursor(b"ORDER BY a")
        self.assertFalse(at.takes_all("order", "for"))
        self.assertTrue(at.takes_all("order", "by"))
        self.assertEqual(at.here, "a")

    def test_the_end_stays(self):
        at = cursor(b"a")
        for _ in range(3):
            at.step()
        self.assertEqual((at.kind, at.start, at.behind(5)), ("end", 1, ""))
        self.assertRaises(UnreadableError, at.expect, "b")

    def test_depth_is_bounded(self):
        at = cursor(b"a")
        for _ in range(MAX_DEPTH):
            at.enter()
        self.assertRaises(UnreadableError, at.enter)
