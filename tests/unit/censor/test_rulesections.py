"""Handlers in sections of the ini file: the same rules as from YAML, mistakes with their line."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.censor.engine import Censor
from acra_twisted.censor.rulefile import parse_rules
from acra_twisted.censor.rulesections import rules_of_blocks
from acra_twisted.config.files import open_file
from acra_twisted.errors import ConfigError
from acra_twisted.sql.languages import LANGUAGES

INI = """[censor:first]
handler = allow
queries =
    SELECT ';' FROM a -- # b

    # a comment
    SELECT 2
tables = a
    b

[censor:second]
handler = query_capture
filepath = /tmp/captured
[censor:last]
handler = denyall
"""
YAML = """version: 0.85.0
ignore_parse_error: true
handlers:
  - handler: allow
    queries: ["SELECT ';' FROM a -- # b", SELECT 2]
    tables: [a, b]
  - handler: query_capture
    filepath: /tmp/captured
  - handler: denyall
"""


class Sections(SynchronousTestCase):
    def rules(self, text, **common):
        self.path = self.mktemp()
        with open(self.path, "w") as file:
            file.write(text)
        return rules_of_blocks(open_file(self.path).blocks(), common, self.path)

    @staticmethod
    def plain(rules):
        return rules._replace(
            handlers=tuple(
                h._replace(
                    where="", **{k: [e.text for e in getattr(h, k)] for k in ("queries", "tables")}
                )
                for h in rules.handlers
            )
        )

    def test_the_same_model_as_the_file(self):
        given = self.rules(INI, ignore_parse_error=True)
        self.assertEqual(self.plain(given), self.plain(parse_rules(YAML, "rules.yaml")))

    def test_entries_know_their_line(self):
        [first, *_] = self.rules(INI).handlers
        places = [entry.where for entry in (*first.queries, *first.tables)]
        self.assertEqual(places, [f"{self.path}:{n}" for n in (4, 7, 8, 9)])

    def test_mistakes_say_where(self):
        for old, new, line, expected in (
            ("handler = denyall", "", 14, "handler: None is no handler"),
            ("handler = denyall", "handler = denyal", 15, "did you mean denyall"),
            ("tables = a", "table = a", 8, "did you mean tables"),
            ("filepath = /tmp/captured", "", 12, "needs filepath"),
            ("handler = allow", "handler = allow\n  deny", 2, "expected one line"),
        ):
            error = self.assertRaises(ConfigError, self.rules, INI.replace(old, new, 1))
            self.assertIn(f"{self.path}:{line}: ", str(error))
            self.assertIn(expected, str(error))

    def test_rules_that_cannot_be_used_say_where(self):
        rules = self.rules(INI.replace("SELECT 2", "SELECT FROM FROM"))
        error = self.assertRaises(ConfigError, Censor, LANGUAGES["postgresql"], rules)
        self.assertIn(f"{self.path}:7", str(error))
