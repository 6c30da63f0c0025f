"""Pattern tokens, in both languages: what each stands for and what it does not."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.censor.patterns import Matcher, read_pattern, read_query
from acra_twisted.sql.languages import LANGUAGES

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
        ["b = 1", "t.b = 1", "f(b) = 1", "(SELECT 1) = 1"],
        ["b + 1 = 1", "b = 2"],
    ),
)


class Tokens(SynchronousTestCase):
    def matches(self, language, pattern, query, guards=True):
        read = read_pattern(language, pattern, "here")
        matcher = Matcher(language, read.query, strict=False, guards=guards)
        asked = read_query(language, query, "there")
        conditions = matcher.match(asked.parsed.tree)
        return conditions is not None and all(
            asked.values[c.ordinal] == c.value for c in conditions
        )

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

    def test_functions_by_a_named_option_only(self):
        for language in LANGUAGES.values():
            read = read_pattern(language, "SELECT a FROM t WHERE b = %%VALUE%%", "here")
            loose = Matcher(language, read.query, strict=False, guards=True, functions=True)
            query = read_query(language, "SELECT a FROM t WHERE b = sleep(5)", "there")
            self.assertEqual(loose.match(query.parsed.tree), [])

    def test_a_quoted_value_token(self):
        for language in LANGUAGES.values():
            pattern = "SELECT a FROM t WHERE b = '%%VALUE%%'"
            self.assertTrue(self.matches(language, pattern, "SELECT a FROM t WHERE b = 5"))
