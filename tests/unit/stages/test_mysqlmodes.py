"""The way in which a session's texts are read by MySQL."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.mysql import roles
from acra_twisted.exchange import Exchange, Statement
from acra_twisted.outstanding import FORWARD
from acra_twisted.stages.mysqlmodes import (
    DATABASE,
    RIGHTS,
    ROLE,
    RUNS,
    TABLES,
    character_set_of,
    database_of,
    encoding_of,
    is_moving,
    may_move,
    mode_of,
    result_encoding_of,
    result_set_of,
)
from tests.support.sessions import make_session


class Modes(SynchronousTestCase):
    def session(self, charset=b"utf8mb4", modes=b""):
        session = make_session()
        session.parameters = {b"sql_mode": modes, b"character_set_client": charset}
        return session

    def test_a_session_s_settings(self):
        mode = mode_of(self.session())
        self.assertEqual((mode.backslash, mode.ansi, mode.encoding), (True, False, "utf-8"))
        mode = mode_of(self.session(b"latin1", b"ANSI_QUOTES,NO_BACKSLASH_ESCAPES"))
        self.assertEqual((mode.backslash, mode.ansi, mode.encoding), (False, True, "mysql_latin1"))

    def test_settings_that_may_be_changing(self):
        session = self.session()
        session.in_flight = True
        mode = mode_of(session)
        self.assertEqual((mode.backslash, mode.ansi), (None, None))
        self.assertEqual(mode_of(session, True).backslash, True)

    def test_character_sets(self):
        self.assertEqual(character_set_of(self.session()), "utf8mb4")
        self.assertEqual(encoding_of(self.session()), "utf-8")
        self.assertEqual(encoding_of(self.session(b"cp1251")), "cp1251")
        for unknown in (b"?", b"gbk", b"klingon"):
            self.assertEqual(encoding_of(self.session(unknown)), "")
        self.assertEqual(character_set_of(self.session(b"?")), "")

    def test_the_character_set_of_results(self):
        session = self.session(b"latin1")
        for told, name, codec in (
            (b"ucs2", "ucs2", "mysql_ucs2"),
            (b"", "utf8mb4", "utf-8"),
            (b"binary", "binary", "utf-8"),
            (b"?", "latin1", "mysql_latin1"),
        ):
            session.parameters = {**session.parameters, b"character_set_results": told}
            self.assertEqual((result_set_of(session), result_encoding_of(session)), (name, codec))
        self.assertEqual(result_set_of(self.session(b"?")), "")

    def test_the_database_of_names(self):
        session = self.session()
        for name, expected in ((b"", ""), (b"shop", "shop"), ("é".encode(), "é"), (b"\xe9", None)):
            session.database = name
            self.assertEqual(database_of(session), expected)
        session = self.session(b"latin1")
        session.database = b"\xe9"
        self.assertIsNone(database_of(session))


class Moving(SynchronousTestCase):
    def test_what_a_text_may_change_of_what_is_seen(self):
        for text, expected in (
            (b"SET ROLE r", ROLE),
            (b"set /* of mine */ role r", ROLE),
            (b"/*!50000 SET */\xa0ROLE r", DATABASE | ROLE),
            (b"UPDATE users SET role = 'a'", 0),
            (b"SELECT role FROM users", 0),
            (b"SET @a = 1, ROLE r", ROLE),
            (b"GRANT r TO u", RIGHTS),
            (b"SET DEFAULT ROLE r FOR u", RIGHTS),
            (b"REVOKE r FROM u", RIGHTS),
            (b"/*!50000SET ROLE r*/", DATABASE | ROLE),
            (b"/*M!100100GRANT r TO u*/", DATABASE | RIGHTS),
            (b"USE x", DATABASE),
            (b"DROP TABLE t", TABLES),
            (b"DO 1; rename table t to u", TABLES),
            (b"/*!50000ALTER TABLE t RENAME u*/", DATABASE | TABLES),
            (b"DROP TEMPORARY TABLE t", 0),
            (b"DO 1; call gone()", RUNS),
            (b"EXECUTE IMMEDIATE 'DR' 'OP TABLE t'", DATABASE | TABLES),
            (b"SELECT callers, executed FROM t", 0),
            (b"SELECT dropped, renames, alternative FROM t", 0),
        ):
            self.assertEqual(may_move(text), expected, text)

    def test_texts_that_may_make_another_database_the_session_s(self):
        for text in (b"USE other", b"select 1; use `x`", b"EXECUTE IMMEDIATE @a", b"/*!use*/ x"):
            self.assertTrue(may_move(text), text)
        for text in (b"SELECT user FROM house", b"SELECT because"):
            self.assertFalse(may_move(text), text)

    def test_huge_texts_are_not_searched_for_words(self):
        for text, small, huge in (
            (b"SELECT because", 0, DATABASE),
            (b"SELECT EXECUTED", 0, DATABASE | TABLES),
            (b"SELECT 'granted'", 0, RIGHTS),
            (b"SELECT 'defaults', 'roles'", 0, RIGHTS),
            (b"SELECT 'roles'", 0, 0),
            (b"SELECT a", 0, 0),
            (b"SELECT dropped", 0, TABLES),
            (b"SELECT callers", 0, RUNS),
            (b"GRANT r TO u", RIGHTS, RIGHTS),
            (b"USE x", DATABASE, DATABASE),
        ):
            self.assertEqual(may_move(text), small, text)
            self.assertEqual(may_move(text + b" " * roles.HUGE), huge, text)

    def test_requests_that_are_unanswered(self):
        for kind, text, expected in (
            ("query", b"SELECT 1", False),
            ("query", b"USE x", True),
            ("init_db", None, True),
            ("change_user", None, True),
            ("ping", None, False),
            ("query", b"SELECT '" + b"x" * roles.HUGE + b"'", True),
        ):
            session = make_session()
            statement = None if text is None else Statement(text)
            exchange = Exchange(session, kind, statement, 1)
            session.outstanding.append((FORWARD, 0, exchange, None))
            self.assertIs(is_moving(session), expected, kind)
        session = make_session()
        session.outstanding.append((FORWARD, 0, None, None))
        self.assertFalse(is_moving(session))
