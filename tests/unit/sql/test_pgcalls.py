"""Calls: every form in which a statement ends in a function, and what it reaches then."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sql import lexer, pgcalls, postgresql, tree
from acra_twisted.sql.tree import Node, Table


def parse(text):
    raw = text.encode()
    [parsed] = postgresql.parse(raw, lexer.tokens(raw))
    return parsed


class Forms(SynchronousTestCase):
    def test_what_ends_in_a_function_that_runs_sql(self):
        for text in (
            "SELECT ts_stat('x')",
            "SELECT pg_catalog.ts_stat('x')",
            "SELECT ('x'::text).ts_stat",
            "SELECT ($1).ts_stat",
            "SELECT (a[1]).ts_stat FROM t",
            "SELECT (t.a).ts_stat FROM t",
            "SELECT t.ts_stat FROM t",
            "SELECT public.t.ts_stat FROM t",
            "SELECT ((SELECT 'x')).ts_stat",
            "SELECT (lower('x')).ts_stat.word",
            "SELECT * FROM ts_stat('x')",
            "SELECT * FROM ROWS FROM (ts_stat('x')) AS s",
            "SELECT 1 FROM t GROUP BY (a).ts_stat HAVING true ORDER BY 1",
            "CREATE INDEX i ON t (((a).ts_stat))",
            "ALTER TABLE t ALTER a SET DEFAULT (ts_stat('x')).word",
            "CREATE POLICY p ON t USING ((a).ts_stat IS NULL)",
            "EXPLAIN SELECT ts_stat('x')",
        ):
            self.assertIn("ts_stat", parse(text).opaque, text)

    def test_fields_and_columns(self):
        for text in (
            "SELECT (p.x).name FROM p",
            "SELECT p.row_to_json FROM p",
            "SELECT ('a'::text).upper",
            "SELECT (p.x).street FROM p",
            "SELECT ts_stat FROM p",
            "INSERT INTO t (a.ts_stat) VALUES (1)",
        ):
            parsed = parse(text)
            self.assertEqual((parsed.opaque, parsed.unknown), ("", frozenset()), text)

    def test_the_number_of_arguments_decides_where_it_matters(self):
        self.assertTrue(parse("SELECT ts_rewrite(a, 'x') FROM t").opaque)
        self.assertTrue(parse("SELECT ts_rewrite(a, VARIADIC ARRAY['x']) FROM t").opaque)
        self.assertEqual(parse("SELECT ts_rewrite(a, b, c) FROM t").opaque, "")


class Relations(SynchronousTestCase):
    def test_one_that_a_literal_names(self):
        for text, expected in (
            ("SELECT verify_heapam('secrets')", Table("", "secrets")),
            ("SELECT verify_heapam('Public.Secrets')", Table("public", "secrets")),
            ("SELECT verify_heapam('\"A.b\"'::regclass)", Table("", "A.b")),
            ("SELECT verify_heapam('t'::text::regclass)", Table("", "t")),
            ("SELECT verify_heapam(to_regclass(' t '))", Table("", "t")),
            ("SELECT verify_heapam('t'::varchar::pg_catalog.regclass)", Table("", "t")),
            ("SELECT ('t'::regclass).nextval", Table("", "t")),
            ("SELECT setval(pg_get_serial_sequence('t', 'id'), 3)", Table("", "t")),
            ("SELECT has_table_privilege('app', 't', 'SELECT')", Table("", "t")),
            ("SELECT has_table_privilege('t', 'SELECT')", Table("", "t")),
            ("SELECT pg_clear_relation_stats('s', 'T')", Table("", "T")),
            ("SELECT pg_restore_relation_stats('schemaname', 's', 'relname', 't')", Table("", "t")),
        ):
            parsed = parse(text)
            self.assertEqual(parsed.tables, {expected}, text)
            self.assertEqual((parsed.opaque, parsed.whole), ("", False), text)

    def test_one_that_the_text_does_not_name(self):
        for argument in (
            *("$1", "'a' || 'b'", "16384", "'16384'", "c.oid", "relation => 't'", "''"),
            *("'tx'::varchar(1)", "'tx'::char", "'tx'::own", "'tx'::text[]", "own.text('t')"),
        ):
            parsed = parse(f"SELECT verify_heapam({argument}) FROM c")
            self.assertTrue(parsed.opaque, argument)
            self.assertEqual(parsed.tables, {Table("", "c")}, argument)

    def test_keys_and_names_of_statistics(self):
        for arguments in ("'relname', 'a', 'relname', 'b'", "$1, 'a'", "'relname'", "VARIADIC $1"):
            parsed = parse(f"SELECT pg_restore_relation_stats({arguments})")
            self.assertTrue(parsed.opaque, arguments)

    def test_what_only_tells_of_a_relation_may_be_given_any(self):
        parsed = parse("SELECT pg_relation_size(c.oid), pg_get_viewdef($1) FROM pg_class c")
        self.assertEqual((parsed.opaque, parsed.apart, parsed.whole), ("", "", True))

    @given(st.text(max_size=30))
    def test_any_text_names_a_relation_or_none(self, text):
        found = pgcalls.qualified(text)
        self.assertTrue(found is None or found.name)


class Reach(SynchronousTestCase):
    def test_views_behind_which_a_function_stands(self):
        names = {view.name for view in parse("SELECT * FROM pg_stat_get_activity(NULL)").views}
        self.assertIn("pg_stat_activity", names)
        self.assertEqual(parse("SELECT (1::oid).lo_get").views, {Table("", "pg_largeobject")})
        self.assertEqual(parse("SHOW ALL").views, {Table("", "pg_settings")})
        parsed = parse("SELECT pg_get_viewdef('v')")
        self.assertIn(Table("", "pg_views"), parsed.views)
        self.assertEqual(parsed.tables, {Table("", "v")})

    def test_what_acts_beyond_tables(self):
        parsed = parse("SELECT pg_terminate_backend(1)")
        self.assertEqual(parsed.opaque, "")
        self.assertIn("pg_terminate_backend", parsed.apart)

    def test_catalogs(self):
        self.assertTrue(parse("SELECT * FROM pg_stats").values)
        self.assertEqual(parse("SELECT * FROM own.pg_stats").values, "")
        self.assertEqual(parse("TABLE pg_shadow").shown, {Table("", "pg_authid")})
        self.assertTrue(parse("TABLE pg_toast.pg_toast_16384").opaque)

    def test_what_the_table_does_not_have(self):
        for text, unknown, unsure in (
            ("SELECT own(1)", {"function own"}, set()),
            ("SELECT own.upper('a')", {"function upper"}, set()),
            ("SELECT ('a'::text).own", {"function own"}, set()),
            ("SELECT (t.a).own FROM t", set(), {"function own"}),
            ("SELECT (a || b).own, (ARRAY[a]).own FROM t", {"function own"}, set()),
            ("SELECT (a IS NULL).own, (CURRENT_USER).own FROM t", {"function own"}, set()),
            ("SELECT (f.a).own FROM t f", set(), {"function own"}),
            ("SELECT 1 @@@@ 2", {"operator @@@@"}, set()),
            ("SELECT 1 OPERATOR(own.##) 2", {"operator ##"}, set()),
            ("SELECT 1 @@@@ ALL (SELECT 1)", {"operator @@@@"}, set()),
            ("SELECT 1 ORDER BY 1 USING @@@@", {"operator @@@@"}, set()),
            ("SELECT 1 FROM t TABLESAMPLE own (1)", {"function own"}, set()),
            ("SELECT a BETWEEN 1 AND 2, a IN (1), a LIKE 'b', a ~ 'b', -a FROM t", set(), set()),
            ("SELECT EXTRACT(year FROM a), OVERLAY('a' PLACING 'b' FROM 1) FROM t", set(), set()),
            (
                "SELECT 'a' SIMILAR TO 'b', a AT TIME ZONE 'UTC', b COLLATE \"C\" FROM t",
                set(),
                set(),
            ),
            (
                "SELECT CURRENT_USER, COALESCE(a, 1), GREATEST(a, 1), a IS DISTINCT FROM 1 FROM t",
                set(),
                set(),
            ),
            (
                "SELECT text(1), date(b), pg_catalog.int8(1) FROM t TABLESAMPLE system (1)",
                set(),
                set(),
            ),
        ):
            parsed = parse(text)
            self.assertEqual((parsed.unknown, parsed.unsure), (unknown, unsure), text)


class Bindings(SynchronousTestCase):
    def test_a_function_under_another_name(self):
        for function, refused in (
            ("ts_rewrite", True),
            ("pg_catalog.lo_get", True),
            ("upper", False),
        ):
            for text in (
                f"CREATE OPERATOR @@@@ (FUNCTION = {function}, LEFTARG = text, RIGHTARG = text)",
                f"CREATE OPERATOR @@@@ (PROCEDURE = upper, RIGHTARG = text, JOIN = {function})",
                f"CREATE AGGREGATE a (text) (SFUNC = {function}, STYPE = text)",
                f"CREATE AGGREGATE a (text) (SFUNC = upper, STYPE = text, MFINALFUNC = {function})",
                f"CREATE AGGREGATE a (BASETYPE = text, SFUNC1 = {function}, STYPE1 = text)",
                f"CREATE TYPE a (INPUT = textin, OUTPUT = {function})",
                f"CREATE TYPE a AS RANGE (SUBTYPE = text, CANONICAL = {function})",
                f"CREATE CAST (text AS oid) WITH FUNCTION {function}(text)",
                f"CREATE OPERATOR CLASS a FOR TYPE text USING btree AS FUNCTION 1 {function}(text)",
                f"ALTER OPERATOR FAMILY a USING btree ADD FUNCTION 1 (text) {function}(text)",
                f"ALTER OPERATOR + (int, int) SET (RESTRICT = {function})",
                f"ALTER TYPE a SET (RECEIVE = {function})",
                f"CREATE CONVERSION a FOR 'UTF8' TO 'LATIN1' FROM {function}",
                f"CREATE TRANSFORM FOR text LANGUAGE sql (FROM SQL WITH FUNCTION {function}(text))",
                f"CREATE TEXT SEARCH PARSER a (START = {function}, GETTOKEN = prsd_nexttoken)",
            ):
                self.assertEqual(bool(parse(text).opaque), refused, text)

    def test_a_routine_that_is_changed(self):
        for change in ("RENAME TO x", "SET SCHEMA s", "OWNER TO r", "SECURITY DEFINER"):
            for routine, refused in (
                ("ts_stat", True),
                ("own", True),
                ("s.upper", True),
                ("upper", False),
            ):
                text = f"ALTER FUNCTION {routine}(text) {change}"
                self.assertEqual(bool(parse(text).opaque), refused, text)

    def test_one_that_the_table_does_not_have(self):
        parsed = parse("CREATE CAST (text AS oid) WITH FUNCTION own(text)")
        self.assertEqual((parsed.opaque, parsed.unknown), ("", {"function own"}))


class Wildcards(SynchronousTestCase):
    def test_what_a_wildcard_of_a_permission_does_not_admit(self):
        for text, opaque in (
            (
                "SELECT upper(a), pg_relation_size(a), t.a, (t.a).b, ts_rewrite(a, b, c) FROM t",
                False,
            ),
            ("SELECT ts_stat(a) FROM t", True),
            ("SELECT (a).ts_stat FROM t", True),
            ("SELECT t.ts_stat FROM t", True),
            ("SELECT ts_rewrite(a, b) FROM t", True),
            ("SELECT concat(VARIADIC a) FROM t", False),
            ("SELECT pg_sleep(1) FROM t", True),
            ("SELECT set_config('a.b', 'c', false) FROM t", True),
        ):
            nodes = [n for n in tree.walk(parse(text).tree) if type(n) is Node]
            self.assertEqual(any(pgcalls.is_opaque(node) for node in nodes), opaque, text)
