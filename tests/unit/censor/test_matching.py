"""Placeholders, in both languages: what each stands for and what it does not."""

from acra_twisted.censor.denials import Bared
from acra_twisted.censor.matching import Matcher
from acra_twisted.censor.patterns import read_pattern, read_query
from acra_twisted.sql.languages import LANGUAGES
from tests.support.matching import Matching

CASES = (
    # pattern, what it matches, what it does not
    (
        "SELECT a FROM t WHERE b = %%VALUE%%",
        ["b = 1", "b = 'x'", "b = NULL", "b = TRUE"],
        ["b = c", "b = (SELECT 1)", "b = 1 + 1", "b = f(1)", "b = 1 AND c = 1", "b > 1"],
    ),
    (
        "SELECT a FROM t WHERE b IN (%%LIST_OF_VALUES%%)",
        ["b IN (1)", "b IN (1, 'x', NULL)"],
        ["b IN (1, c)", "b IN (1, sleep(5))", "b IN (SELECT 1)", "b NOT IN (1)"],
    ),
    (
        "SELECT a FROM t WHERE b IN (1, %%LIST_OF_VALUES%%)",
        ["b IN (1, 2)", "b IN (1, 2, 3)"],
        ["b IN (1)", "b IN (2, 2)"],
    ),
    ("SELECT a FROM t WHERE b = (%%SUBQUERY%%)", ["b = (SELECT 1 FROM x)"], ["b = 1", "b = c"]),
    (
        "SELECT a FROM t WHERE %%COLUMN%% = 1",
        ["b = 1", "t.b = 1", "lower(b) = 1", "(SELECT 1) = 1"],
        ["b + 1 = 1", "b = 2"],
    ),
)


class Tokens(Matching):
    def test_in_a_condition(self):
        for language in LANGUAGES.values():
            for pattern, good, bad in CASES:
                for condition in good:
                    query = f"SELECT a FROM t WHERE {condition}"
                    self.assertTrue(self.matches(language, pattern, query), (pattern, query))
                for condition in bad:
                    query = f"SELECT a FROM t WHERE {condition}"
                    self.assertFalse(self.matches(language, pattern, query), (pattern, query))

    def test_where_stands_for_the_where_clause_alone(self):
        for language in LANGUAGES.values():
            for start in ("SELECT a FROM t", "UPDATE t SET a = 1", "DELETE FROM t"):
                pattern = f"{start} %%WHERE%%"
                for end in ("", " WHERE a = 1", " WHERE a = 1 OR b IN (SELECT 1)"):
                    self.assertTrue(self.matches(language, pattern, start + end), start + end)
            for end in (" GROUP BY a", " ORDER BY a", " LIMIT 1", " FOR UPDATE", " HAVING a > 1"):
                query = f"SELECT a FROM t WHERE a = 1{end}"
                self.assertFalse(self.matches(language, "SELECT a FROM t %%WHERE%%", query), query)

    def test_clauses_absent_from_a_pattern_must_be_absent(self):
        for language in LANGUAGES.values():
            for query in (
                "SELECT DISTINCT a FROM t",
                "SELECT a FROM t LIMIT 1",
                "SELECT a FROM t FOR UPDATE",
                "WITH c AS (SELECT 1) SELECT a FROM t",
                "SELECT a FROM t, u",
                "SELECT a, b FROM t",
                "SELECT a AS b FROM t",
                "SELECT a FROM t AS t",
                "SELECT a FROM s.t",
            ):
                self.assertFalse(self.matches(language, "SELECT a FROM t", query), query)
            self.assertTrue(self.matches(language, "SELECT a FROM t", "select  a\nFROM t -- x"))

    def test_star_matches_any_select_list(self):
        for language in LANGUAGES.values():
            for query in ("SELECT a, b FROM t", "SELECT count(*) FROM t", "SELECT * FROM t"):
                self.assertTrue(self.matches(language, "SELECT * FROM t", query), query)
            query = "SELECT (SELECT x FROM secrets) FROM t"
            self.assertFalse(self.matches(language, "SELECT * FROM t", query))
            self.assertTrue(self.matches(language, "SELECT * FROM t", query, guards=False))

    def test_insert(self):
        for language in LANGUAGES.values():
            pattern = "INSERT INTO t (a, b) VALUES (%%VALUE%%, %%VALUE%%)"
            self.assertTrue(self.matches(language, pattern, "INSERT INTO t (a, b) VALUES (1, 'x')"))
            for query in (
                "INSERT INTO t (a, b) VALUES (1, 2), (3, 4)",
                "INSERT INTO t (a) VALUES (1)",
                "INSERT INTO t (a, b) VALUES (1, (SELECT 2))",
                "INSERT INTO t (a, b) SELECT 1, 2",
            ):
                self.assertFalse(self.matches(language, pattern, query), query)

    def test_union(self):
        for language in LANGUAGES.values():
            pattern = "%%SELECT%% UNION SELECT a FROM t"
            self.assertTrue(self.matches(language, pattern, "SELECT 1 UNION SELECT a FROM t"))
            for query in ("SELECT 1 UNION ALL SELECT a FROM t", "SELECT 1 UNION SELECT b FROM t"):
                self.assertFalse(self.matches(language, pattern, query), query)

    def test_a_select_stands_for_no_union(self):
        """Nor for anything else that is made of two."""
        for language in LANGUAGES.values():
            pattern = "SELECT a FROM t WHERE b IN (%%SELECT%%)"
            start = "SELECT a FROM t WHERE b IN"
            self.assertTrue(self.matches(language, pattern, f"{start} (SELECT 1)"))
            for kind in ("UNION", "UNION ALL", "EXCEPT", "INTERSECT"):
                query = f"{start} (SELECT 1 {kind} SELECT 2)"
                self.assertFalse(self.matches(language, pattern, query), query)

    def test_where_and_all_else_must_be_alike(self):
        """A placeholder excuses nothing else in the statement."""
        for language in LANGUAGES.values():
            for pattern, good, bad in (
                (
                    "SELECT a FROM t %%WHERE%% ORDER BY a",
                    ["SELECT a FROM t WHERE b = 1 ORDER BY a", "SELECT a FROM t ORDER BY a"],
                    [
                        "SELECT a FROM t WHERE b = 1",
                        "SELECT a FROM t WHERE b = 1 ORDER BY b",
                        "SELECT a FROM u WHERE b = 1 ORDER BY a",
                        "SELECT a FROM t WHERE b = 1 ORDER BY a LIMIT 1",
                        "SELECT b FROM t WHERE b = 1 ORDER BY a",
                    ],
                ),
                (
                    "SELECT * FROM t WHERE b = 1",
                    ["SELECT a FROM t WHERE b = 1"],
                    [
                        "SELECT a FROM u WHERE b = 1",
                        "SELECT a FROM t",
                        "SELECT a FROM t WHERE c = 1",
                    ],
                ),
            ):
                for query in good:
                    self.assertTrue(self.matches(language, pattern, query), query)
                for query in bad:
                    self.assertFalse(self.matches(language, pattern, query), query)

    def test_functions_by_a_named_option_only(self):
        for language in LANGUAGES.values():
            read = read_pattern(language, "SELECT a FROM t WHERE b = %%VALUE%%", "here")
            loose = Matcher(language, read.query, guards=True, functions=True)
            query = read_query(language, "SELECT a FROM t WHERE b = upper(c)", "there")
            self.assertEqual(loose.match(Bared(language, query.parsed.tree)), [])

    def test_a_quoted_value_token(self):
        for language in LANGUAGES.values():
            pattern = "SELECT a FROM t WHERE b = '%%VALUE%%'"
            self.assertTrue(self.matches(language, pattern, "SELECT a FROM t WHERE b = 5"))


#: What no placeholder of an allow rule may stand for, as a condition.
HIDDEN = {
    "postgresql": (
        "pg_read_file('PG_VERSION') LIKE '1%'",
        "a = (SELECT count(*) FROM ts_stat('select 1'))",
        "query_to_xml('select 1', true, true, '') IS NOT NULL",
        "a = (SELECT b FROM secrets)",
        "EXISTS (TABLE secrets)",
        "a IN (WITH t AS (SELECT 1) SELECT b FROM s.t)",
        "a IN (WITH secrets AS (SELECT * FROM secrets) SELECT 1)",
        "a IN (SELECT 1 UNION SELECT b FROM secrets)",
        "a = (SELECT b FROM other.t)",
        "a = ANY (ARRAY(SELECT b FROM secrets))",
        "CASE WHEN EXISTS (SELECT 1 FROM secrets) THEN true END",
    ),
    "mysql": (
        "load_file('/etc/passwd') LIKE 'r%'",
        "a = (SELECT b FROM secrets)",
        "EXISTS (SELECT 1 FROM secrets)",
        "a IN (WITH secrets AS (SELECT * FROM secrets) SELECT 1 FROM secrets)",
        "a IN (SELECT 1 UNION SELECT b FROM secrets)",
        "a = (SELECT b FROM other.t)",
        "CASE WHEN EXISTS (SELECT 1 FROM secrets) THEN true END",
    ),
}


class Admitted(Matching):
    """A placeholder of an allow rule admits some values and no others."""

    def test_no_function_that_reads_unseen_and_no_table_that_the_pattern_does_not_name(self):
        for name, conditions in HIDDEN.items():
            language = LANGUAGES[name]
            for condition in conditions:
                for pattern, query in (
                    ("SELECT a FROM t %%WHERE%%", f"SELECT a FROM t WHERE {condition}"),
                    ("UPDATE t SET a = 1 %%WHERE%%", f"UPDATE t SET a = 1 WHERE {condition}"),
                    ("DELETE FROM t %%WHERE%%", f"DELETE FROM t WHERE {condition}"),
                    (
                        "SELECT a FROM t WHERE %%COLUMN%% = 1",
                        f"SELECT a FROM t WHERE CASE WHEN {condition} THEN 1 END = 1",
                    ),
                    ("SELECT * FROM t", f"SELECT CASE WHEN {condition} THEN 1 END FROM t"),
                    (
                        "SELECT %%COLUMN%% FROM t",
                        f"SELECT CASE WHEN {condition} THEN 1 END FROM t",
                    ),
                    (
                        "SELECT a FROM t ORDER BY %%COLUMN%%",
                        f"SELECT a FROM t ORDER BY CASE WHEN {condition} THEN 1 END",
                    ),
                ):
                    self.assertFalse(self.matches(language, pattern, query), (pattern, query))
                    # A deny rule finds the same form whatever stands there.
                    self.assertTrue(self.matches(language, pattern, query, guards=False), query)

    def test_the_tables_that_the_pattern_names(self):
        for language in LANGUAGES.values():
            for condition in (
                "a = (SELECT max(b) FROM t)",
                "a IN (WITH c AS (SELECT b FROM t) SELECT b FROM c)",
                "upper(a) LIKE 'x' AND b > 1",
            ):
                query = f"SELECT a FROM t WHERE {condition}"
                self.assertTrue(self.matches(language, "SELECT a FROM t %%WHERE%%", query), query)

    def test_a_subquery_reads_any_table_and_nothing_unseen(self):
        pattern = "SELECT a FROM t WHERE b = (%%SUBQUERY%%)"
        for language in LANGUAGES.values():
            query = "SELECT a FROM t WHERE b = (SELECT count(*) FROM orders)"
            self.assertTrue(self.matches(language, pattern, query))
        for name, condition in (
            ("postgresql", "(SELECT count(*) FROM ts_stat('select 1'))"),
            ("postgresql", "(SELECT 1 WHERE pg_read_file('x') LIKE 'a%')"),
            ("mysql", "(SELECT load_file('x'))"),
        ):
            query = f"SELECT a FROM t WHERE b = {condition}"
            self.assertFalse(self.matches(LANGUAGES[name], pattern, query), query)

    def test_beside_a_subquery_the_others_read_named_tables_only(self):
        pattern = "SELECT a FROM t WHERE b = (%%SUBQUERY%%) AND %%COLUMN%% = 1"
        for language in LANGUAGES.values():
            for column, expected in (("c", True), ("(SELECT c FROM secrets)", False)):
                query = f"SELECT a FROM t WHERE b = (SELECT 1 FROM u) AND {column} = 1"
                self.assertEqual(self.matches(language, pattern, query), expected, query)

    def test_a_select_beside_union_writes_nothing(self):
        language = LANGUAGES["postgresql"]
        pattern = "%%SELECT%% UNION SELECT a FROM t"
        self.assertTrue(self.matches(language, pattern, "SELECT b FROM u UNION SELECT a FROM t"))
        query = "SELECT b INTO loot FROM u UNION SELECT a FROM t"
        self.assertFalse(self.matches(language, pattern, query))

    def test_functions_as_values_read_no_table(self):
        for language in LANGUAGES.values():
            read = read_pattern(language, "SELECT a FROM t WHERE b = %%VALUE%%", "here")
            loose = Matcher(language, read.query, guards=True, functions=True)
            query = "SELECT a FROM t WHERE b = f((SELECT c FROM secrets))"
            found = read_query(language, query, "there").parsed.tree
            self.assertIsNone(loose.match(Bared(language, found)))
