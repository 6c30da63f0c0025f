"""Plans of whole texts."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.mysql.plan import UNTOUCHED
from acra_twisted.encryption.mysql.planner import Limits, Planner
from acra_twisted.encryption.mysql.protection import Protection
from acra_twisted.encryption.mysql.targets import UNREAD
from acra_twisted.sql.languages import LANGUAGES
from tests.support.mysqlplanning import MODE, SCHEMA, SETTINGS, plan, sent, shown

_MYSQL = LANGUAGES["mysql"]


def mode(**settings):
    return _MYSQL.mode_of(settings)


class Texts(SynchronousTestCase):
    def test_most_are_untouched(self):
        for text in ("SELECT 1", "INSERT INTO orders (email) VALUES ('a')", "", ";", "COMMIT"):
            self.assertTrue(plan(text).plan.is_untouched)

    def test_what_passes_by_is_untouched(self):
        planner = Planner(Protection(SCHEMA, SETTINGS))
        for text, passes in (
            ("SELECT a FROM orders", True),
            ("SELECT 'it\\'s' FROM orders", True),
            ("SELECT name FROM people", False),
            ("SELECT 'people' FROM orders", False),
            ("INSERT INTO orders (a) VALUES (1)", False),
            ("CALL p()", False),
            ("SET ROLE r", False),
            ("PREPARE s FROM 'SELECT 1'", False),
            ("EXECUTE s", False),
            ("SELECT 'open", True),
        ):
            found = planner.may_touch(text.encode()) or planner.gives(text.encode(), MODE)
            self.assertEqual(not found, passes, text)
            if passes:
                self.assertIs(planner.plan(text.encode(), MODE, "shop").plan, UNTOUCHED)

    def test_several_statements_have_a_result_each(self):
        found = plan("SELECT ?; INSERT INTO leads (mail) VALUES (?); SELECT mail, ? FROM leads;")
        self.assertEqual([one is not None for one in found.plan.results], [False, False, True])
        self.assertEqual(found.plan.values[0].source.parameter, 2)
        self.assertEqual(
            sent(found),
            "SELECT ?; INSERT INTO leads (mail) VALUES (?); SELECT mail, ? FROM leads;",
        )

    def test_behind_what_changes_how_it_is_read(self):
        for before in ("USE other", "SET sql_mode = 'ANSI'", "SET NAMES gbk", "CALL p()"):
            text = f"{before}; INSERT INTO leads (mail) VALUES ('a')"
            self.assertEqual(shown(text), "refused: unparsable")
        self.assertNotIn("refused", shown("INSERT INTO leads (mail) VALUES ('a'); USE other"))
        text = "DROP TABLE leads; CREATE TABLE leads (mail BLOB)"
        self.assertEqual(shown(text), "refused: unparsable")

    def test_routines_that_blocks_run_by_their_names_alone(self):
        """MariaDB does so in its mode ORACLE, which may be about to be set; one may be new."""
        modes = (mode(sql_mode="ORACLE"), mode(sql_mode=""), _MYSQL.changing(MODE))
        for text in (
            "BEGIN p('a'); END",
            "/* c */ begin p; end;",
            "SELECT 1; BEGIN p('a'); END",
            "SET sql_mode = 'ORACLE'; BEGIN p('a'); END",
            "DECLARE a INT; BEGIN p('a'); END",
            "<<l>> BEGIN p('a'); END",
            "l: LOOP p('a'); END LOOP",
            "IF 1 THEN p('a'); END IF",
            "SET STATEMENT max_statement_time = 1 FOR BEGIN NOT ATOMIC p('a'); END",
            "EXECUTE IMMEDIATE 'BEGIN p(1); END'",
        ):
            for one in modes:
                self.assertIn(UNREAD, plan(text, one).plan.targets, text)
        for text in (
            "SELECT 1",
            "(SELECT 1) UNION (SELECT 2)",
            "SELECT 'a;b'; COMMIT;",
            "BEGIN",
            "begin work; SELECT 1; COMMIT",
            "SET @a = 1; SET NAMES utf8mb4",
            "/* c */ SHOW TABLES",
            "SET STATEMENT max_statement_time = 1 FOR SELECT 1;",
        ):
            for one in modes:
                self.assertEqual(plan(text, one).plan.targets, (), text)

    def test_behind_a_view_that_it_defines(self):
        view = "CREATE VIEW fresh AS SELECT mail AS m FROM leads"
        for text in (
            f"{view}; INSERT INTO fresh (m) VALUES ('a')",
            f"{view}; UPDATE shop.`Fresh` SET m = 'a'",
            f"ALTER {view[7:]}; SELECT 1; REPLACE fresh SET m = 'a'",
            f"{view}; CREATE VIEW two AS SELECT m FROM fresh; INSERT INTO two VALUES ('a')",
            f"{view}; RENAME TABLE fresh TO two; INSERT INTO two VALUES ('a')",
            f"{view}; CREATE PROCEDURE p(v TEXT) INSERT INTO fresh VALUES (v)",
            f"{view}; INSERT INTO a.b.c VALUES ('a')",
            f"{view.replace('fresh', '`frésh`')}; INSERT INTO `FRÉSH` VALUES ('a')",
            f"{view}; CREATE TEMPORARY TABLE fresh (m INT)",
            f"{view}; CREATE TEMPORARY TABLE .fresh (m INT)",
            f"{view}; DO 1; CREATE OR REPLACE TEMPORARY TABLE IF NOT EXISTS shop.`Fresh` LIKE x",
        ):
            self.assertEqual(shown(text), "refused: unparsable", text)
        for text in (
            f"{view}; INSERT INTO versions (number) VALUES (1)",
            f"{view}; CREATE TEMPORARY TABLE other (m INT)",
            f"INSERT INTO fresh (m) VALUES ('a'); {view}",
            "ALTER TABLE leads ADD COLUMN z INT; CREATE TABLE x (a INT); INSERT INTO x VALUES (1)",
        ):
            self.assertNotIn("refused", shown(text), text)

    def test_behind_what_changes_nothing_of_it(self):
        for before in ("BEGIN", "BEGIN WORK", "START TRANSACTION", "SET @a = 1", "DROP TABLE x"):
            text = f"{before}; INSERT INTO leads (mail) VALUES ('a'); COMMIT"
            self.assertIn("x'e1'", shown(text))

    def test_explain(self):
        self.assertEqual(
            shown("EXPLAIN FORMAT=JSON SELECT mail FROM leads WHERE mail = 'a'"),
            "EXPLAIN FORMAT=JSON SELECT mail FROM leads WHERE (mail >= x'f1' AND mail < x'f2')",
        )
        self.assertEqual(list(plan("EXPLAIN SELECT mail FROM leads").plan.results), [None])

    def test_comments_that_all_servers_run_are_read(self):
        for text, expected in (
            ("/*!50000 INSERT INTO leads (mail) VALUES ('a') */", "INSERT INTO leads (mail)"),
            ("INSERT INTO /*!50000leads*/ (mail) VALUES ('a')", "INSERT INTO leads (mail)"),
            ("SELECT 1 FROM leads WHERE mail /*!50000 = 'a' */", "SELECT 1 FROM leads WHERE (mail"),
            ("SELECT 1--/*!2*/ FROM leads WHERE mail = 'a'", "SELECT 1--/**/2 FROM leads"),
        ):
            self.assertIn(expected, " ".join(shown(text).split()))
            self.assertNotIn("'a'", shown(text))
        self.assertEqual(shown("/*!40101 SET NAMES utf8 */"), "as it is")
        self.assertEqual(shown("SELECT /*!40001 SQL_NO_CACHE */ 1"), "as it is")

    def test_comments_that_some_servers_run_are_not_guessed_at(self):
        for text in (
            "/*!80000 INSERT INTO leads (mail) VALUES ('a') */",
            "INSERT INTO /*M!100100leads*/ VALUES ('a')",
            "INSERT INTO /*M!leads*/ VALUES ('a')",
            "INSERT INTO leads VALUES (/*!80000 'b' */)",
            "INSERT INTO /*!500000leads*/ VALUES ('a')",
        ):
            self.assertEqual(shown(text), "refused: unparsable", text)
        self.assertEqual(shown("/*M!100616 SET @a = @@note_verbosity */"), "as it is")

    def test_the_number_of_the_schema(self):
        self.assertEqual(plan("DELETE FROM people").plan.schema, 1)
        self.assertEqual(plan("DELETE FROM people WHERE name").plan.schema, 1)


class Modes(SynchronousTestCase):
    def test_double_quotes(self):
        text = 'INSERT INTO "leads" ("mail") VALUES (\'a\')'
        ansi = mode(sql_mode="ANSI_QUOTES")
        self.assertIn("x'e1'", shown(text, ansi))
        self.assertEqual(shown(text, mode(sql_mode="ANSI_QUOTES?")), "refused: unparsable")
        plain = 'INSERT INTO leads (mail) VALUES ("a")'
        self.assertIn("x'e1'", shown(plain))
        self.assertEqual(shown(plain, ansi), "refused: expression leads.mail")

    def test_backslashes(self):
        text = "INSERT INTO leads (mail) VALUES ('a\\'), ('b')"
        self.assertTrue(shown(text).startswith("refused"))
        self.assertIn("x'e2'", shown(text, mode(sql_mode="NO_BACKSLASH_ESCAPES")))
        self.assertTrue(shown(text, mode(sql_mode="NO_BACKSLASH_ESCAPES?")).startswith("refused"))

    def test_character_sets(self):
        text = "INSERT INTO leads (mail) VALUES ('ł')"
        self.assertIn("x'e1'", shown(text))
        for charset in ("latin1", "gbk", "?"):
            self.assertEqual(
                shown(text, mode(character_set_client=charset)), "refused: unparsable", charset
            )
        self.assertIn(
            "x'e1'",
            shown("INSERT INTO leads (mail) VALUES ('a')", mode(character_set_client="latin1")),
        )

    def test_a_database_that_is_not_known(self):
        text = "INSERT INTO leads (mail) VALUES ('a')"
        self.assertEqual(shown(text, MODE, None), "refused: schema_unknown")
        self.assertIn("x'e1'", shown(text.replace("leads", "shop.leads"), MODE, None))
        self.assertEqual(shown(text, MODE, ""), "refused: schema_unknown leads.mail")


class Bounds(SynchronousTestCase):
    def test_a_refusal_names_the_table_that_the_text_has(self):
        for text in (
            "MERGE INTO People USING dual",
            "SELECT 1; HANDLER shop.leads OPEN",
            "INSERT INTO people (id VALUES 1",
            "CREATE TABLE other AS SELECT * FROM leads",
            "INSERT INTO people (id) VALUES (1" + ", (" * 200,
        ):
            refusal = plan(text).plan.refusal
            name = "leads" if "leads" in text else "people"
            self.assertIn(f'"{name}", which AcraServer protects', refusal.text, text)

    def test_length_and_tokens(self):
        limited = Planner(Protection(SCHEMA, SETTINGS), Limits(text=100, tokens=29, values=10))

        def outcome(items, item):
            text = "SELECT note FROM people WHERE id IN (" + ", ".join([item] * items) + ")"
            return limited.plan(text.encode(), MODE, "shop").plan.refusal

        for number, item, most in ((1, "1", 10), (2, "?", 10), (3, "id", 10)):
            with self.subTest(number):
                self.assertIsNone(outcome(most, item))
                self.assertIsNotNone(outcome(most + 1, item))
        self.assertIsNotNone(
            limited.plan(b"SELECT 1 FROM people" + b" " * 100, MODE, "shop").plan.refusal
        )
        self.assertIsNone(limited.plan(b"SELECT 1" + b" " * 100, MODE, "shop").plan.refusal)

    def test_tokens_count_also_where_they_come_with_a_value(self):
        limited = Planner(Protection(SCHEMA, SETTINGS), Limits(tokens=40, values=10))
        for row, most in (("(1)", 8), ("(?)", 8), ("(-1)", 6), ("(now())", 5), ("(DEFAULT)", 8)):
            for rows, taken in ((most, True), (most + 1, False)):
                text = "INSERT INTO people (id) VALUES " + ",".join([row] * rows)
                refusal = limited.plan(text.encode(), MODE, "shop").plan.refusal
                self.assertEqual(refusal is None, taken, text)

    def test_a_text_takes_so_much_at_most(self):
        self.assertEqual(Limits(), (16 << 20, 400_000, 100_000))
        for rows in (99_999, 400_000):
            text = "INSERT INTO people (id) VALUES " + ",".join(["(1)"] * rows)
            self.assertIn("too many tokens", plan(text).plan.refusal.text)
        text = "SELECT id FROM people WHERE id IN (" + ",".join(["1"] * 100_001) + ")"
        self.assertIn("too many values", plan(text).plan.refusal.text)

    def test_long_inserts_are_taken(self):
        rows = ", ".join("(%d, 'v%d')" % (n, n) for n in range(2000))
        found = plan(f"INSERT INTO leads (id, mail) VALUES {rows}")
        self.assertEqual(len(found.plan.values), 2000)
        self.assertNotIn("'v", sent(found))

    def test_inserts_of_20000_rows_are_taken(self):
        rows = ", ".join("(%d, 'a', 'b', 'c', 'd', NULL)" % n for n in range(20_000))
        columns = "id, email, name, phone, note, code"
        found = plan(f"INSERT INTO people ({columns}) VALUES {rows}")
        self.assertIsNone(found.plan.refusal)
        self.assertEqual(len(found.plan.values), 60_000)
