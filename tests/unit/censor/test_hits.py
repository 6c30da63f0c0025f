"""Decisions by rule, with the rule's place."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.censor.engine import Censor
from acra_twisted.censor.hits import CLIENTS_MAX, HOURS_MAX
from acra_twisted.censor.rulefile import parse_rules
from acra_twisted.sql.languages import LANGUAGES

HOUR = 3600 * 10**9
RULES = """version: 0.85.0
handlers:
  - handler: query_capture
    filepath: captured
  - handler: query_ignore
    queries:
      - ROLLBACK
  - handler: deny
    tables:
      - secrets
      - keys
  - handler: allow
    queries:
      - SELECT 1
    tables:
      - orders
    patterns:
      - SELECT a FROM t WHERE b = %%VALUE%%
      - "%%INSERT%%"
  - handler: denyall
"""


class Hits(SynchronousTestCase):
    def setUp(self):
        self.censor = Censor(LANGUAGES["postgresql"], parse_rules(RULES, "/etc/acra/rules.yaml"))

    def decide(self, text, now=HOUR, client="ann"):
        decision = self.censor.decide(text.encode())
        self.censor.hits.count(decision, now, client)
        return decision

    def counts(self):
        shown = self.censor.hits.shown()
        return {rule["where"].rpartition(":")[2]: rule["count"] for rule in shown if rule["count"]}

    def test_each_decision_has_the_line_of_its_rule(self):
        for text, line, allowed in (
            ("ROLLBACK", 7, True),
            ("SELECT x FROM secrets", 10, False),
            ("SELECT x FROM keys, orders", 11, False),
            ("SELECT 1", 14, True),
            ("SELECT x FROM orders", 16, True),
            ("SELECT a FROM t WHERE b = 7", 18, True),
            ("INSERT INTO u VALUES (1)", 19, True),
            ("DELETE FROM u", 20, False),
        ):
            # The second time it is known.
            for _ in range(2):
                decision = self.decide(text)
                self.assertEqual(decision.where, f"/etc/acra/rules.yaml:{line}", text)
                self.assertEqual(decision.allowed, allowed, text)
        lines = (7, 10, 11, 14, 16, 18, 19, 20)
        self.assertEqual(self.counts(), {str(line): 2 for line in lines})

    def test_rules_that_were_never_used_are_shown_too(self):
        shown = self.censor.hits.shown()
        self.assertEqual(
            [(rule["handler"], rule["kind"], rule["part"]) for rule in shown],
            [
                (2, "query_ignore", "query"),
                (2, "query_ignore", "handler"),
                (3, "deny", "table"),
                (3, "deny", "table"),
                (3, "deny", "handler"),
                (4, "allow", "query"),
                (4, "allow", "table"),
                (4, "allow", "pattern"),
                (4, "allow", "pattern"),
                (4, "allow", "handler"),
                (5, "denyall", "handler"),
            ],
        )
        self.assertEqual({rule["count"] for rule in shown}, {0})

    def test_what_no_rule_decides(self):
        self.decide("SELECT FROM WHERE 'x")
        (rule,) = [rule for rule in self.censor.hits.shown() if rule["count"]]
        self.assertEqual((rule["kind"], rule["where"]), ("parse_error", ""))

    def test_hours_clients_and_the_last(self):
        for hour, client in ((1, "ann"), (1, "bob"), (3, "ann")):
            self.decide("SELECT 1", hour * HOUR + 5, client)
        (rule,) = [rule for rule in self.censor.hits.shown() if rule["count"]]
        self.assertEqual((rule["last"], rule["clients"]), (3 * HOUR + 5, {"ann": 2, "bob": 1}))
        self.assertEqual(
            rule["hours"], [{"start": HOUR, "count": 2}, {"start": 3 * HOUR, "count": 1}]
        )

    def test_decisions_in_turns(self):
        for text, client in (("SELECT 1", "ann"), ("SELECT 1", "bob"), ("ROLLBACK", "bob")) * 2:
            self.decide(text, client=client)
        counted = [rule["clients"] for rule in self.censor.hits.shown() if rule["count"]]
        self.assertEqual(counted, [{"bob": 2}, {"ann": 2, "bob": 2}])

    def test_bounded(self):
        for number in range(HOURS_MAX + 50):
            self.decide("SELECT 1", number * HOUR, f"client {number}")
        (rule,) = [rule for rule in self.censor.hits.shown() if rule["count"]]
        self.assertLessEqual(len(rule["hours"]), HOURS_MAX + 1)
        self.assertEqual(len(rule["clients"]), CLIENTS_MAX + 1)
        self.assertEqual(sum(rule["clients"].values()), HOURS_MAX + 50)

    def test_no_text_of_a_rule_or_a_statement_is_shown(self):
        self.decide("SELECT x FROM secrets WHERE y = 'hunter2'")
        self.assertNotIn("hunter2", str(self.censor.hits.shown()))
        self.assertNotIn("secrets", str(self.censor.hits.shown()))
