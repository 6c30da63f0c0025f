"""The statement or query inside a statement of MySQL that is not analysed."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sql import mysqllexer, mysqlqueries, mysqltokens

#: A beginning, its query, and what is behind that.
CASES = (
    ("CREATE TABLE x IGNORE ", "SELECT a FROM t", ""),
    ("create table x (a INT, b INT) replace as ", "((select a from t))", ""),
    ("CREATE TABLE x (a INT DEFAULT (SELECT 1)) ", "SELECT a FROM t", ""),
    ("CREATE TABLE x WITH SYSTEM VERSIONING ", "SELECT 'a' FROM t", ""),
    ("CREATE TABLE x ", "WITH RECURSIVE c (a) AS (SELECT 1) SELECT a FROM c", ""),
    ("CREATE TABLE x ", "(WITH c AS (SELECT 1) SELECT a FROM c)", ""),
    ("ALTER VIEW v AS ", "SELECT a FROM t", " WITH CHECK OPTION"),
    ("ALTER VIEW v AS ", "SELECT a FROM t", " WITH LOCAL CHECK OPTION"),
    ("CREATE VIEW `select` AS ", "(SELECT a FROM t)", " WITH CASCADED CHECK OPTION"),
    ("CREATE VIEW d.select AS ", "SELECT a FROM t", ""),
    ("CREATE EVENT e ON SCHEDULE AT (SELECT 1) DO INSERT INTO x ", "SELECT a FROM t", ""),
    ("CREATE TRIGGER e BEFORE INSERT ON x FOR EACH ROW BEGIN ", "SELECT a FROM t", ""),
    ("CREATE TRIGGER e BEFORE INSERT ON x FOR EACH ROW WHILE 1 DO ", "SELECT a FROM t", ""),
    ("BEGIN NOT ATOMIC ", "SELECT a FROM t", ""),
    ("CREATE TABLE x IGNORE ", "TABLE t", ""),
    ("CREATE OR REPLACE TABLE x REPLACE ", "TABLE t", ""),
    ("CREATE TABLE x AS ", "(TABLE t)", ""),
    ("CREATE TABLE x COMMENT 'a' ", "TABLE t", ""),
    ("CREATE VIEW v (a) AS ", "TABLE t", " WITH CHECK OPTION"),
    ("CREATE TABLE x PARTITION BY LIST (a) (PARTITION p VALUES IN (1)) ", "VALUES (1)", ""),
    ("CREATE TABLE `table` ", "VALUES (1) UNION SELECT 1", ""),
    ("CREATE DEFINER=view@h VIEW v (a) AS ", "VALUES (1)", " WITH CHECK OPTION"),
    ("CREATE EVENT e ON SCHEDULE AT 1 DO CREATE TABLE x IGNORE ", "VALUES (1)", ""),
)
#: A beginning, and the statement behind it.
WHOLE = (
    ("SET STATEMENT a = 1 FOR ", "SELECT a FROM t"),
    ("set statement a = 1, b = (select 1 for update) for ", "select a from t"),
    ("SET STATEMENT a = NEXT VALUE FOR s, b = PREVIOUS VALUE FOR s FOR ", "SELECT a FROM t"),
    ("SET STATEMENT a = d.for(), b = `for` FOR ", "CALL p((SELECT 1))"),
    ("SET STATEMENT a = 1 FOR SET STATEMENT a = (SELECT 1) FOR ", "UPDATE t SET a = (SELECT 1)"),
    ("SET STATEMENT a = 1 FOR CREATE EVENT e ON SCHEDULE AT 1 DO ", "SELECT a FROM t"),
    (
        "CREATE EVENT e ON SCHEDULE AT (SELECT 1) + INTERVAL (SELECT 1) DAY DO ",
        "((SELECT a FROM t))",
    ),
    ("ALTER EVENT e ON SCHEDULE EVERY (SELECT 1) DAY DO SET STATEMENT a = 1 FOR ", "DROP TABLE t"),
)
NONE = (
    "SELECT a FROM t",
    "SET a = (SELECT 1)",
    "SET",
    "CREATE TABLE x (a INT)",
    "CREATE TABLE x (a INT) COMMENT 'SELECT 1'",
    "CREATE TABLE `select` (a INT)",
    "CREATE TABLE x (a INT) WITH",
    "ALTER TABLE x ADD CHECK (a IN (SELECT 1))",
    "CALL p((SELECT 1))",
    "SET STATEMENT a = (SELECT 1)",
    "SET STATEMENT",
    "BEGIN",
    "CREATE OR REPLACE TABLE x (a INT)",
    "ALTER IGNORE TABLE x ADD a INT",
    "ALTER TABLE x EXCHANGE PARTITION p WITH TABLE t",
    "ALTER TABLE x CONVERT TABLE t TO PARTITION p VALUES LESS THAN (1)",
    "CREATE TRIGGER e BEFORE INSERT ON x FOR EACH ROW TRUNCATE TABLE t",
    "CREATE TABLE x (a INT) PARTITION BY LIST (a) (PARTITION p VALUES IN (1))",
    "CREATE TRIGGER e BEFORE INSERT ON x FOR EACH ROW INSERT INTO t VALUES (1)",
    "BEGIN NOT ATOMIC INSERT INTO t VALUES (1)",
)
WORDS = st.sampled_from(
    ("create", "alter", "set", "statement", "view", "x", "(", ")", "as", "with", "select", "'a'")
    + ("check", "option", "local", "recursive", "`select`", ",", "for", "do", "on", "schedule")
    + ("next", "value", ".", "begin", "table", "values", "ignore", "replace", "or")
)


def inner(text):
    [part] = mysqltokens.statements(text, mysqllexer.tokens(text))
    return part, mysqlqueries.inner(text, part)


class Queries(SynchronousTestCase):
    def test_they_are_found(self):
        for cases, is_whole in (
            (CASES, False),
            ([(before, statement, "") for before, statement in WHOLE], True),
        ):
            for before, query, behind in cases:
                text = f"{before}{query}{behind}".encode()
                _, found = inner(text)
                self.assertEqual(found.is_whole, is_whole, text)
                shown = text[found.tokens[0][1] : found.tokens[-1][2]]
                self.assertEqual(shown.decode(), query)

    def test_other_statements_have_none(self):
        for text in NONE:
            self.assertEqual(inner(text.encode())[1].tokens, [], text)

    @given(st.lists(WORDS, min_size=1))
    def test_whatever_is_found_is_a_part_that_begins_a_query_or_a_statement(self, words):
        text = " ".join(words).encode()
        part, found = inner(text)
        if found.tokens:
            place = part.index(found.tokens[0])
            self.assertGreater(place, 0)
            self.assertEqual(part[place : place + len(found.tokens)], found.tokens)
            own = [text[start:end] for _, start, end in found.tokens]
            before = text[part[place - 1][1] : part[place - 1][2]]
            while own[0] == b"(":
                del own[0]
            begins = own[0] in (b"select", b"with", b"table", b"values")
            self.assertTrue(begins or before == b"for", text)
