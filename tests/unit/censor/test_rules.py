"""The model of a rule file: every mistake is said with its place (FW-6)."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.censor.rules import Rules, read_rules
from acra_twisted.errors import ConfigError


class Read(SynchronousTestCase):
    def test_a_whole_file(self):
        rules = read_rules(
            {
                "version": "0.85.0",
                "ignore_parse_error": True,
                "parse_errors_log": "log",
                "handlers": [
                    {"handler": "query_capture", "filepath": "file"},
                    {"handler": "query_ignore", "queries": ["a"]},
                    {"handler": "allow", "queries": ["b"], "tables": ["t"], "patterns": ["p"]},
                    {"handler": "denyall"},
                ],
            }
        )
        self.assertTrue(rules.ignore_parse_error)
        self.assertEqual(rules.parse_errors_log, "log")
        self.assertEqual([h.kind for h in rules.handlers][-1], "denyall")
        self.assertEqual(rules.handlers[2].tables[0].text, "t")
        self.assertFalse(rules.idle)
        self.assertTrue(Rules().idle)

    def test_policies(self):
        rules = read_rules({"version": "0.85.0"})
        self.assertEqual((rules.unknown_functions, rules.statistics), ("", "deny"))
        rules = read_rules(
            {"version": "0.85.0", "unknown_functions": "deny", "statistics": "allow"}
        )
        self.assertEqual((rules.unknown_functions, rules.statistics), ("deny", "allow"))

    def test_mistakes(self):
        for data, expected in (
            (None, "empty"),
            ([], "expected keys"),
            ({}, "version"),
            ({"version": "0.84.9"}, "outdated"),
            ({"version": "new"}, 'strconv.ParseUint: parsing "new": .*three numbers'),
            ({"version": "abc.1005abc.0"}, 'strconv.ParseUint: parsing "abc": invalid syntax'),
            ({"version": "1.0"}, "three numbers"),
            ({"handlers": []}, "acra-censor's config is outdated"),
            ({"version": "0.85.0", "handler": []}, "did you mean handlers"),
            ({"version": "0.85.0", "handlers": "x"}, "expected a list"),
            ({"version": "0.85.0", "handlers": ["x"]}, "expected a mapping"),
            ({"version": "0.85.0", "handlers": [{"handler": "denyal"}]}, "did you mean denyall"),
            ({"version": "0.85.0", "handlers": [{"handler": "blacklist"}]}, "no handler"),
            ({"version": "0.85.0", "handlers": [{"handler": "deny", "table": []}]}, "tables"),
            ({"version": "0.85.0", "handlers": [{"handler": "deny", "tables": "t"}]}, "a list"),
            ({"version": "0.85.0", "handlers": [{"handler": "deny", "tables": [1]}]}, "texts"),
            ({"version": "0.85.0", "handlers": [{"handler": "query_capture"}]}, "filepath"),
            ({"version": "0.85.0", "ignore_parse_error": "yes"}, "true or false"),
            ({"version": "0.85.0", "parse_errors_log": 1}, "expected a text"),
            ({"version": "0.85.0", "unknown_functions": "yes"}, "expected allow or deny"),
            ({"version": "0.85.0", "statistics": True}, "expected a text"),
        ):
            with self.assertRaisesRegex(ConfigError, expected):
                read_rules(data)
