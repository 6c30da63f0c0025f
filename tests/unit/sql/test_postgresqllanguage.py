"""How PostgreSQL's texts are read in each mode of a session, and names of its tables."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import LexError
from acra_twisted.sql.postgresqllanguage import Postgresql
from acra_twisted.sql.tree import Table

PG = Postgresql()


class Modes(SynchronousTestCase):
    def test_settings_make_a_mode(self):
        self.assertTrue(PG.mode_of({}).default)
        off = PG.mode_of({"standard_conforming_strings": "off"})
        self.assertEqual((off.backslash, off.default), (True, False))
        self.assertEqual(PG.mode_of({"client_encoding": "LATIN1"}).encoding, "iso8859-1")
        for name in ("SJIS", "BIG5", "GBK", "nonsense"):
            self.assertEqual(PG.mode_of({"client_encoding": name}).encoding, "")

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
    def test_of_rules(self):
        self.assertEqual(PG.table("Users"), Table("", "users"))
        self.assertEqual(PG.table('S."U ""x"'), Table("s", 'U "x'))
