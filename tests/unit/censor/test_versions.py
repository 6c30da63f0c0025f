"""Comments that some servers run: a text with them is allowed if each of its readings is."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.censor.engine import Censor
from acra_twisted.censor.rules import read_rules
from acra_twisted.sql.languages import LANGUAGES, Limits

MYSQL = LANGUAGES["mysql"]
DENY = [{"handler": "deny", "tables": ["secrets"]}]
ALLOW = [{"handler": "allow", "tables": ["t"]}, {"handler": "denyall"}]
CAPTURE = {"handler": "query_capture", "filepath": "captured"}


def censor(handlers, told=None, **limits):
    rules = read_rules({"handlers": handlers}, need_version=False)
    sinks = () if told is None else (lambda path, text: told.append(text),)
    return Censor(MYSQL, rules, *sinks, limits=Limits(**limits))


class Readings(SynchronousTestCase):
    def check(self, rules, allowed, *texts):
        for text in texts:
            for _ in range(2):
                decision = rules.decide(text.encode())
                self.assertEqual(decision.allowed, allowed, (text, decision))

    def test_a_denied_table_in_any_of_them(self):
        self.check(
            censor(DENY),
            False,
            "SELECT 1 /*!80000 FROM secrets */",
            "SELECT 1 /*!50701FROM secrets*/",
            "SELECT 1 FROM /*M!100000 secrets, */ t",
            "SELECT 1 FROM t /*M! , secrets */",
            "SELECT 1 FROM /*M!999999 t, */ secrets",
            "SELECT 1 FROM t /*!80000 */ , secrets",
            # One server runs the first of them, one the second, and one neither.
            "SELECT 1 FROM t /*!80000 -- */ , secrets /*\n*/",
            "SELECT 1 /*!80000 , ' */ FROM secrets -- '*/",
            "/*!50003 SELECT 1; SELECT * FROM /*M!100100 secrets */",
        )

    def test_a_denied_table_behind_a_hint_that_ends_elsewhere_to_mysql(self):
        rules = censor(DENY)
        for quote in "'\"`":
            text = "SELECT /*+ ?*/ 1 FROM t -- ? */ a FROM secrets".replace("?", quote)
            self.check(rules, False, text, f"/*!80000 {text} */")
            text = "SELECT /*+ ?b? */ 1 FROM t -- ? */ a FROM secrets".replace("?", quote)
            self.check(rules, True, text)

    def test_a_permission_covers_them_all(self):
        rules = censor(ALLOW)
        self.check(
            rules,
            True,
            "SELECT /*!40001 SQL_NO_CACHE */ * FROM t",
            "SELECT a /*!80000 , b */ FROM t",
            "SELECT * FROM t /*M! WHERE a = 1 */",
            "/*!50003 INSERT INTO t VALUES (1) */;",
        )
        self.check(
            rules,
            False,
            "SELECT a /*!80000 , b FROM u -- */ FROM t\n*/",
            "SELECT a FROM /*M!100100 u, */ t",
            "SELECT a /*!80000 FROM t */",
        )

    def test_what_was_decided_of_one_of_them_is_not_said_of_the_text(self):
        rules = censor(DENY)
        text = "SELECT 1 FROM t /*M!100100 , secrets */"
        for one in MYSQL.readings(text.encode(), MYSQL.mode):
            self.assertEqual(rules.decide(one).allowed, b"/*!" not in one, one)
            self.check(rules, False, text)
        self.check(rules, True, "SELECT 1 FROM t /*M!100100 , t AS u */", "SELECT 1 FROM t")
        self.check(rules, False, text)

    def test_a_parse_error_in_any_of_them(self):
        rules = censor(DENY)
        self.check(rules, False, "SELECT 1 /*!80000 SELECT */", "SELECT 1 /*!80000 + */ 2 3")

    def test_in_modes_that_are_not_known(self):
        rules = censor(DENY)
        for mode in (MYSQL.changing(MYSQL.mode), MYSQL.mode_of({"sql_mode": "ANSI_QUOTES?"})):
            for text, allowed in (
                (b"SELECT /*!80000 1, */ 'a'", True),
                (b"SELECT 1 FROM /*!80000 secrets, */ t", False),
                (b"/*!50001 SELECT 1 FROM secrets */", False),
                (b"SELECT \"/*!80000 '\" /*!80000 , 1 */ -- '", True),
                (b'SELECT "\\" /*!80000 , 1 FROM secrets */ -- "', False),
            ):
                self.assertEqual(rules.decide(text, mode).allowed, allowed, text)

    def test_files_get_the_one_that_runs_all(self):
        told = []
        rules = censor([CAPTURE, *DENY], told)
        self.check(rules, True, "SELECT 'x' /*!80000 , b */ /*M! , c */ FROM t")
        self.assertEqual({" ".join(one.split()) for one in told}, {"SELECT ? , b , c FROM t"})

    def test_limits_hold_for_each(self):
        rules = censor(DENY, max_tokens=100)
        decision = rules.decide(b"SELECT 1 /*!80000" + b", 1" * 60 + b"*/")
        self.assertIn("max_tokens allows", decision.why)
        decision = rules.decide(b"/*!80000*//*!80001*//*!80002*//*!80003*/SELECT 1")
        self.assertIn("too many versions", decision.why)

    def test_statements_that_they_prepare(self):
        rules = censor(DENY)
        prepared = {}
        text = b"SELECT 1 FROM t /*M! , u */"
        self.assertTrue(rules.decide(text, prepared=prepared, name="s").allowed)
        self.assertEqual({name for _, name in prepared["s"]}, {"t", "u"})


class Bytes(SynchronousTestCase):
    def test_strings_of_mysql_may_have_any(self):
        """Dumps write the cells of BLOBs so."""
        rules = censor(DENY)
        cell = b"_binary '\xff\xe2\\0\xf0\x9f\\''"
        for table, allowed in ((b"t", True), (b"secrets", False)):
            for rows in (1, 5_000):
                text = b"INSERT INTO %b VALUES " % table + b", ".join([b"(1, %b)" % cell] * rows)
                for _ in range(2):
                    self.assertEqual(rules.decide(text).allowed, allowed, (table, rows))

    def test_nothing_else_may(self):
        rules = censor(DENY)
        for text in (b"SELECT \xff", b"SELECT `\xff`", b"SELECT 1 /* \xff */", b"SELECT @\xff"):
            self.assertFalse(rules.decide(text).allowed, text)
        for settings in ({"character_set_client": "?"}, {"character_set_client": "ujis"}):
            self.assertFalse(rules.decide(b"SELECT '\xff'", MYSQL.mode_of(settings)).allowed)
        for backslash in (True, None):
            mode = LANGUAGES["postgresql"].mode._replace(backslash=backslash)
            postgresql = Censor(LANGUAGES["postgresql"], rules.rules)
            self.assertFalse(postgresql.decide(b"SELECT '\xff'", mode).allowed)


class LongTexts(SynchronousTestCase):
    def test_a_comment_behind_minus_signs_is_not_left_out(self):
        """With a blank in its place the rest of the line would be a comment."""
        rules = censor(DENY)
        rows = ", 1" * 3_000
        for start in ("1--/**/1", "1--/*!1*/", "/*!1--*/1"):
            text = f"SELECT {start} FROM secrets\n WHERE a IN (1{rows})"
            self.assertFalse(rules.decide(text.encode()).allowed, start)
            self.assertTrue(rules.decide(text.replace("secrets", "t").encode()).allowed, start)

    def test_rows_in_comments_that_are_run(self):
        rows = ", (1, 'x')" * 3_000
        for table, allowed in (("t", True), ("secrets", False)):
            text = f"/*!50003 INSERT INTO {table} VALUES (1, '*/'){rows} */"
            self.assertEqual(censor(DENY).decide(text.encode()).allowed, allowed)
