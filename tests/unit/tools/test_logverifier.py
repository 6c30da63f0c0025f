"""``acra-log-verifier``."""

import io
import os

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import KeyStoreError
from acra_twisted.telemetry.logchain import LAST_WORDS, Chain
from acra_twisted.tools import logverifier
from tests.unit.telemetry.test_logsetup import MASTER, SETTINGS, VARIABLE, logsetup, make_key


class Verifier(SynchronousTestCase):
    def setUp(self):
        self.keys = self.mktemp()
        make_key(self.keys)
        self.patch(os, "environ", {VARIABLE: MASTER})
        chain = Chain(logsetup._key_reader(SETTINGS.but(keys_dir=self.keys))(), "plaintext")
        end = f'time="now" level=info msg="{LAST_WORDS[1]}" chain=end'
        self.lines = [chain.sign(text) for text in ("one", "two", end)]

    def run_on(self, *files, options=()):
        paths = []
        for lines in files:
            paths.append(self.mktemp())
            with open(paths[-1], "w") as file:
                file.writelines(line + "\n" for line in lines)
        output = io.StringIO()
        try:
            logverifier.main(
                [f"--keys_dir={self.keys}", *options, *paths], {VARIABLE: MASTER}, output
            )
        except logverifier.Tampered as error:
            return f"{output.getvalue()}{error}"
        return output.getvalue()

    def test_as_it_was_written(self):
        text = "3 lines in 1 chains are as they were written\n"
        self.assertEqual(self.run_on(self.lines), text)
        self.assertEqual(self.run_on(self.lines[:2], self.lines[2:]), text)

    def test_tampered(self):
        self.assertIn("line 2: this line was changed", self.run_on(self.lines[::2]))
        self.assertIn("more\n", self.run_on([self.lines[0], "x", self.lines[0]] * 15))
        self.assertIn("no line of a signed log", self.run_on([]))

    def test_open(self):
        self.assertIn("the last chain has not ended", self.run_on(self.lines[:2]))
        found = self.run_on(self.lines[:2], options=["--audit_log_open_ok"])
        self.assertIn("2 lines", found)

    def test_nothing_to_go_by(self):
        self.assertRaises(KeyStoreError, self.run_on)
        os.remove(f"{self.keys}/secure_log_key")
        self.assertRaises(KeyStoreError, self.run_on, self.lines)
