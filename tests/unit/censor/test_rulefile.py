"""Acra's YAML: read safely, and every mistake with file and line."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.censor.engine import Censor
from acra_twisted.censor.rulefile import parse_rules
from acra_twisted.errors import ConfigError
from acra_twisted.sql.languages import LANGUAGES

GOOD = """version: 0.85.0
ignore_parse_error: false
handlers:
  - handler: deny
    tables:
      - secrets
    patterns:
      - SELECT 1
  - handler: allowall
"""


class File(SynchronousTestCase):
    def test_handlers_in_order(self):
        rules = parse_rules(GOOD, "rules.yaml")
        self.assertEqual([h.kind for h in rules.handlers], ["deny", "allowall"])

    def test_mistakes_say_where(self):
        for old, new, expected in (
            ("ignore_parse_error", "ignore_parse_errors", "rules.yaml:2: unknown key"),
            ("    tables", "   tables", "rules.yaml:4: not YAML|rules.yaml:5: not YAML"),
            ("handler: allowall", "handler: allowal", "rules.yaml:9: .*did you mean allowall"),
            ("version: 0.85.0", "version: 0.80.0", "rules.yaml:1: .*outdated"),
            ("    patterns", "    tables", "rules.yaml:7: a key is given twice"),
            ("- secrets", "- !!python/object:os.system x", "rules.yaml:6: not YAML"),
        ):
            with self.assertRaisesRegex(ConfigError, expected):
                parse_rules(GOOD.replace(old, new, 1), "rules.yaml")

    def test_rules_that_cannot_be_used_say_where(self):
        for old, new, expected in (
            ("SELECT 1", "SELECT FROM FROM", "fail to parse specified pattern: rules.yaml:8"),
            ("SELECT 1", "SELECT 1; SELECT 2", "rules.yaml:8: a rule is one statement"),
            ("- secrets", "- a b", "rules.yaml:6: 'a b' is not the name"),
        ):
            rules = parse_rules(GOOD.replace(old, new, 1), "rules.yaml")
            with self.assertRaisesRegex(ConfigError, expected):
                Censor(LANGUAGES["postgresql"], rules)
