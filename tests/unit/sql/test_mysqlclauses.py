"""Clauses that sqlglot does not know: what it is shown, and what stays as it was."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sql import lexer, mysqlcanon, mysqlclauses, mysqllexer
from acra_twisted.sql.languages import LANGUAGES

MYSQL = LANGUAGES["mysql"]
#: Texts, each with what is shown of it.
SHOWN = (
    ("SELECT a FROM t LIMIT 1, 2 ROWS EXAMINED 9", "SELECT a FROM t LIMIT 1 , 2"),
    ("SELECT a FROM t LIMIT ROWS EXAMINED 9 FOR UPDATE", "SELECT a FROM t FOR UPDATE"),
    ("SELECT a FROM t LIMIT ? ROWS EXAMINED 9", "SELECT a FROM t LIMIT ?"),
    ("UPDATE t FOR PORTION OF p FROM DATE 'x' TO 'y' SET a = 1", "UPDATE t SET a = 1"),
    ("DELETE FROM t FOR PORTION OF `p` FROM 1 TO 2 WHERE b", "DELETE FROM t WHERE b"),
    ("DELETE a.*, s.b.* FROM a, s.b WHERE c", "DELETE a , s.b FROM a , s.b WHERE c"),
    ("DROP TABLE a, b NOWAIT", "DROP TABLE a , b"),
    ("DROP INDEX i ON t WAIT 3", "DROP INDEX i ON t"),
    ("DROP TEMPORARY TABLES t WAIT 3 CASCADE", "DROP TEMPORARY TABLE t CASCADE"),
    ("TRUNCATE TABLE s.t NOWAIT", "TRUNCATE TABLE s.t"),
    ("CREATE FULLTEXT INDEX i ON t (a)", "CREATE INDEX i ON t ( a )"),
    ("CREATE SPATIAL INDEX i ON t (a)", "CREATE INDEX i ON t ( a )"),
    ("CREATE DEFINER=CURRENT_USER VIEW v AS SELECT 1", "CREATE VIEW v AS SELECT 1"),
    ("CREATE TABLE t (a NATIONAL CHAR, b INET6)", "CREATE TABLE t ( a CHAR , b GEOMETRY )"),
    (
        "INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a = values(s.t.a) + b",
        "INSERT INTO t VALUES ( 1 ) ON DUPLICATE KEY UPDATE a = values ( a ) + b",
    ),
    ("EXPLAIN PARTITIONS SELECT a FROM t", "EXPLAIN SELECT a FROM t"),
    ("SELECT {d'x'}, {fn f({fn g(?)})}", "SELECT 'x' , f ( g ( ? ) )"),
    ("SELECT 1 FROM {oj a JOIN b}", "SELECT 1 FROM a JOIN b"),
)
#: Texts in which the same words are names, or of which a part must be seen.
AS_THEY_ARE = (
    "SELECT a FROM rows examined JOIN t",
    "SELECT a FROM t LIMIT 1 ROWS EXAMINED ?",
    "SELECT a FROM t LIMIT ROWS EXAMINED n",
    "UPDATE t FOR PORTION OF p FROM 'x' TO ( SELECT a FROM s ) SET a = 1",
    "UPDATE t FOR PORTION OF p FROM 'x' TO ? SET a = 1",
    "DELETE FROM t WHERE a IN ( SELECT s.* FROM s )",
    "DELETE FROM t RETURNING t.* , a",
    "DROP TABLE nowait",
    "DROP TABLE t , nowait",
    "DROP TABLE IF EXISTS nowait",
    "DROP TABLE s.nowait",
    "DROP INDEX nowait ON t",
    "DROP DATABASE d nowait",
    "TRUNCATE nowait",
    "CREATE TABLE t ( national char ( 3 ) )",
    "CREATE TABLE t ( a INT ) AS SELECT a , b point FROM s",
    "CREATE DEFINER = CURRENT_USER PROCEDURE p ( ) SELECT 1",
    "ALTER TABLE t DROP tables",
    "SELECT values ( t.a ) FROM t",
    "INSERT INTO t SELECT 1 ON DUPLICATE KEY UPDATE a = ( SELECT 1 FROM ( VALUES ( s.a ) ) v )",
    "INSERT INTO t VALUES ( 1 ) ON DUPLICATE KEY UPDATE a = ( VALUES ( a ) )",
    "INSERT INTO t ( a ) VALUES ( 1 ) , ( 2 )",
    "SELECT a FROM ( VALUES ( 1 ) , ( 2 ) ) AS t",
    "VALUES ( 1 , ( 2 )",
    "VALUES 1",
    "EXPLAIN partitions",
    "SELECT { x 'a' }",
    "SELECT { d ? }",
    "SELECT `{` , d , '}'",
)
_WORDS = sorted(
    {word for text, _ in SHOWN for word in text.split()} | {"'", "{", "}", "?", "(", ")"}
)


def canonical(text):
    """Return what is shown of a text, with literals in place of their numbers."""
    raw = text.encode()
    found = mysqlcanon.canonical(raw, mysqllexer.tokens(raw))
    shown = found.text
    for number, (kind, start, end) in enumerate(found.literals):
        mark = str(mysqlcanon.FIRST_NUMBER + number) if kind == lexer.NUMBER else f"'L{number}'"
        shown = shown.replace(mark, raw[start:end].decode())
    return shown


class Clauses(SynchronousTestCase):
    def test_what_is_shown(self):
        for text, expected in SHOWN:
            self.assertEqual(canonical(text), expected, text)

    def test_what_stays(self):
        for text in AS_THEY_ARE:
            self.assertEqual(canonical(text), text)

    def test_rows_that_are_a_query(self):
        """They are shown as a derived table, of a name that no text has."""
        for text, expected in (
            ("VALUES (1, 2), (3, 4)", "<( 1 , 2 ) , ( 3 , 4 )>"),
            ("VALUES ROW(1), ROW((2))", "<ROW ( 1 ) , ROW ( ( 2 ) )>"),
            ("VALUES (1) EXCEPT VALUES (2)", "<( 1 )> EXCEPT VALUES ( 2 )"),
            ("WITH c AS (VALUES (1), (2)) SELECT 1", "WITH c AS ( <( 1 ) , ( 2 )> ) SELECT 1"),
            ("SELECT (VALUES (1) UNION SELECT 2)", "SELECT ( <( 1 )> UNION SELECT 2 )"),
            ("CREATE TABLE t AS VALUES (1)", "CREATE TABLE t AS <( 1 )>"),
        ):
            expected = expected.replace("<", "SELECT * FROM ( VALUES ")
            shown = canonical(text)
            self.assertEqual(shown, expected.replace(">", " ) AS `values\ud800`"), text)

    def test_no_rule_takes_one_statement_for_the_other(self):
        """A clause that is not shown counts where statements are compared."""
        for text, shown in SHOWN:
            trees = []
            for each in (text, shown):
                raw = each.encode()
                [found] = MYSQL.parse(raw, MYSQL.tokens(raw, MYSQL.mode), MYSQL.mode)
                trees.append(str(found.tree.fields.get("into")))
            is_same = "TABLES" in text and "WAIT" not in text
            self.assertEqual(trees[0] == trees[1], is_same, text)

    @given(st.lists(st.sampled_from(_WORDS), max_size=12))
    def test_placeholders_are_never_left_out(self, words):
        raw = [word.lower().encode() for word in words]
        kinds = [lexer.PARAMETER if word == b"?" else lexer.WORD for word in raw]
        left = mysqlclauses.shown(mysqlclauses.Words(kinds, raw))
        self.assertNotIn(lexer.PARAMETER, [kinds[place] for place in left])
