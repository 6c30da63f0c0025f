"""The configuration of protected columns is read from a file and from sections."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.ini import IniFile
from acra_twisted.errors import ConfigError
from acra_twisted.stages.columnsource import read_column_source, read_columns

YAML = b"schemas: [{table: people, encrypted: [{column: name}]}]\n"
INI = "[encrypt:people.email]\nsearchable = true\n"


class Source(SynchronousTestCase):
    def written(self, data):
        path = self.mktemp()
        with open(path, "wb") as file:
            file.write(data)
        return path

    def test_file_and_sections(self):
        blocks = IniFile("s.ini", INI).blocks(("encrypt:",))
        for path, given, expected in (
            (self.written(YAML), (), ["people.name"]),
            (self.written(b"\xef\xbb\xbf" + YAML), blocks, ["people.name", "people.email"]),
            ("", blocks, ["people.email"]),
        ):
            settings = read_column_source(path, given, 0.0)
            self.assertEqual([column.label for column in settings.columns], expected)

    def test_options_of_the_daemon_that_are_about_columns(self):
        settings = {
            "encryptor_config_file": self.written(YAML),
            "allow_text_columns": False,
            "trusted_functions": ["f"],
            "strict_copies": False,
            "ddl_types": "refuse",
        }
        found = read_columns(settings, {"config_file": ""}, (), 0.0)
        self.assertEqual(found.trusted, {"f"})
        self.assertFalse(found.allow_text or found.strict_copies or found.retypes)
        settings |= {"allow_text_columns": True, "strict_copies": True, "ddl_types": "rewrite"}
        found = read_columns(settings, {"config_file": ""}, (), 0.0)
        self.assertTrue(found.allow_text and found.strict_copies and found.retypes)

    def test_mistakes_have_the_path(self):
        path = self.written(YAML.replace(b"name", b"''"))
        error = self.assertRaises(ConfigError, read_column_source, path, (), 0.0)
        self.assertIn(f"{path}:1: column: expected a name", str(error))

    def test_what_cannot_be_read(self):
        missing = self.mktemp()
        for path, told in (
            (missing, f"encryptor_config_file: cannot read {missing}: No such file"),
            (self.written(b"\xff"), "is not UTF-8 text"),
            (self.written(b"#" * ((4 << 20) + 1)), "has more than"),
        ):
            error = self.assertRaises(ConfigError, read_column_source, path, (), 0.0)
            self.assertIn(told, str(error))
