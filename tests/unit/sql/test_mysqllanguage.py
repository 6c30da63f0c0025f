"""How MySQL's texts are read in each mode of a session, and names of its tables."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import LexError
from acra_twisted.sql.languages import normal
from acra_twisted.sql.mysqllanguage import Mysql
from acra_twisted.sql.tree import Table

MY = Mysql()


class Modes(SynchronousTestCase):
    def test_settings_make_a_mode(self):
        self.assertTrue(MY.mode_of({}).default)
        self.assertTrue(MY.mode_of({"sql_mode": "STRICT_ALL_TABLES,ANSI_QUOTES"}).ansi)
        self.assertFalse(MY.mode_of({"sql_mode": "NO_BACKSLASH_ESCAPES"}).backslash)
        self.assertEqual(MY.mode_of({"character_set_client": "gbk"}).encoding, "")

    def test_settings_of_which_not_all_is_known(self):
        quotes = MY.mode_of({"sql_mode": "ANSI_QUOTES?"})
        self.assertEqual((quotes.backslash, quotes.ansi, quotes.default), (True, None, False))
        modes = MY.mode_of({"sql_mode": "NO_BACKSLASH_ESCAPES?,ANSI_QUOTES?"})
        self.assertEqual((modes.backslash, modes.ansi, modes.encoding), (None, None, "utf-8"))
        characters = MY.mode_of({"character_set_client": "?"})
        self.assertEqual((characters.backslash, characters.ansi), (None, False))

    def test_what_two_modes_read_differently_is_refused_while_they_are_not_known(self):
        changing = MY.mode_of({"sql_mode": "NO_BACKSLASH_ESCAPES?,ANSI_QUOTES?"})
        for text, count in ((b"SELECT 'a\\b', \"c\"", 4), ("SELECT 'é', `a`".encode(), 4)):
            self.assertEqual(len(MY.tokens(text, changing)), count)
        for text in (
            b"SELECT '\\', x",
            b"SELECT '\\' || ' OR '",
            b'SELECT "\\", x',
            b'SELECT "\'", a, "\\"',
            b"SELECT '\xbf\\\\'",
            "SELECT 'é\\\\'".encode(),
            "SELECT 'é`' || '`'".encode(),
        ):
            with self.assertRaises(LexError):
                MY.tokens(text, changing)
        self.assertEqual(len(MY.tokens(b"SELECT '\xbf\\\\'", changing._replace(backslash=True))), 2)

    def test_blanks_beyond_ascii(self):
        """A blank is another character by the character set, which may be unknown."""
        latin1 = MY.mode_of({"character_set_client": "latin1"})
        unknown = MY.mode_of({"character_set_client": "?"})
        for mode in (latin1, unknown):
            for sent in (b"SELECT p\xa0FROM\xa0pw", b"SELECT @a\xc2\xa0FROM t"):
                with self.assertRaises(LexError):
                    MY.tokens(normal(sent, latin1), mode)
        self.assertEqual(len(MY.tokens("SELECT é, '\xa0'".encode(), latin1)), 4)
        self.assertEqual(len(MY.tokens("SELECT a\xa0b".encode(), MY.mode)), 2)

    def test_double_quotes_that_may_be_either_are_read_as_both(self):
        quotes = MY.mode_of({"sql_mode": "ANSI_QUOTES?"})
        self.assertEqual(len(MY.tokens(b'SELECT "a", "b"', quotes)), 4)
        with self.assertRaises(LexError):
            MY.tokens(b'SELECT "a\\" -- " ', quotes)


class Names(SynchronousTestCase):
    def test_of_rules(self):
        self.assertEqual(MY.table("S.`Users`"), Table("s", "users"))
