"""Rules in one place, file or sections, and never in both."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.files import open_file
from acra_twisted.errors import ConfigError
from acra_twisted.options import Settings
from acra_twisted.stages.rulesource import read_rule_source

RULES = """version: 0.85.0
handlers:
  - handler: denyall
"""


class Source(SynchronousTestCase):
    def file(self, text):
        path = self.mktemp()
        with open(path, "w") as file:
            file.write(text)
        return path

    def read(self, ini="", **settings):
        path = self.file(ini)
        blocks = open_file(path).blocks()
        return read_rule_source(Settings(settings, blocks=blocks, file=path), blocks)

    def test_file_and_sections(self):
        from_file = self.read(acracensor_config_file=self.file(RULES))
        from_ini = self.read("[censor:a]\nhandler = denyall\n", acracensor_config_file="")
        for rules in (from_file, from_ini):
            self.assertEqual([handler.kind for handler in rules.handlers], ["denyall"])

    def test_settings_of_the_sections(self):
        rules = self.read(
            "[censor:a]\nhandler = denyall\n",
            ignore_parse_error=True,
            parse_errors_log="/log",
            unknown_functions="deny",
        )
        self.assertEqual(rules.unknown_functions, "deny")
        self.assertTrue(rules.ignore_parse_error)
        self.assertEqual(rules.parse_errors_log, "/log")
        self.assertFalse(rules.value_matches_functions)

    def test_mistakes(self):
        file = self.file(RULES)
        for ini, settings, expected in (
            ("", {}, "give handlers in sections"),
            ("", {"acracensor_config_file": "/nowhere/x"}, "cannot read /nowhere/x"),
            ("[censor:a]\n", {"acracensor_config_file": file}, "keep the rules in one place"),
            (
                "",
                {"acracensor_config_file": file, "ignore_parse_error": True},
                "ignore_parse_error: with acracensor_config_file it belongs in",
            ),
        ):
            with self.assertRaisesRegex(ConfigError, expected):
                self.read(ini, **settings)
        with open(file, "wb") as binary:
            binary.write(b"\xff")
        with self.assertRaisesRegex(ConfigError, "not UTF-8"):
            self.read(acracensor_config_file=file)
