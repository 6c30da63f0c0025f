"""Protected columns that a tool's flags name."""

import os

from acra_twisted.errors import ConfigError
from acra_twisted.tools.configuredcolumns import configured_columns
from tests.unit.tools.base import ToolCase

FILE = "schemas:\n  - table: people\n    encrypted:\n      - column: name\n"
SECTION = "[encrypt:people.email]\n"
SERVER = "[pipeline]\nstages = {}\n[database]\ndb_host = 127.0.0.1\n"


class Columns(ToolCase):
    def file(self, text):
        path = os.path.abspath(self.mktemp())
        with open(path, "w") as file:
            file.write(text)
        return path

    def names(self, path, server):
        found = configured_columns(path, server, {})
        return [name for one in found.tables for name in one.protected]

    def test_they_are_in_a_file_in_sections_or_in_both(self):
        path = self.file(FILE)
        server = self.file(SERVER.format("encryptor") + SECTION)
        self.assertEqual(self.names(path, ""), ["name"])
        self.assertEqual(self.names("", server), ["email"])
        self.assertEqual(sorted(self.names(path, server)), ["email", "name"])

    def test_options_of_the_server_hold_for_tools_as_well(self):
        path = self.file(FILE)
        options = "[encryptor]\ntrusted_functions = enlist\nstrict_copies = true\n"
        server = self.file(SERVER.format("encryptor") + options + SECTION)
        for given in ("", path):
            found = configured_columns(given, server, {})
            self.assertEqual((found.trusted, found.strict_copies), ({"enlist"}, True))

    def test_no_columns(self):
        error = self.assertRaises(ConfigError, configured_columns, "", "", {})
        self.assertIn("give --encryptor_config_file", str(error))
        server = self.file(SERVER.format(""))
        error = self.assertRaises(ConfigError, configured_columns, "", server, {})
        self.assertIn("it protects no column", str(error))
