"""Strict ini files: every mistake says where and what."""

import re

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.closedkinds import ASSIGNMENTS, STATEMENT
from acra_twisted.config.files import open_file
from acra_twisted.config.ini import parse_value
from acra_twisted.errors import ConfigError
from acra_twisted.optionkinds import BOOLEAN, PORT, URL
from acra_twisted.options import Option, Section
from tests.support.settings import values_of

SECTIONS = (
    Section("server", "", (Option("port", PORT, 1, ""),)),
    Section(
        "tls", "", (Option("secret", PORT, 1, "", secret=True), Option("on", BOOLEAN, False, ""))
    ),
)
STAGES = (Section("stage:cap", "", (Option("size", PORT, 1, ""),)),)


class Files(SynchronousTestCase):
    def ini(self, text):
        path = self.mktemp()
        with open(path, "w") as file:
            file.write(text)
        return open_file(path)

    def read(self, text):
        return values_of(self.ini(text).path, SECTIONS)

    def refused(self, text, *expected):
        error = self.assertRaises(ConfigError, self.read, text)
        for words in expected:
            self.assertIn(words, str(error))

    def test_values(self):
        text = "[server]\n# comment\nport = 5\n[tls]\non = yes\n"
        self.assertEqual(self.read(text), {"port": 5, "on": True})

    def test_mistakes(self):
        self.refused("[servr]\n", ":1: ", "unknown section [servr]; did you mean 'server'?")
        self.refused("[server]\n\nprot = 1\n", ":3: ", "unknown key 'prot'", "did you mean 'port'?")
        self.refused("[server]\non = 1\n", ":2: ", "it belongs in [tls]")
        self.refused("[tls]\nprot = 1\n", ":2: ", "unknown key 'prot'", "did you mean 'port'?")
        self.refused("[server]\nport = x\n", ":2: ", "port: 'x': expected a whole number")
        self.refused("[server]\nport = 1\nport = 2\n", ":3: ", "given twice")
        self.refused("[server]\n[server]\n", ":2: ", "given twice")
        self.refused("port = 1\n", ":1: ", "before the first [section]")
        self.refused("[server]\nport\n", ":2", "neither [section] nor key = value")

    def test_a_key_that_white_space_makes_a_part_of_the_value_above(self):
        expected = "belongs to the value of 'port' above it; begin 'on' at the margin"
        self.refused("[server]\nport = 1\n\ton = yes\n", ":3: ", expected)
        self.refused("[server]\nport = 1\n# comment\n\n  on = yes\n", ":5: ", expected)
        self.refused("[server]\nport =\n  on = yes\n", ":3: ", expected)
        self.refused("[server] # main\nport = 1\n  on = yes\n", ":3: ", expected)
        self.refused("[server]\nport = 1\n  [x]\n  on = yes\n", ":4: ", expected)
        self.refused("[server]\nport = 1\n  onward = yes\n", ":2: ", "expected a whole number")

    def test_a_key_of_another_program(self):
        file = self.ini("[server]\nacraserver_connection_host = x\nmysql_enable = false\n")
        found = file.read(SECTIONS, ("mysql_enable",))
        self.assertIn("it is an option of acra-connector", str(found.wrong[0]))
        self.assertEqual(found.acra["mysql_enable"], ("false", f"{file.path}:3"))

    def test_pk4_all_mistakes_at_once(self):
        text = "[servr]\n[server]\nport = x\nprot = 1\non = 1\n[tls]\non = 2\n"
        error = self.assertRaises(ConfigError, self.read, text)
        # Values are read when all keys are known.
        numbers = [re.search(r":(\d+): ", line)[1] for line in str(error).splitlines()]
        self.assertEqual(numbers, ["1", "4", "5", "3", "7"])

    def test_blocks_are_kept_in_order_and_only_where_they_are_known(self):
        text = "[censor:b]\nk = v\n[server]\nport = 2\n[censor:a]\nk =\n  x\n  y = z\n"
        ini = self.ini(text)
        self.assertEqual(values_of(ini.path, SECTIONS, ("censor:",)), {"port": 2})
        found = [(b.name, [line.text for line in b.keys["k"]]) for b in ini.blocks()]
        self.assertEqual(found, [("censor:b", ["v"]), ("censor:a", ["x", "y = z"])])
        self.assertEqual(ini.blocks()[1].keys["k"][1].where, f"{ini.path}:8")
        self.refused(text, ":1: ", "unknown section [censor:b]")

    def test_secrets_are_not_shown(self):
        error = self.assertRaises(ConfigError, self.read, "[tls]\nsecret = hunter2\n")
        self.assertNotIn("hunter2", str(error))

    def test_what_may_hold_a_secret_is_not_shown(self):
        for kind, text in (
            (ASSIGNMENTS, '"token=hunter2"'),
            (STATEMENT, "'SELECT hunter2'"),
            (URL, "http://host:x/?hunter2"),
            (URL, "http://hunter2@host:x/"),
        ):
            option = Option("one", kind, "", "")
            error = self.assertRaises(ConfigError, parse_value, option, text, "x.ini:1")
            self.assertNotIn("hunter2", str(error))
        error = self.assertRaises(
            ConfigError, parse_value, Option("one", URL, "", ""), "http://host:x/", "x.ini:1"
        )
        self.assertIn("http://host:x/", str(error))

    def test_files_that_cannot_be_read(self):
        self.assertRaises(ConfigError, open_file, "/nowhere/x.ini")
        path = self.mktemp()
        with open(path, "wb") as file:
            file.write(b"[server]\n\xff\n")
        self.assertRaises(ConfigError, open_file, path)

    def test_stages(self):
        ini = self.ini("[stage:cap]\nsize = 3\n[stage:other]\nwhatever = 1\n")
        found = ini.read_stages(STAGES, lambda: {"cap": 1, "other": 1})
        self.assertEqual(found.ours["cap"]["size"].text, "3")
        self.assertEqual((found.wrong, found.unread), ([], {"other": f"{ini.path}:3"}))
        found = ini.read_stages(STAGES, lambda: {"cap": 1})
        self.assertIn("unknown section [stage:other]", str(found.wrong[0]))
        self.assertEqual(values_of(ini.path, SECTIONS), {})
