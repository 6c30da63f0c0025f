"""Clauses that sqlglot does not know: what it is shown, and what stays as it was."""

from itertools import combinations_with_replacement

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.censor import denials
from acra_twisted.censor.patterns import literal_values
from acra_twisted.errors import LexError
from acra_twisted.sql import lexer, mysqlcanon, mysqlclauses, mysqllexer, tree
from acra_twisted.sql.languages import LANGUAGES
from acra_twisted.sql.tree import UnparsableError

MYSQL = LANGUAGES["mysql"]
#: Texts, each with what is shown of it.
SHOWN = (
    ("SELECT a FROM t LIMIT 1, 2 ROWS EXAMINED 9", "SELECT a FROM t LIMIT 1 , 2"),
    ("SELECT a FROM t LIMIT ROWS EXAMINED 9 FOR UPDATE", "SELECT a FROM t FOR UPDATE"),
    ("SELECT a FROM t LIMIT ? ROWS EXAMINED 9", "SELECT a FROM t LIMIT ?"),
    ("UPDATE t FOR PORTION OF p FROM DATE 'x' TO 'y' SET a = 1", "UPDATE t SET a = 1"),
    ("DELETE FROM t FOR PORTION OF `p` FROM 1 TO 2 WHERE b", "DELETE FROM t WHERE b"),
    ("DELETE a.*, s.b.* FROM a, s.b WHERE c", "DELETE a , s.b FROM a , s.b WHERE c"),
    ("DELETE FROM a.*, b USING a, b WHERE c", "DELETE FROM a , b USING a , b WHERE c"),
    ("DELETE QUICK s.t.* FROM s.`t` WHERE c", "DELETE FROM s.`t` WHERE c"),
    ("DELETE t FROM t", "DELETE FROM t"),
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
    ("SELECT 1 FROM {oj a JOIN b} WHERE c", "SELECT 1 FROM a JOIN b WHERE c"),
    ("SELECT 1 FROM {oj a JOIN b} JOIN c", "SELECT 1 FROM ( a JOIN b ) JOIN c"),
    ("SELECT 1 FROM {oj s.a} JOIN b", "SELECT 1 FROM s.a JOIN b"),
    ("SELECT {fn a = 1 OR b} AND {fn (a)}", "SELECT ( a = 1 OR b ) AND ( a )"),
    ("SELECT {fn f(a) = 1}, {d 'x' = a}", "SELECT ( f ( a ) = 1 ) , ( 'x' = a )"),
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
    "SELECT { fn f ( } )",
    "UPDATE t FOR PORTION OF p FROM 1 TO '2' '3' SET a = 1",
    "DELETE t FROM s.t",
    "DELETE t FROM t JOIN s",
    "DELETE t , s FROM t , s",
    "SELECT `{` , d , '}'",
)
#: Texts, each with what is put between its words, in this order.
MOVED = (
    ("SELECT a FROM t WHERE f ( a ) = 1 AND b OR c", "{ fn", "}"),
    ("SELECT 'a' , 'b' = 'c'", "{ d", "}"),
    ("SELECT a FROM a LEFT JOIN b ON c = d JOIN e ON f , g", "{ oj", "}"),
    ("SELECT a , ( SELECT b FROM s LIMIT 2 ) FROM t LIMIT 2", "ROWS EXAMINED 9"),
    ("SELECT a , ( SELECT b FROM s ) FROM t", "LIMIT ROWS EXAMINED 9"),
    ("UPDATE t SET a = b WHERE c", "FOR PORTION OF p FROM 1 TO 2"),
    ("CREATE TABLE t ( a CHAR ( 1 ) , b CHAR ( 1 ) )", "NATIONAL"),
    ("CREATE TABLE t ( a , b )", "POINT"),
    ("DELETE a , b FROM a , b", ". *"),
    ("DROP TABLE a , b CASCADE", "NOWAIT"),
    (
        "INSERT INTO t VALUES ( 1 ) ON DUPLICATE KEY UPDATE a = values ( a ) , b = values ( b )",
        "t .",
    ),
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


def parsed(text):
    raw = text.encode()
    [found] = MYSQL.parse(raw, MYSQL.tokens(raw, MYSQL.mode), MYSQL.mode)
    return found.tree


def form(text, seen=lambda whole: whole):
    """Return what is compared of a text, the places of its literals and these in order."""
    raw = text.encode()
    shape, literals = tree.shape(seen(parsed(text)))
    tokens = mysqllexer.tokens(raw)
    values = literal_values(MYSQL, raw, tokens, MYSQL.mode)
    return shape, tuple(values[one.ordinal] for one in literals)


def denied(whole):
    return denials.Bared(MYSQL, whole).but(frozenset())


def form_if_any(text):
    """Return the same if the text can be read, and a clause of it is not shown."""
    try:
        return form(text) if tree.ASIDE in parsed(text).fields else None
    except (LexError, UnparsableError):
        return None


def aside(text):
    """Return what permissions compare of a text beside its tree."""
    return [item for item in parsed(text).fields[tree.ASIDE] if isinstance(item, str)]


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

    def test_no_permission_takes_one_statement_for_the_other(self):
        """A clause that is not shown counts there; denials do not see it."""
        for text, shown in SHOWN:
            is_same = "TABLES" in text and "WAIT" not in text
            self.assertEqual(form(text) == form(shown), is_same, text)
            if "GEOMETRY" not in shown:
                self.assertEqual(form(text, denied), form(shown, denied), text)

    def test_no_permission_lets_a_clause_move(self):
        """Wherever the words of a clause stand, no two texts are one statement."""
        for moved in MOVED:
            words, *clauses = [part.split() for part in moved]
            texts = {}
            for places in combinations_with_replacement(range(len(words) + 1), len(clauses)):
                changed = list(words)
                for place, clause in reversed(list(zip(places, clauses, strict=True))):
                    changed[place:place] = clause
                text = " ".join(changed)
                found = form_if_any(text)
                if found is not None:
                    self.assertEqual(texts.setdefault(found, text), text)
            self.assertGreater(len(texts), 1, moved)

    def test_patterns_leave_open_what_stands_before(self):
        for text in (
            "SELECT a FROM t WHERE {} LIMIT ROWS EXAMINED 9",
            "INSERT INTO t VALUES ({}) ON DUPLICATE KEY UPDATE a = values(t.a)",
        ):
            sides = [aside(text.format(open_)) for open_ in ("1", "b + c")]
            self.assertEqual(sides[0], sides[1])
            self.assertTrue(sides[0])

    def test_literals_are_counted_as_their_values_are(self):
        """Those that go on are one."""
        for text in (
            "SELECT a FROM t INTO OUTFILE 'f' FIELDS TERMINATED BY 'a' 'b'",
            "CREATE TABLE t (a int) PARTITION BY LIST (a) (PARTITION p VALUES IN ('a' 'b'))",
            "SELECT 'a' _utf8'b', 'c'",
            "UPDATE t FOR PORTION OF p FROM 1 TO '2' '3' SET a = 'b' 'c'",
        ):
            raw = text.encode()
            tokens = mysqllexer.tokens(raw)
            found = mysqlcanon.canonical(raw, tokens).literals
            self.assertEqual(len(found), len(literal_values(MYSQL, raw, tokens, MYSQL.mode)), text)

    def test_brackets_for_braces_are_no_way_around_the_bound_on_brackets(self):
        self.assertRaises(LexError, canonical, "SELECT " + "{fn 1 + " * 101 + "1" + "}" * 101)
        self.assertRaises(UnparsableError, form, "SELECT {fn f(}, 1)")

    @given(st.lists(st.sampled_from(_WORDS), max_size=12))
    def test_placeholders_are_never_left_out(self, words):
        raw = [word.lower().encode() for word in words]
        kinds = [lexer.PARAMETER if word == b"?" else lexer.WORD for word in raw]
        left = mysqlclauses.shown(mysqlclauses.Words(kinds, raw))
        self.assertNotIn(lexer.PARAMETER, [kinds[place] for place in left])
