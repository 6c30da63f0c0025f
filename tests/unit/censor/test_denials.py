"""Denials hold for a statement in brackets, with clauses that only add to it, and with a schema."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.censor import denials
from acra_twisted.censor.engine import Censor
from acra_twisted.censor.patterns import read_query
from acra_twisted.censor.rules import read_rules
from acra_twisted.sql.languages import LANGUAGES

EITHER, MYSQL, POSTGRESQL = ("mysql", "postgresql"), ("mysql",), ("postgresql",)
#: A rule that is a query and a pattern, texts that mean the same or more, and others.
CASES = (
    (
        EITHER,
        "SELECT ssn FROM secrets",
        (
            "(SELECT ssn FROM secrets)",
            "((SELECT ssn FROM secrets))",
            "SELECT ssn FROM hidden.secrets",
            "SELECT ssn FROM secrets FOR UPDATE",
            "WITH c AS (SELECT 1) SELECT ssn FROM secrets",
            "WITH c AS (SELECT 1) SELECT ssn FROM hidden.secrets FOR UPDATE",
        ),
        ("SELECT ssn FROM secrets LIMIT 10", "SELECT ssn FROM public", "SELECT id FROM secrets"),
    ),
    (
        MYSQL,
        "SELECT ssn FROM secrets",
        (
            "SELECT ssn FROM (secrets)",
            "SELECT ssn FROM ((hidden.secrets))",
            "SELECT ssn INTO @a FROM secrets",
            "SELECT ssn FROM secrets INTO @a",
            "SELECT ALL ssn FROM secrets",
            "SELECT SQL_NO_CACHE HIGH_PRIORITY ALL ssn FROM secrets",
            "SELECT ssn FROM secrets USE INDEX (a)",
            "SELECT ssn FROM secrets LOCK IN SHARE MODE",
            "(SELECT ssn FROM (secrets) FOR UPDATE)",
        ),
        ("SELECT DISTINCT ssn FROM secrets", "SELECT ssn FROM (secrets, public)"),
    ),
    (
        MYSQL,
        "SELECT DISTINCT ssn FROM secrets WHERE id = -1",
        (
            "SELECT DISTINCTROW ssn FROM secrets WHERE id = -1",
            "SELECT DISTINCT ssn FROM secrets WHERE id = -(1)",
            "SELECT DISTINCT ssn FROM secrets WHERE id = (-((1)))",
            "SELECT DISTINCT ssn FROM secrets WHERE id = -(-(-1))",
        ),
        (
            "SELECT DISTINCT ssn FROM secrets WHERE id = - -1",
            "SELECT DISTINCT ssn FROM secrets WHERE id = -'1'",
        ),
    ),
    (
        MYSQL,
        "SELECT ssn FROM secrets UNION SELECT ssn FROM public",
        ("(SELECT ssn FROM secrets) UNION (SELECT ssn FROM public)",),
        ("SELECT ssn FROM secrets UNION (SELECT ssn FROM public LIMIT 1)",),
    ),
    (
        EITHER,
        "SELECT ssn FROM hidden.secrets FOR UPDATE",
        ("WITH c AS (SELECT 1) SELECT ssn FROM hidden.secrets FOR UPDATE",),
        (
            "SELECT ssn FROM hidden.secrets",
            "SELECT ssn FROM public.secrets FOR UPDATE",
            "SELECT ssn FROM secrets FOR UPDATE",
        ),
    ),
    (
        EITHER,
        "DELETE FROM secrets WHERE id = 1",
        ("DELETE FROM secrets WHERE id = 1 RETURNING ssn",),
        ("DELETE FROM secrets WHERE id = 2",),
    ),
    (
        POSTGRESQL,
        "SELECT ssn FROM secrets",
        ("SELECT ssn INTO TEMP copied FROM secrets",),
        ("SELECT ssn FROM secrets, public",),
    ),
)
BEHIND = (" ORDER BY id", " LIMIT 10", " GROUP BY id HAVING id > 1", " LIMIT 1 OFFSET 2")


def censor(language, key, rule):
    given = {"version": "0.85.0", "handlers": [{"handler": "deny", key: [rule]}]}
    return Censor(LANGUAGES[language], read_rules(given, "rules.yaml"))


class Denials(SynchronousTestCase):
    def test_what_is_added_to_a_denied_statement_changes_nothing(self):
        for languages, rule, same, others in CASES:
            for language in languages:
                for key in ("queries", "patterns"):
                    rules = censor(language, key, rule)
                    for text in (rule, *same):
                        decision = rules.decide(text.encode())
                        wanted = "deny.query" if key == "queries" else "deny.pattern"
                        self.assertEqual(decision.by, wanted, (language, key, rule, text))
                    for text in others:
                        found = rules.decide(text.encode())
                        self.assertTrue(found.allowed, (language, key, rule, text))

    def test_a_denial_of_any_condition_is_one_with_any_clause_behind_it(self):
        for language in LANGUAGES:
            rules = censor(language, "patterns", "SELECT id FROM secrets %%WHERE%%")
            for condition in ("", " WHERE id = 1"):
                for behind in ("", *BEHIND):
                    text = f"SELECT id FROM secrets{condition}{behind}"
                    self.assertFalse(rules.decide(text.encode()).allowed, (language, text))
            rules = censor(language, "patterns", "SELECT id FROM secrets %%WHERE%% LIMIT 1")
            self.assertFalse(rules.decide(b"SELECT id FROM secrets ORDER BY id LIMIT 1").allowed)
            self.assertTrue(rules.decide(b"SELECT id FROM secrets").allowed)
            self.assertTrue(rules.decide(b"SELECT id FROM secrets LIMIT 2").allowed)

    def test_a_tree_with_nothing_to_leave_out_stays(self):
        for language in LANGUAGES.values():
            one = read_query(language, "SELECT a FROM t WHERE b = 1", "here").parsed.tree
            self.assertIs(denials.bare(language, one, frozenset()), one)
            self.assertEqual(denials.own(language, one), frozenset())
            other = read_query(language, "SELECT a FROM s.t FOR UPDATE", "here").parsed.tree
            own = denials.own(language, other)
            self.assertEqual(len(own), 2)
            self.assertIs(denials.bare(language, other, own), other)
