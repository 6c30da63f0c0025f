"""Denials of queries that are inside statements of MySQL which are not analysed."""

from twisted.trial.unittest import SynchronousTestCase

from tests.unit.censor.test_denials import censor

#: Statements that are not analysed, around queries that begin with TABLE or VALUES.
AROUND_QUERIES = (
    "CREATE TABLE x IGNORE {}",
    "CREATE TABLE x IGNORE ({})",
    "CREATE TABLE x (a INT DEFAULT 8) REPLACE AS {}",
    "CREATE OR REPLACE TEMPORARY TABLE x IGNORE AS ({})",
    "CREATE TABLE x PARTITION BY LIST (a) (PARTITION p VALUES IN (8)) IGNORE {}",
    "CREATE TABLE `table` (a INT) IGNORE {}",
    "CREATE VIEW v (a) AS {} WITH CHECK OPTION",
    "CREATE ALGORITHM=MERGE DEFINER=a@b VIEW v (a) AS {} WITH CASCADED CHECK OPTION",
    "CREATE EVENT e ON SCHEDULE EVERY 8 DAY DO {}",
    "SET STATEMENT max_statement_time=8 FOR {}",
    "SET STATEMENT max_statement_time=8 FOR CREATE TABLE x IGNORE {}",
    "SET STATEMENT max_statement_time=(TABLE y) FOR {}",
)
#: The same words where they begin no query.
OTHERS_AROUND = (
    "CREATE TABLE x (a INT) PARTITION BY LIST (a) (PARTITION p VALUES IN (7))",
    "CREATE TABLE x (a INT) PARTITION BY RANGE (a) (PARTITION p VALUES LESS THAN MAXVALUE)",
    "CREATE OR REPLACE TEMPORARY TABLE x (a INT) ENGINE=Aria TRANSACTIONAL=1",
    "CREATE TABLE x (a INT) IGNORE SELECT 8 UNION TABLE y",
    "CREATE TRIGGER t BEFORE INSERT ON x FOR EACH ROW INSERT INTO y (a) VALUES (NEW.a)",
    "CREATE PROCEDURE p() INSERT INTO y VALUES (7) ON DUPLICATE KEY UPDATE a = VALUES(a)",
    "CREATE EVENT e ON SCHEDULE EVERY 8 DAY DO INSERT INTO x VALUES (7)",
    "CREATE EVENT e ON SCHEDULE EVERY 8 DAY DO TRUNCATE TABLE x",
    "CREATE EVENT e ON SCHEDULE EVERY 8 DAY DO OPTIMIZE TABLE x",
    "BEGIN NOT ATOMIC INSERT INTO y VALUES (7)",
    "BEGIN NOT ATOMIC CREATE TEMPORARY TABLE x (a INT)",
    "ALTER TABLE x EXCHANGE PARTITION p WITH TABLE y",
    "SET STATEMENT max_statement_time=8 FOR CREATE TABLE x (a INT)",
    "SET STATEMENT max_statement_time=8 FOR INSERT INTO x VALUES (7)",
    "SET STATEMENT max_statement_time=8 FOR TRUNCATE TABLE x",
)


class Inside(SynchronousTestCase):
    def test_queries_of_such_statements_begin_with_table_and_values_too(self):
        for asked, other in (
            ("TABLE secrets", "TABLE public"),
            ("TABLE secrets LIMIT 1", "TABLE secrets LIMIT 2"),
            ("VALUES (7), (8)", "VALUES (7), (9)"),
            ("VALUES ROW(7), ROW(8)", "VALUES ROW(7), ROW(9)"),
        ):
            rules = censor("mysql", "queries", asked)
            for around in AROUND_QUERIES:
                # In brackets VALUES is another tree, by itself as well.
                if asked.startswith("VALUES") and "({})" in around:
                    continue
                text = around.format(asked)
                self.assertEqual(rules.decide(text.encode()).by, "deny.query", (asked, text))
                text = around.format(other)
                self.assertTrue(rules.decide(text.encode()).allowed, (asked, text))
            for text in OTHERS_AROUND:
                self.assertTrue(rules.decide(text.encode()).allowed, (asked, text))

    def test_what_stands_behind_the_settings_of_one_statement_is_any_statement(self):
        for asked, other in (
            ("DELETE FROM secrets", "DELETE FROM public"),
            ("UPDATE secrets SET ssn = 7", "UPDATE secrets SET ssn = 8"),
            ("INSERT INTO secrets VALUES (7)", "INSERT INTO secrets VALUES (8)"),
            ("REPLACE INTO secrets VALUES (7)", "INSERT INTO secrets VALUES (7)"),
            ("DROP TABLE secrets", "DROP TABLE public"),
            ("TRUNCATE TABLE secrets", "TRUNCATE TABLE public"),
            ("CALL p(7)", "CALL q(7)"),
        ):
            rules = censor("mysql", "queries", asked)
            for settings in ("a=1", "a=1, b=DEFAULT", "a=(SELECT 8)"):
                text = f"SET STATEMENT {settings} FOR {asked}"
                self.assertEqual(rules.decide(text.encode()).by, "deny.query", text)
                text = f"SET STATEMENT {settings} FOR {other}"
                self.assertTrue(rules.decide(text.encode()).allowed, text)
