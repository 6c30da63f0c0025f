"""Ini or YAML: the content says which, and the name where there is no content."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config import files
from acra_twisted.config.ini import IniFile
from acra_twisted.config.yamlfile import YamlFile
from acra_twisted.errors import ConfigError


class Files(SynchronousTestCase):
    def write(self, content, name=""):
        path = self.mktemp() + name
        with open(path, "wb") as file:
            file.write(content)
        return path

    def test_which_form_a_file_has(self):
        for text, name, expected in (
            ("[server]\nv = true\n", "x.ini", False),
            ("# comment\n; another\n\n[server]\n", "x.yaml", False),
            ("version: 0.91.0\n", "x.ini", True),
            ("# comment\ndb_host:\n", "x", True),
            ("---\ndb_host: x\n", "x", True),
            ("db_host = a:b\n", "x.ini", False),
            ("db_host = tcp://x: 1\n", "x.ini", False),
            ("db_host = a\n", "x.YML", True),
            ("", "x.yml", True),
            ("# nothing\n", "x.ini", False),
        ):
            self.assertIs(files.is_yaml(name, text), expected, (text, name))

    def test_both_are_opened(self):
        self.assertIsInstance(files.open_file(self.write(b"[server]\n")), IniFile)
        self.assertIsInstance(files.open_file(self.write(b"version: 0.91.0\n")), YamlFile)

    def test_the_mark_of_some_editors_is_no_content(self):
        for text in (b"[server]\nv = true\n", b"version: 0.91.0\nv: true\n"):
            found = files.open_file(self.write(b"\xef\xbb\xbf" + text))
            self.assertEqual(found.read((), ("v",)).wrong[:0], [])
            self.assertTrue(found.blocks() == ())
        self.assertEqual(files.read_text(self.write(b"\xef\xbb\xbf[server]\n")), "[server]\n")

    def test_what_cannot_be_read(self):
        for path, expected in (
            ("/nowhere/x.ini", "cannot read /nowhere/x.ini"),
            (self.write(b"\xff\xfe[\x00"), "not UTF-8"),
            (self.write(b"#" * (4 << 20) + b"#"), "no configuration"),
        ):
            error = self.assertRaises(ConfigError, files.open_file, path)
            self.assertIn(expected, str(error))
