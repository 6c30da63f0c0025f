"""PostgreSQL trees: tables with scope, nested statements, what the text does not show."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sql import lexer, postgresql


def parse(text):
    raw = text.encode()
    return postgresql.parse(raw, lexer.tokens(raw))


def tables(text):
    return {".".join(p for p in t if p) for one in parse(text) for t in one.tables}


class Tables(SynchronousTestCase):
    def test_everywhere(self):
        for text, expected in (
            ("SELECT (SELECT 1 FROM t)", "t"),
            ("SELECT 1 FROM a, b JOIN c ON true", "a b c"),
            ("SELECT 1 ORDER BY (SELECT 1 FROM t)", "t"),
            ("SELECT 1 LIMIT (SELECT 1 FROM t)", "t"),
            ("SELECT 1 FROM a GROUP BY b HAVING exists (SELECT FROM t)", "a t"),
            ("SELECT sum(x) FILTER (WHERE x IN (SELECT 1 FROM t)) FROM a", "a t"),
            ("SELECT 1 FROM a UNION SELECT 1 FROM b EXCEPT SELECT 1 FROM c", "a b c"),
            (
                "INSERT INTO a SELECT 1 FROM b ON CONFLICT DO UPDATE SET x = (SELECT 1 FROM c)",
                "a b c",
            ),
            ("INSERT INTO a VALUES ((SELECT 1 FROM t)) RETURNING (SELECT 1 FROM b)", "a b t"),
            ("UPDATE a SET x = 1 FROM b WHERE y IN (SELECT 1 FROM c)", "a b c"),
            ("DELETE FROM a USING b", "a b"),
            ("MERGE INTO a USING b ON true WHEN MATCHED THEN DO NOTHING", "a b"),
            ("COPY s.t TO STDOUT", "s.t"),
            ("COPY (SELECT 1 FROM t) TO STDOUT", "t"),
            ("CREATE TABLE a AS SELECT 1 FROM t", "a t"),
            ("CREATE TABLE a (LIKE t) INHERITS (p)", "a p t"),
            ("CREATE VIEW a AS SELECT 1 FROM t", "a t"),
            ("CREATE RULE r AS ON SELECT TO a DO INSTEAD SELECT 1 FROM t", "a t"),
            ("CREATE INDEX i ON t (a)", "t"),
            ("EXPLAIN ANALYZE SELECT 1 FROM t", "t"),
            ("PREPARE s AS SELECT 1 FROM t", "t"),
            ("DECLARE c CURSOR FOR SELECT 1 FROM t", "t"),
            ("LOCK a, b", "a b"),
            ("TRUNCATE a, s.b", "a s.b"),
            ("ALTER TABLE a RENAME TO b", "a b"),
            ("DROP TABLE a, s.b", "a s.b"),
            ("DROP TRIGGER g ON t", "t"),
            ("COMMENT ON COLUMN t.c IS 'x'", "t"),
            ("GRANT SELECT ON t TO x", "t"),
            ("CREATE SEQUENCE q OWNED BY t.c", "q t"),
            ("TABLE t", "t"),
            ('SELECT 1 FROM U&"\\0074", "T"', "t T"),
        ):
            self.assertEqual(tables(text), set(expected.split()), text)

    def test_names_that_are_none(self):
        for text in ("SELECT 't'", "SELECT t FROM generate_series(1, 2) t", "SELECT /* t */ 1"):
            self.assertEqual(tables(text), set(), text)

    def test_common_table_expressions_hide(self):
        for text, expected in (
            ("WITH t AS (SELECT 1) SELECT * FROM t", ""),
            ("WITH t AS (SELECT 1) SELECT * FROM s.t", "s.t"),
            ("WITH t AS (SELECT * FROM t) SELECT * FROM t", "t"),
            ("WITH RECURSIVE t AS (SELECT 1 UNION SELECT * FROM t) SELECT * FROM t", ""),
            ("WITH a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a, b", "b"),
            ("WITH RECURSIVE a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a", ""),
            ("SELECT (WITH t AS (SELECT 1) SELECT 1 FROM t), * FROM t", "t"),
            ("WITH t AS (SELECT 1) INSERT INTO t SELECT * FROM t", "t"),
        ):
            self.assertEqual(tables(text), set(expected.split()), text)


class Remarks(SynchronousTestCase):
    def test_what_the_text_does_not_show(self):
        for text in (
            "DO $$ x $$",
            "CALL p()",
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "SELECT query_to_xml('SELECT 1', true, true, '')",
            "SELECT * FROM dblink('x', 'y') AS t(a int)",
            "SELECT pg_catalog.pg_read_file('x')",
            "SELECT * FROM ts_stat('SELECT 1')",
        ):
            self.assertTrue(parse(text)[0].opaque, text)
        self.assertEqual(parse("SELECT upper('x')")[0].opaque, "")

    def test_files_and_programs_are_beyond_tables(self):
        self.assertTrue(parse("COPY t TO PROGRAM 'cat'")[0].beyond)
        self.assertTrue(parse("COPY t FROM '/x'")[0].beyond)
        self.assertEqual(parse("COPY t FROM STDIN")[0].beyond, "")

    def test_unsafe_encodings_are_refused(self):
        for text in (
            "SET client_encoding TO 'SJIS'",
            "SET client_encoding = gbk",
            "SET NAMES 'big-5'",
            "SELECT set_config('client_encoding', 'gb18030', false)",
        ):
            self.assertTrue(parse(text)[0].refused, text)
        # What it becomes the server reports; until then a text must mean the same in any encoding.
        later = "SELECT set_config('client_encoding', $1, false)"
        for text in (
            later,
            "SET NAMES 'UTF8'",
            "SET client_encoding TO latin1",
            "SET search_path TO a",
        ):
            self.assertEqual(parse(text)[0].refused, "", text)

    def test_prepared_statements_are_named(self):
        self.assertEqual(parse("PREPARE s AS SELECT 1")[0].prepares, "s")
        self.assertEqual(parse("EXECUTE s (1)")[0].executes, "s")

    def test_whole_says_that_every_literal_is_in_the_tree(self):
        for text in ("SELECT 1, -2, 'x', E'y' FROM t LIMIT 3", "INSERT INTO t VALUES (1, 'a')"):
            self.assertTrue(parse(text)[0].whole, text)
        for text in ("SELECT float(5) '1'", "COMMENT ON TABLE t IS 'x'", "SET a = 'b'"):
            self.assertFalse(parse(text)[0].whole, text)


class Configuration(SynchronousTestCase):
    def test_set_config_is_what_set_is(self):
        [parsed] = parse("SELECT set_config('TimeZone', 'UTC', false)")
        self.assertEqual((parsed.opaque, parsed.refused), ("", ""))
        self.assertTrue(parse("SELECT set_config($1, 'UTC', false)")[0].opaque)
        self.assertTrue(parse("SELECT set_config('client_encoding', 'SJIS', false)")[0].refused)
