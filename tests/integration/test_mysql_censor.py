"""AcraCensor before MariaDB, and before what stands in for MySQL: denials, evasions and modes."""

import json
import tempfile
from contextlib import closing
from pathlib import Path

import pymysql
from pymysql.constants import CLIENT, SERVER_STATUS
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.mysql.modequestions import TEXT as ASKED
from tests.integration.base import eventually
from tests.support import classmariadb, mysqlsteps
from tests.support.evasions import EVASIONS
from tests.support.fakemysql import FakeMySQL
from tests.support.mysqldaemon import MysqlServer

RULES = """version: 0.85.0
ignore_parse_error: false
parse_errors_log: {folder}/unparsed.jsonl
handlers:
  - handler: query_capture
    filepath: {folder}/captured.jsonl
  - handler: allow
    queries: ["CALL quotes()", "CALL half()", "CALL called(1)"]
  - handler: deny
    tables: [secrets, "`å`"]
"""
#: All that they do to a session ends with them.
ROUTINES = """
DELIMITER //
CREATE PROCEDURE fails() BEGIN
  SET NAMES gbk; SET sql_mode = 'NO_BACKSLASH_ESCAPES'; SIGNAL SQLSTATE '45000'; END//
CREATE PROCEDURE runs() BEGIN
  EXECUTE IMMEDIATE 'SET NAMES gbk, sql_mode = ''ANSI_QUOTES'''; SELECT 1; SELECT nope FROM t; END//
CREATE FUNCTION told() RETURNS int BEGIN
  SET NAMES gbk; SET sql_mode = 'NO_BACKSLASH_ESCAPES'; RETURN 1; END//
CREATE TRIGGER changes BEFORE INSERT ON logged FOR EACH ROW BEGIN
  SET NAMES gbk; SET sql_mode = 'NO_BACKSLASH_ESCAPES'; END//
DELIMITER ;
"""
DENIED = 1317
REFUSAL = (DENIED, "AcraCensor blocked this query")
SECRET = "SELECT * FROM secrets"
#: A string to the first reading of a backslash; a table is read in the other one.  And vice versa.
ESCAPED = r"SELECT '\' FROM secrets -- ' AS a"
ORDINARY = r"SELECT '\'' FROM secrets -- '"
GBK = b"SELECT '\xbf\\' FROM secrets -- ' AS a"


def refused(**more):
    return {"error": DENIED, "state": "70100", **more}


class CensorCase(SynchronousTestCase):
    @classmethod
    def serve(cls, port):
        cls.folder = Path(tempfile.mkdtemp())
        rules = cls.folder / "rules.yaml"
        rules.write_text(RULES.format(folder=cls.folder))
        cls.server = MysqlServer(port, stages=("censor",), acracensor_config_file=str(rules))
        cls.server.__enter__()
        cls.addClassCleanup(cls.server.stop)


class AtMariaDB(CensorCase):
    @classmethod
    def setUpClass(cls):
        cls.database = classmariadb.started(cls)
        cls.database.run(
            "CREATE DATABASE secrets; CREATE TABLE secrets.t (a int);"
            "CREATE DATABASE db; USE db; CREATE TABLE secrets (a text);"
            "CREATE DATABASE shop; USE shop; CREATE TABLE made (n int) ENGINE=InnoDB;"
            "CREATE TABLE secrets (a text); INSERT INTO secrets VALUES ('hidden');"
            "CREATE TABLE t (a text); CREATE TABLE secrets2 (a text);"
            "CREATE TABLE `a\u030a` (a int); CREATE TABLE `ſecrets` (a int);"
            "CREATE TABLE logged (n int);"
            "CREATE PROCEDURE quotes() SET sql_mode = 'ANSI_QUOTES';"
            "CREATE PROCEDURE half() SET NAMES gbk;"
            "CREATE PROCEDURE called(n int) SELECT n;"
            f"{ROUTINES}"
        )
        cls.serve(cls.database.port)

    def open(self, port=None, **more):
        connection = pymysql.connect(
            host="127.0.0.1",
            port=port or self.server.port,
            user="u",
            password="pw",
            database="shop",
            read_timeout=120,
            client_flag=CLIENT.MULTI_STATEMENTS,
            **more,
        )
        self.addCleanup(lambda: connection.open and connection.close())
        return connection

    @staticmethod
    def ask(connection, text):
        """All rows of all results, or the arguments of the error."""
        with connection.cursor() as cursor:
            try:
                cursor.execute(text)
                rows = list(cursor.fetchall())
                while cursor.nextset():
                    rows += cursor.fetchall()
            except pymysql.MySQLError as error:
                return error.args
            return rows

    def refuse(self, connection, *texts):
        for text in texts:
            self.assertEqual(self.ask(connection, text), REFUSAL, text)

    def passes(self, connection, *texts):
        """Each is answered by the database, whatever it thinks of it."""
        for text in texts:
            self.assertNotEqual(self.ask(connection, text)[:1], (DENIED,), text)

    # -- denials ----------------------------------------------------------------------------------

    STEPS = (
        (("query", "SELECT 1"), {"rows": [[1]]}),
        (("query", SECRET), refused()),
        (("query", "SELECT 2"), {"rows": [[2]]}),
        (("query", "SELECT 1; SELECT * FROM secrets"), refused()),
        (("execute", SECRET), refused()),
        (("execute", "SELECT 3"), {"rows": [[3]]}),
        (("execute", "SELECT * FROM secrets WHERE a = ?", "x"), refused()),
        (("execute", "SELECT ?", "y"), {"rows": [["y"]]}),
        (("execute", SECRET), refused()),
        (("query", "DROP TABLE secrets"), refused()),
        (("query", "SELECT a FROM t"), {"rows": []}),
    )

    def test_each_client_is_told_and_goes_on(self):
        """Denied are texts, texts of several statements, and such as are prepared."""
        for client in mysqlsteps.CLIENTS:
            steps, expected = zip(*self.STEPS, strict=True)
            if client == "PyMySQL":
                # It prepares nothing, and shows no SQLSTATE.
                kept = [n for n, step in enumerate(steps) if step[0] == "query"]
                steps = [steps[n] for n in kept]
                expected = [
                    {**expected[n], "state": None} if "error" in expected[n] else expected[n]
                    for n in kept
                ]
            said = mysqlsteps.take(client, self.server.port, steps)
            self.assertEqual(said, list(expected), client)
        self.assertEqual(self.database.run("SELECT a FROM shop.secrets"), "hidden\n")

    def test_clients_that_do_not_wait_are_told_at_the_right_place(self):
        """One of them executes what it has just prepared, by the number -1."""
        steps, expected = zip(*self.STEPS, strict=True)
        for client in ("mysql2", "npm mariadb"):
            said = mysqlsteps.take(client, self.server.port, steps * 5, at_once=True)
            self.assertEqual(said, list(expected) * 5, client)

    def test_a_refused_statement_leaves_its_transaction_as_it_was(self):
        connection = self.open()
        self.ask(connection, "TRUNCATE made")
        for number in (1, 2):
            self.ask(connection, "BEGIN")
            self.ask(connection, f"INSERT INTO made VALUES ({number})")
            self.refuse(connection, SECRET, "SELECT 1; DROP TABLE secrets")
            self.assertEqual(self.ask(connection, "SELECT 7"), [(7,)])
            self.assertTrue(connection.server_status & SERVER_STATUS.SERVER_STATUS_IN_TRANS)
            self.ask(connection, "COMMIT" if number == 1 else "ROLLBACK")
        self.assertEqual(self.ask(connection, "SELECT n FROM made"), [(1,)])

    def test_nothing_of_a_refused_text_is_run(self):
        connection = self.open()
        self.ask(connection, "TRUNCATE made")
        self.refuse(connection, "INSERT INTO made VALUES (1); SELECT * FROM secrets")
        self.refuse(connection, "SELECT 1; INSERT INTO made SELECT 1 FROM secrets; SELECT 2")
        self.assertEqual(self.ask(connection, "SELECT n FROM made"), [])

    # -- evasions ---------------------------------------------------------------------------------

    def test_every_evasion_is_refused_and_its_twin_is_not(self):
        for denied, allowed in EVASIONS["mysql"]:
            # Some lock a table until their session ends.
            with closing(self.open()) as connection:
                self.refuse(connection, denied)
                self.passes(connection, allowed)

    def test_every_evasion_is_refused_when_it_is_prepared(self):
        for client in ("connector, pure", "npm mariadb"):
            denied, allowed = zip(*EVASIONS["mysql"], strict=True)
            said = mysqlsteps.take(client, self.server.port, [("execute", d) for d in denied])
            self.assertEqual(said, [refused()] * len(denied), client)
            said = mysqlsteps.take(client, self.server.port, [("execute", a) for a in allowed])
            self.assertNotIn(DENIED, [answer.get("error") for answer in said], client)

    def test_comments_that_only_some_servers_run(self):
        """This one runs some of them and not the others; a rule is for both."""
        connection = self.open()
        for mark in ("/*!80013 ", "/*!50701", "/*M!", "/*M!100100 ", "/*M!110000 "):
            self.refuse(connection, f"SELECT 1 FROM t {mark}, secrets */")
            self.passes(connection, f"SELECT 1 FROM t {mark}, t AS x */")
        self.refuse(
            connection,
            "SELECT 1 FROM t /*!80013 -- */ , secrets /*\n*/",
            "SELECT 1 FROM t /*!80013 /* */ , secrets */",
            "SELECT 1 FROM t /*!100100, secrets */",
            "/*! SELECT 1; SELECT t.*/* ' */ FROM secrets -- '",
            "SELECT 1 FROM t /*!, secrets",
        )
        self.assertEqual(self.ask(connection, "SELECT 1 /*!80013 + 1 */ /*M! + 20 */"), [(21,)])

    def test_a_context_behind_minus_signs(self):
        """The firewall judges the text without its context, and the database runs it."""
        connection = self.open()
        pair = "traceparent='00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'"
        for comment in (f"/*{pair}*/", f"/*route='a',{pair}*/", f"/*route='a'*/ /*{pair}*/"):
            self.refuse(connection, f"SELECT 1--{comment}1 FROM secrets")
            self.assertEqual(self.ask(connection, f"SELECT 1--{comment}1"), [(2,)])

    def test_names_are_one_where_they_are_to_any_server(self):
        """This one tells them apart; others fold them by their own table, which is not Python's."""
        connection = self.open()
        self.refuse(connection, "SELECT * FROM SECRETS", "SELECT * FROM `Secrets`")
        for letter in "åÅ\u212b":
            self.refuse(connection, f"SELECT * FROM `{letter}`", f"SELECT * FROM {letter}")
        self.assertEqual(self.ask(connection, "SELECT * FROM a\u030a"), [])
        self.assertEqual(self.ask(connection, "SELECT * FROM ſecrets"), [])

    # -- modes ------------------------------------------------------------------------------------

    def test_a_backslash_is_read_as_the_session_has_it(self):
        connection = self.open()
        for _ in range(2):
            self.assertEqual(self.ask(connection, ESCAPED), [("' FROM secrets -- ",)])
            self.refuse(connection, ORDINARY)
            self.ask(connection, "SET sql_mode = 'NO_BACKSLASH_ESCAPES'")
            self.refuse(connection, ESCAPED)
            self.assertEqual(self.ask(connection, ORDINARY), [("\\' FROM secrets -- ",)])
            self.ask(connection, "SET SESSION sql_mode = ''")

    def test_double_quotes_are_read_as_the_session_has_them(self):
        connection = self.open()
        text = 'SELECT 1 FROM "secrets"'
        self.assertEqual(self.ask(connection, 'SELECT "secrets"'), [("secrets",)])
        for mode in ("ANSI_QUOTES", "ANSI", "ORACLE"):
            self.ask(connection, f"SET sql_mode = '{mode}'")
            self.refuse(connection, text)
            self.passes(connection, 'SELECT 1 FROM "t"')
        self.ask(connection, "SET sql_mode = ''")
        self.assertEqual(self.ask(connection, text)[0], 1064)

    def test_a_session_may_begin_with_other_modes(self):
        connection = self.open(sql_mode="ANSI_QUOTES,NO_BACKSLASH_ESCAPES")
        self.refuse(connection, ESCAPED, 'SELECT 1 FROM "secrets"')
        self.database.run("SET GLOBAL sql_mode = 'NO_BACKSLASH_ESCAPES'")
        try:
            connection = self.open()
        finally:
            self.database.run("SET GLOBAL sql_mode = DEFAULT")
        self.refuse(connection, ESCAPED)
        self.passes(connection, ORDINARY)

    def test_modes_that_no_text_shows(self):
        """They could be set by a value, by a prepared text, or for one statement."""
        connection = self.open()
        self.refuse(
            connection,
            "SET sql_mode = CONCAT('ANSI', '_QUOTES')",
            "EXECUTE IMMEDIATE 'SET sql_mode=''ANSI_QUOTES'''",
            "PREPARE s FROM 'SET sql_mode=''ANSI_QUOTES'''",
            "SET STATEMENT sql_mode='ANSI_QUOTES' FOR SELECT * FROM \"secrets\"",
            "SET sql_mode = 'NO_BACKSLASH_ESCAPES'; SELECT 1",
            "SELECT 1; SET sql_mode = 'ANSI_QUOTES'; SELECT * FROM \"secrets\"",
        )
        self.assertEqual(self.ask(connection, "SELECT @@sql_mode LIKE '%QUOTES%'"), [(0,)])

    def test_modes_of_variables_are_told_by_the_database(self):
        connection = self.open()
        text = 'SELECT 1 FROM "secrets"'
        self.ask(connection, "SET @old = @@sql_mode, @x = 'ANSI_QUOTES'")
        self.assertEqual(self.ask(connection, text)[0], 1064)
        self.assertEqual(self.ask(connection, "/*!50003SET sql_mode = @x*/ ;"), [])
        self.refuse(connection, text)
        self.passes(connection, 'SELECT 1 FROM "t"')
        self.assertEqual(self.ask(connection, "SET sql_mode = @old"), [])
        self.assertEqual(self.ask(connection, text)[0], 1064)
        self.assertEqual(self.ask(connection, "SET @x = 'NO_BACKSLASH_ESCAPES'"), [])
        self.assertEqual(self.ask(connection, "SET @@session.sql_mode := @x"), [])
        self.refuse(connection, ESCAPED)
        self.passes(connection, ORDINARY)

    def test_the_database_is_asked_how_texts_are_read_behind_a_routine(self):
        """It says a mode behind it that is not in force."""
        connection = self.open()
        for mode, expected in (("", 1064), ("ANSI_QUOTES", 1317), ("", 1064)):
            self.ask(connection, f"SET sql_mode = '{mode}'")
            self.assertEqual(self.ask(connection, "CALL quotes()"), [])
            self.assertEqual(self.ask(connection, 'SELECT 1 FROM "secrets"')[0], expected)
        self.assertEqual(self.ask(connection, "CALL quotes()"), [])
        self.assertEqual(self.ask(connection, 'SELECT "a"'), [("a",)])

    def test_routines_leave_modes_and_character_set_as_they_were(self):
        """The server restores them; so a text is read behind a call as before it."""
        asked = "SELECT @@sql_mode, @@character_set_client"
        for text in (
            *("CALL quotes()", "CALL half()", "CALL fails()", "CALL runs()"),
            *("SELECT told()", "DO told()", "SET @a = told()", "INSERT INTO logged VALUES (1)"),
        ):
            with closing(self.open(self.database.port)) as connection:
                before = self.ask(connection, asked)
                self.ask(connection, text)
                self.assertEqual(self.ask(connection, asked), before, text)

    def test_a_set_that_fails_when_a_part_of_it_is_done(self):
        connection = self.open()
        for text in ("SET autocommit = 0", "XA START 'q'"):
            self.assertEqual(self.ask(connection, text), [])
        halfway = "SET sql_mode = 'NO_BACKSLASH_ESCAPES', autocommit = 1"
        self.assertEqual(self.ask(connection, halfway)[0], 1399)
        self.assertEqual(self.ask(connection, "SELECT @@sql_mode"), [("NO_BACKSLASH_ESCAPES",)])
        self.refuse(connection, ESCAPED)
        self.passes(connection, ORDINARY)
        self.assertEqual(self.ask(connection, "SET sql_mode = ''"), [])
        self.assertEqual(self.ask(connection, ESCAPED), [("' FROM secrets -- ",)])

    def test_blanks_beyond_ascii(self):
        connection = self.open()
        blanks = b"SELECT a\xa0FROM\xa0secrets"
        self.passes(connection, blanks.decode("latin-1"))
        self.ask(connection, "SET NAMES latin1")
        self.refuse(connection, blanks)
        self.ask(connection, "SET NAMES hebrew")
        self.refuse(connection, blanks, b"SELECT 1 --\xa0x, '\n, a FROM secrets -- '")

    def test_modes_that_may_be_changing(self):
        """Behind a SET that is unanswered a text must mean the same in each mode."""
        steps = [
            ("query", "SELECT SLEEP(0.5)"),
            ("query", "SET sql_mode = 'NO_BACKSLASH_ESCAPES'"),
            ("query", ESCAPED),
            ("query", ORDINARY),
            ("query", "SELECT 2"),
        ]
        expected = [{"rows": [[0]]}, {"rows": []}, refused(), refused(), {"rows": [[2]]}]
        said = mysqlsteps.take("npm mariadb", self.server.port, steps, at_once=True)
        self.assertEqual(said, expected)
        said = mysqlsteps.take("npm mariadb", self.server.port, steps[1:])
        self.assertEqual(said[1:3], [refused(), {"rows": [["\\' FROM secrets -- "]]}])

    def test_character_sets_in_which_a_backslash_is_half_of_a_letter(self):
        connection = self.open()
        for name in ("gbk", "sjis", "big5", "cp932", "gb18030"):
            self.refuse(
                connection,
                f"SET NAMES {name}",
                f"SET CHARACTER SET {name}",
                f"SET character_set_client = {name}",
                f"SET NAMES latin1, character_set_client = '{name}'",
            )
        self.assertEqual(self.ask(connection, "SELECT @@character_set_client"), [("utf8mb4",)])
        self.ask(connection, "SET @old = @@character_set_client, @x = 'gbk'")
        self.assertEqual(self.ask(connection, "SET character_set_client = @x"), [])
        self.refuse(connection, GBK, "SELECT 1")
        other = self.open()
        self.ask(other, "SET @old = @@character_set_client, character_set_client = latin1")
        self.assertEqual(self.ask(other, "/*!50001 SET character_set_client = @old */;"), [])
        self.assertEqual(self.ask(other, "SELECT '\u4e00'"), [("\u4e00",)])
        connection = self.open()
        self.ask(connection, "SET NAMES latin1")
        self.assertEqual(self.ask(connection, "SELECT CONVERT('a' USING latin1)"), [("a",)])
        self.ask(connection, "SET NAMES utf8mb4")
        self.assertEqual(self.ask(connection, "CALL half()"), [])
        # The server has put back the character set: the quote is escaped, and ends no string.
        self.assertEqual(self.ask(connection, GBK), [("?' FROM secrets -- ",)])
        self.assertEqual(self.ask(connection, "SELECT 'a'"), [("a",)])

    def test_a_login_with_such_a_character_set(self):
        connection = self.open(charset="gbk", defer_connect=True, autocommit=None)
        # It would set the character set again, which is refused.
        connection.set_character_set = lambda *_: None
        connection.connect()
        self.refuse(connection, GBK, "SELECT '\u4e00'", "SELECT 1")

    # -- files ------------------------------------------------------------------------------------

    def test_captured_and_unparsed_texts_have_no_literals(self):
        connection = self.open()
        self.ask(connection, "SELECT 'literal', \"literal\", 0x6C69, a FROM t WHERE a = 'literal'")
        self.refuse(connection, "SELEC 'literal' FRO t", "SELECT 'literal' FROM secrets")
        captured, unparsed = ((self.folder / f"{name}.jsonl") for name in ("captured", "unparsed"))
        for path, wanted in ((unparsed, "SELEC ?"), (captured, "SELECT ? FROM secrets")):
            eventually(lambda p=path, w=wanted: p.exists() and w in p.read_text(), wanted)
        text = captured.read_text() + unparsed.read_text()
        self.assertIn("SELECT ?, ?, ?, a FROM t WHERE a = ?", text)
        self.assertNotIn("literal", text)
        for line in text.splitlines():
            self.assertIn("raw_query", json.loads(line))


class AtMySQL(CensorCase):
    """Its modes are not told to who does not ask: a text must mean the same in each."""

    @classmethod
    def setUpClass(cls):
        cls.fake = FakeMySQL(default="mysql_native_password")
        cls.fake.accounts.add("u", "pw", "mysql_native_password")
        cls.fake.__enter__()
        cls.addClassCleanup(cls.fake.__exit__)
        cls.serve(cls.fake.port)

    def test_denials(self):
        steps = [
            *(("query", text) for text, _ in EVASIONS["mysql"]),
            *(("execute", text) for text, _ in EVASIONS["mysql"]),
        ]
        for client in mysqlsteps.PREPARING:
            said = mysqlsteps.take(client, self.server.port, [*steps, ("query", "SELECT 'one'")])
            self.assertEqual(said, [*[refused()] * len(steps), {"rows": [["one"]]}], client)
        heard = {text for text, _ in self.fake.heard}
        self.assertIn("SELECT 'one'", heard)
        self.assertEqual(heard & {text for _, text in steps}, set())

    def test_double_quotes_are_read_as_the_session_has_them(self):
        """MySQL does not tell of them: it is asked."""
        first, second = 'SELECT "a" FROM "secrets"', 'SELECT "b" FROM "secrets"'
        self.addCleanup(setattr, self.fake, "modes", "")
        for begins, sets in (("", "ANSI_QUOTES"), ("ANSI,ANSI_QUOTES", "")):
            self.fake.modes = begins
            for client in mysqlsteps.PREPARING:
                for how in ("query", "execute"):
                    self.fake.heard.clear()
                    steps = [(how, first), ("query", f"SET sql_mode = '{sets}'"), (how, second)]
                    said = mysqlsteps.take(client, self.server.port, steps)
                    expected = [begins != "", False, sets != ""]
                    self.assertEqual([one == refused() for one in said], expected, (client, how))
                    heard = [text for text, _ in self.fake.heard]
                    self.assertEqual([first in heard, second in heard], [not begins, not sets])
                    self.assertEqual(heard.count(ASKED.decode()), 2, (client, how))
