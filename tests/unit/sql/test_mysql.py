"""MySQL trees: canonical text, tables, names that nothing explains."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import LexError
from acra_twisted.sql import mysql, mysqllexer
from acra_twisted.sql.tree import Literal, UnparsableError, shape, walk


def parse(text):
    raw = text.encode()
    return mysql.parse(raw, mysqllexer.tokens(raw))


def tables(text):
    return {".".join(p for p in t if p) for one in parse(text) for t in one.tables}


class Tables(SynchronousTestCase):
    def test_everywhere(self):
        for text, expected in (
            ("SELECT (SELECT 1 FROM t)", "t"),
            ("SELECT 1 FROM a, b JOIN c ON 1", "a b c"),
            ("SELECT`a`FROM`t`", "t"),
            ("SELECT 1e0FROM t", "t"),
            ("SELECT 1 FROM a UNION SELECT 1 FROM b", "a b"),
            ("INSERT INTO a SELECT 1 FROM b", "a b"),
            ("REPLACE INTO a VALUES (1)", "a"),
            ("UPDATE IGNORE a, b SET a.x = 1", "a b"),
            ("UPDATE a JOIN b ON 1 SET a.x = 1", "a b"),
            ("DELETE a FROM a JOIN b ON 1", "a b"),
            ("CREATE TABLE a LIKE t", "a t"),
            ("CREATE VIEW a AS SELECT 1 FROM t", "a t"),
            ("EXPLAIN SELECT 1 FROM t", "t"),
            ("ANALYZE SELECT 1 FROM t", "t"),
            ("ANALYZE FORMAT=JSON UPDATE t SET a = 1", "t"),
            ("ANALYZE TABLE t", "t"),
            ("DO (SELECT 1 FROM t)", "t"),
            ("ALTER TABLE a RENAME TO b", "a b"),
            ("DROP TABLE a, s.b", "a s.b"),
            ("TRUNCATE TABLE t", "t"),
            ("TABLE t", "t"),
            ("SELECT 1 FROM dual", ""),
            ("WITH t AS (SELECT 1) SELECT * FROM t", ""),
            ("WITH t AS (SELECT * FROM t) SELECT * FROM t", "t"),
            ("WITH RECURSIVE r AS (SELECT 1 UNION SELECT * FROM r) SELECT * FROM r", ""),
            ("WITH RECURSIVE r AS (SELECT * FROM t), t AS (SELECT 1) SELECT * FROM r", "t"),
            ("WITH RECURSIVE t AS (SELECT 1), r AS (SELECT * FROM t) SELECT * FROM r", ""),
            ("INSERT INTO v SELECT 1 FROM t", "v t"),
            ("SELECT 't'", ""),
        ):
            self.assertEqual(tables(text), set(expected.split()), text)

    def test_names_that_the_tree_does_not_explain(self):
        [parsed] = parse("SELECT a AS b FROM t")
        self.assertEqual(parsed.names, {"select", "as", "from"})


class Into(SynchronousTestCase):
    def test_variables_are_no_tables(self):
        for text in ("SELECT a INTO @x FROM t", "SELECT a, b FROM t INTO @x, @y"):
            [parsed] = parse(text)
            self.assertEqual([table.name for table in parsed.tables], ["t"], text)
            self.assertEqual(parsed.beyond, "")

    def test_files_are_beyond_a_table(self):
        for text in (
            "SELECT a FROM t INTO OUTFILE '/tmp/x'",
            "SELECT a INTO DUMPFILE '/tmp/x' FROM t",
            "SELECT a INTO OUTFILE '/x' CHARACTER SET utf8 FIELDS TERMINATED BY ',' OPTIONALLY "
            "ENCLOSED BY '\"' ESCAPED BY '' LINES STARTING BY 'x' TERMINATED BY x'0A' FROM t",
        ):
            [parsed] = parse(text)
            self.assertEqual([table.name for table in parsed.tables], ["t"], text)
            self.assertIn("file", parsed.beyond)
            self.assertNotIn("unplaced", parsed.tree.fields)
            into = parsed.tree.fields["into"]
            self.assertEqual([type(part) for part in into[:2]], [str, Literal])
            self.assertEqual([one.ordinal for one in into[1:]], list(range(len(into) - 1)))
            self.assertFalse(parsed.whole)

    def test_the_clause_is_part_of_the_statement(self):
        one, other = (parse(f"SELECT a FROM t INTO @{name}")[0] for name in "xy")
        self.assertNotEqual(shape(one.tree), shape(other.tree))
        self.assertEqual(tables("INSERT INTO outfile VALUES (1)"), {"outfile"})


class Remarks(SynchronousTestCase):
    def test_what_the_text_does_not_show(self):
        for text in (
            "CALL p(1)",
            "PREPARE s FROM @x",
            "EXECUTE s",
            "CREATE PROCEDURE p() SELECT 1",
            "SELECT load_file('x')",
            "SET STATEMENT a = 1 FOR SELECT 1",
            "BEGIN NOT ATOMIC SELECT 1",
        ):
            self.assertTrue(parse(text)[0].opaque, text)

    def test_settings_that_change_the_rest_of_the_text(self):
        self.assertTrue(parse("SET sql_mode = 'ANSI_QUOTES'; SELECT 1")[0].refused)
        self.assertEqual(parse("SELECT 1; SET sql_mode = 'ANSI_QUOTES'")[1].refused, "")

    def test_ordinals_count_over_the_whole_text(self):
        first, second = parse("SELECT 1; SELECT 2")
        self.assertEqual(second.tree.fields["expressions"][0].ordinal, 1)
        self.assertTrue(first.whole and second.whole)

    def test_literals_that_the_tree_does_not_hold_are_part_of_it(self):
        for text in (
            "SELECT a AS 'x' FROM t",
            "CALL p('x')",
            "SHOW STATUS LIKE 'x'",
        ):
            [parsed] = parse(text)
            found = [item.ordinal for item in walk(parsed.tree) if type(item) is Literal]
            self.assertEqual(found, [0], text)
            self.assertFalse(parsed.whole, text)


class Robustness(SynchronousTestCase):
    @given(
        st.lists(
            st.sampled_from(
                [
                    "SELECT",
                    "FROM",
                    "t",
                    "(",
                    ")",
                    ",",
                    "1",
                    "'x'",
                    "WITH",
                    "AS",
                    "a",
                    ".",
                    ";",
                    "=",
                    "*",
                    "-",
                    "?",
                    "@x",
                ]
            )
        )
    )
    def test_token_soup_is_parsed_or_refused(self, words):
        try:
            parse(" ".join(words))
        except (UnparsableError, LexError):
            pass
