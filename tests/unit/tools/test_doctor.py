"""acra-doctor's command line; what it finds is in tests/integration."""

import io
import json
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.tools import doctor
from acra_twisted.tools.doctor import Misused


class CommandLine(SynchronousTestCase):
    def run_with(self, *arguments):
        output = io.StringIO()
        status = doctor.main(arguments, {}, output)
        return status, output.getvalue()

    def test_help_and_version(self):
        self.assertIn("usage: acra-doctor", self.run_with("--help")[1])
        self.assertRegex(self.run_with("--version")[1], r"^\d+\.")

    def test_which_daemon(self):
        for arguments in ((), ("--config_file=acra.ini",), ("both",), ("--x=server-connector",)):
            self.assertRaises(Misused, doctor.main, arguments, {}, io.StringIO())
        for arguments in (("server",), ("acra-server",), ("--config_file=/no/acra-server.ini",)):
            status, text = self.run_with(*arguments, "--nonsense")
            self.assertEqual(status, 1)
            self.assertIn("FAIL  settings:", text)
            self.assertIn("acra-server: 0 ok, 0 to look at,", text)

    def test_a_login_is_explained(self):
        rules, ini = Path(self.mktemp()), Path(self.mktemp())
        rules.write_text("- user=root\npayments user=app_pay address=10.0.0.0/8 tls=yes\n")
        ini.write_text(f"[authentication]\nclient_id_map_file = {rules}\n")
        config = f"--config_file={ini}"
        asked = ("server", config, "--login", "user=app_pay", "tls=bound")
        status, text = self.run_with(*asked, "address=10.1.2.3")
        self.assertEqual(status, 0)
        self.assertIn("line 1 does not match: user\n", text)
        self.assertIn("line 2 gives payments\n", text)
        status, text = self.run_with(*asked, "--json")
        self.assertEqual(status, 1)
        *_, last = json.loads(text)["results"]
        self.assertEqual((last["state"], last["text"]), ("fail", "none: no line matches"))

    def test_what_is_no_login_is_refused(self):
        for words in (
            ("server", "--login", "usr=x"),
            ("server", "--login", "user"),
            ("connector", "--login", "user=x"),
        ):
            self.assertRaises(Misused, doctor.main, words, {}, io.StringIO())

    def test_json(self):
        status, text = self.run_with("connector", "--nonsense", "--json")
        found = json.loads(text)
        self.assertEqual((status, found["program"]), (1, "acra-connector"))
        self.assertEqual(found["results"][0]["state"], "fail")
