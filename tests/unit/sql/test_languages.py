"""Modes of a session, names of rules, limits before any parser."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import LexError, TooCostlyError
from acra_twisted.sql.languages import LANGUAGES, bound, normal
from acra_twisted.sql.tree import Table

PG, MY = LANGUAGES["postgresql"], LANGUAGES["mysql"]


class Modes(SynchronousTestCase):
    def test_postgresql(self):
        self.assertTrue(PG.mode_of({}).default)
        off = PG.mode_of({"standard_conforming_strings": "off"})
        self.assertEqual((off.backslash, off.default), (True, False))
        self.assertEqual(PG.mode_of({"client_encoding": "LATIN1"}).encoding, "iso8859-1")
        for name in ("SJIS", "BIG5", "GBK", "nonsense"):
            self.assertEqual(PG.mode_of({"client_encoding": name}).encoding, "")

    def test_mysql(self):
        self.assertTrue(MY.mode_of({}).default)
        self.assertTrue(MY.mode_of({"sql_mode": "STRICT_ALL_TABLES,ANSI_QUOTES"}).ansi)
        self.assertFalse(MY.mode_of({"sql_mode": "NO_BACKSLASH_ESCAPES"}).backslash)
        self.assertEqual(MY.mode_of({"character_set_client": "gbk"}).encoding, "")

    def test_mysql_of_which_not_all_is_known(self):
        quotes = MY.mode_of({"sql_mode": "ANSI_QUOTES?"})
        self.assertEqual((quotes.backslash, quotes.ansi, quotes.default), (True, None, False))
        modes = MY.mode_of({"sql_mode": "NO_BACKSLASH_ESCAPES?,ANSI_QUOTES?"})
        self.assertEqual((modes.backslash, modes.ansi, modes.encoding), (None, None, "utf-8"))
        characters = MY.mode_of({"character_set_client": "?"})
        self.assertEqual((characters.backslash, characters.ansi), (None, False))

    def test_what_two_modes_of_mysql_read_differently_is_refused_while_they_are_not_known(self):
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

    def test_mysql_s_blanks_beyond_ascii(self):
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

    def test_text_in_utf8(self):
        self.assertEqual(normal(b"\xe9", PG.mode_of({"client_encoding": "LATIN1"})), "é".encode())
        for text, settings in ((b"\xe9", {}), (b"a", {"client_encoding": "SJIS"})):
            with self.assertRaises(LexError):
                normal(text, PG.mode_of(settings))

    def test_what_two_settings_read_differently_is_refused_while_one_is_changing(self):
        changing = PG.mode._replace(backslash=None)
        self.assertEqual(len(PG.tokens(rb"SELECT 'a\b', E'\''", changing)), 4)
        self.assertEqual(len(PG.tokens(b"SELECT '\xc3\\d', E'\xc3\\n'", changing)), 4)
        self.assertEqual(
            len(PG.tokens(b"SELECT '\xc3[', \"\xc3@\", a\xc3b /* \xc3| */", changing)), 7
        )
        for text in (
            rb"SELECT '\', x",
            rb"SELECT '\' || ' OR '",
            b"SELECT '\xc3\\'",
            b"SELECT E'\xc3\\\\'",
            b"SELECT a\xc3[1]",
            b"SELECT a\xc3@b",
            b"SELECT $\xc3$x$\xc3$",
        ):
            with self.assertRaises(LexError):
                PG.tokens(text, changing)

    def test_strings_with_backslashes_are_parsed_as_the_session_reads_them(self):
        mode = PG.mode_of({"standard_conforming_strings": "off"})
        text = rb"SELECT '\' FROM a -- ' FROM b"
        [parsed] = PG.parse(text, PG.tokens(text, mode), mode)
        self.assertEqual(parsed.tables, {Table("", "b")})
        [parsed] = PG.parse(text, PG.tokens(text, PG.mode), PG.mode)
        self.assertEqual(parsed.tables, {Table("", "a")})


class Names(SynchronousTestCase):
    def test_postgresql(self):
        self.assertEqual(PG.table("Users"), Table("", "users"))
        self.assertEqual(PG.table('S."U ""x"'), Table("s", 'U "x'))

    def test_mysql(self):
        self.assertEqual(MY.table("S.`Users`"), Table("s", "users"))

    def test_what_is_no_name(self):
        for text in ("", "a b", "a.", ".a", 'a"b'):
            with self.assertRaises(ValueError):
                PG.table(text)


class Limits(SynchronousTestCase):
    def bound(self, text, limit=16_000, language=PG):
        bound(language, text, language.tokens(text, language.mode, 1_000_000), limit)

    def test_refused(self):
        for text in (
            b"SELECT " + b"(" * 101 + b"1" + b")" * 101,
            b"SELECT 1" + b"+1" * 8000,
            b"SELECT " + b"a" * 260_000,
        ):
            with self.assertRaises(LexError):
                self.bound(text)
        with self.assertRaisesRegex(TooCostlyError, "max_structure allows 4000 "):
            self.bound(b"SELECT 1" + b"+1" * 2000, language=MY)

    def test_what_is_within_the_limit(self):
        for text in (
            b"SELECT 1;" * 5000,
            b"SELECT 1" + b"+1" * 7900,
            b"SELECT '" + b"a" * 2_000_000 + b"'",
            b"SELECT " + b"a" * 16_000,
        ):
            self.bound(text)
