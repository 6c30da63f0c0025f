"""MySQL's text as the parser is shown it."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import LexError
from acra_twisted.sql import mysqlcanon, mysqllexer

PARTITIONED = (
    *("partition", "by", "list", "(", "a", ")"),
    *("(", "partition", "p", "values", "in", "(", "?", ")", ")"),
)


class Canonical(SynchronousTestCase):
    def canonical(self, text, **mode):
        raw = text.encode()
        return mysqlcanon.canonical(raw, mysqllexer.tokens(raw, **mode)).text

    def test_no_literal_and_no_comment_is_left(self):
        self.assertEqual(
            self.canonical("SELECT 'secret' 'more', 75, x'1F' /* c */ -- d\nFROM t"),
            "SELECT 'L0' , 900000001 , 'L2' FROM t",
        )

    def test_what_sqlglot_does_not_know(self):
        self.assertEqual(self.canonical("REPLACE LOW_PRIORITY t"), "INSERT t")
        self.assertEqual(self.canonical("DELETE QUICK IGNORE FROM t"), "DELETE FROM t")
        self.assertEqual(self.canonical("SELECT _utf8'x', 1abc"), "SELECT 'L0' , `1abc`")
        self.assertEqual(self.canonical('SELECT "a`b"', ansi_quotes=True), "SELECT `a``b`")

    def test_quoted_variables_are_shown_as_every_parser_reads_them(self):
        """A backslash in one is a letter to a server in some modes, and no parser is told which."""
        for text, expected, mode in (
            ("SELECT @a, @'b', @@c", "SELECT @a , @`b` , @@c", {}),
            (r"SELECT @'\', 1", r"SELECT @`\` , 900000000", {"no_backslash": True}),
            (r'SELECT @"\", 1', r"SELECT @`\` , 900000000", {"ansi_quotes": True}),
            (r"SELECT @`\`, 1", r"SELECT @`\` , 900000000", {}),
            ("""SELECT @"' -- ", @'a''`b'""", "SELECT @`' -- ` , @`a'``b`", {}),
            ("SELECT @", "SELECT @", {}),
        ):
            self.assertEqual(self.canonical(text, **mode), expected)

    def test_names_with_dots_in_them_stay(self):
        self.assertEqual(self.canonical("SELECT a . b FROM `c . d`"), "SELECT a.b FROM `c . d`")

    def test_what_stalls_a_parser_is_refused(self):
        for text in ("SELECT 1 FROM t" + " JOIN t" * 9, "(" * 101):
            with self.assertRaises(LexError):
                self.canonical(text)
        self.canonical("SELECT 1 FROM t" + " JOIN t ON 1" * 50)

    def test_partitions_with_a_query_are_not_left_out(self):
        for text in (
            "CREATE TABLE t PARTITION BY HASH (a) SELECT 1 AS a FROM s",
            "CREATE TABLE t PARTITION BY HASH (a) (SELECT 1 AS a)",
            "CREATE TABLE t PARTITION BY HASH (a) VALUES (1)",
            "CREATE TABLE t PARTITION BY HASH (a) TABLE s",
            "CREATE TABLE t (a int) PARTITION BY HASH (a); SELECT 1",
            "CREATE VIEW v AS SELECT a, rank() OVER (PARTITION BY a) FROM t",
            "SELECT a FROM t PARTITION BY b",
        ):
            raw = text.encode()
            found = mysqlcanon.canonical(raw, mysqllexer.tokens(raw))
            self.assertEqual(found.left_out, (), text)

    def test_words_between_select_and_what_is_selected(self):
        for text, expected in (
            ("SELECT ALL a FROM t", "SELECT a FROM t"),
            ("SELECT SQL_NO_CACHE ALL a FROM t", "SELECT SQL_NO_CACHE a FROM t"),
            ("SELECT DISTINCTROW a FROM t", "SELECT DISTINCT a FROM t"),
            ("SELECT 1 UNION ALL SELECT a", "SELECT 900000000 UNION ALL SELECT a"),
            ("SELECT a > ALL (SELECT 1)", "SELECT a > ALL ( SELECT 900000000 )"),
        ):
            raw = text.encode()
            found = mysqlcanon.canonical(raw, mysqllexer.tokens(raw)).text
            self.assertEqual(found, expected)

    def test_clauses_that_are_left_out(self):
        for text, expected, left_out in (
            ("SELECT a INTO @x, @y FROM t", "SELECT a FROM t", ("into", "@x", ",", "@y")),
            ("SELECT a FROM t INTO OUTFILE 'f'", "SELECT a FROM t", ("into", "outfile", "?")),
            ("SELECT 1 INTO x", "SELECT 900000000 INTO x", ()),
            ("INSERT INTO v SELECT 1", "INSERT INTO v SELECT 900000000", ()),
            ("SELECT 1 INTO OUTFILE s", "SELECT 900000000 INTO OUTFILE s", ()),
            ("INSERT INTO outfile VALUES (1)", "INSERT INTO outfile VALUES ( 900000000 )", ()),
            (
                "CREATE TABLE t (a int) PARTITION /* b */ BY LIST (a) (PARTITION p VALUES IN (1))",
                "CREATE TABLE t ( a int )",
                PARTITIONED,
            ),
        ):
            raw = text.encode()
            found = mysqlcanon.canonical(raw, mysqllexer.tokens(raw))
            self.assertEqual((found.text, found.left_out), (expected, left_out))
