"""Clauses that MySQL's parser is not shown: permissions are exact, denials cannot be got around."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.censor.engine import Censor
from acra_twisted.censor.rules import read_rules
from acra_twisted.errors import ConfigError
from acra_twisted.sql.languages import LANGUAGES
from tests.support.clauses import ALLOWED, DENIED


def censor(handlers):
    return Censor(LANGUAGES["mysql"], read_rules({"handlers": handlers}, need_version=False))


class Clauses(SynchronousTestCase):
    def test_a_permission_is_for_one_statement(self):
        for key, rule, same, others in ALLOWED:
            rules = censor([{"handler": "allow", key: [rule]}, {"handler": "denyall"}])
            for _ in range(2):
                for text in same:
                    self.assertTrue(rules.decide(text.encode()).allowed, (rule, text))
                for text in others:
                    self.assertFalse(rules.decide(text.encode()).allowed, (rule, text))

    def test_a_denial_holds_with_every_clause(self):
        for key, rule, same, others in DENIED:
            rules = censor([{"handler": "deny", key: [rule]}])
            for _ in range(2):
                for text in same:
                    self.assertFalse(rules.decide(text.encode()).allowed, (rule, text))
                for text in others:
                    self.assertTrue(rules.decide(text.encode()).allowed, (rule, text))

    def test_a_literal_that_goes_on_behind_a_period(self):
        rule = "DELETE FROM t FOR PORTION OF p FROM '1' TO '2' '3'"
        handlers = [{"handler": "allow", "queries": [rule]}]
        self.assertRaises(ConfigError, censor, handlers)
