"""Lines of the table of rules."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.people import Names
from acra_twisted.telemetry.console.rulefindings import judged
from acra_twisted.telemetry.console.rulelines import rule_line
from tests.support.hours import NOW
from tests.support.incidents import HOUR, rule


class Lines(SynchronousTestCase):
    def line(self, *given, **figures):
        rules = judged([rule(*given, **figures)], NOW)
        (one,) = rules.shown
        return rule_line(one, rules.decided, NOW)

    def test_a_denial_leads_to_its_events(self):
        one = self.line(1, "deny", "queries", "rules.yaml:5", 3, clients={"a b": 3}, last=NOW - 5)
        where = "/console/security?range=30d&rule=rules.yaml%3A5"
        self.assertEqual((one["events"], one["href"]), (where, f"{where}&by=client"))
        self.assertEqual((one["count"], one["last"], one["title"]), ("3", "23:59:59", "a b 3"))

    def test_a_client_of_a_certificate_has_its_name(self):
        digest = "7c1f0a52" * 8
        known = Names({"peers": [{"client_id": digest, "certificate": "O=Shop,CN=app"}]})
        rules = judged([rule(1, "allow", "handler", "rules.yaml:5", 3, clients={digest: 2})], NOW)
        one = rule_line(rules.shown[0], rules.decided, NOW, known)
        self.assertEqual(one["title"], "app (7c1f0a52) 2")

    def test_what_allows_has_none(self):
        one = self.line(1, "allow", "handler", "rules.yaml:5", 3, clients={"a": 2, "b": 1})
        self.assertEqual((one["events"], one["href"]), ("", ""))
        self.assertEqual((one["part"], one["last"]), ("the whole handler", "never"))

    def test_the_default_has_a_name(self):
        one = self.line(0, "default", "", "", 3)
        self.assertEqual((one["number"], one["part"]), ("\N{EN DASH}", "whatever no rule decides"))

    def test_a_decision_of_long_ago_has_its_day(self):
        one = self.line(1, "deny", "queries", "rules.yaml:5", 3, last=NOW - 48 * HOUR)
        self.assertRegex(one["last"], "^[0-9]+ [A-Z][a-z]+ [0-9:]+$")
