"""``acra-log-verifier``."""

import contextlib
import io
import json
import os

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import AcraError, KeyStoreError
from acra_twisted.telemetry.logs.chain import LAST_WORDS, Chain
from acra_twisted.tools import keymaker, logverifier
from tests.unit.telemetry.logs.test_setup import MASTER, SETTINGS, VARIABLE, make_key, setup


class Verifier(SynchronousTestCase):
    def setUp(self):
        self.keys = self.mktemp()
        make_key(self.keys)
        self.patch(os, "environ", {VARIABLE: MASTER})
        chain = Chain(setup._key_reader(SETTINGS.but(keys_dir=self.keys))(), "plaintext")
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
        except AcraError as error:
            self.status = error.status
            if isinstance(error, KeyStoreError):
                raise
            return f"{output.getvalue()}{error}"
        self.status = 0
        return output.getvalue()

    def rotate(self):
        keymaker.main(
            [f"--keys_output_dir={self.keys}", "--generate_log_key"],
            {VARIABLE: MASTER},
            io.StringIO(),
        )

    def chain(self, first="one"):
        key = setup._key_reader(SETTINGS.but(keys_dir=self.keys))()
        chain = Chain(key, "plaintext")
        end = f'time="now" level=info msg="{LAST_WORDS[1]}" chain=end'
        return [chain.sign(text) for text in (first, "two", end)]

    def test_keys_that_were_rotated_are_tried(self):
        for _ in range(2):
            self.rotate()
            self.lines += self.chain()
        shown = self.run_on(self.lines)
        self.assertEqual(self.status, 0, shown)
        self.assertIn("9 lines in 3 chains are as they were written", shown)
        self.assertIn("secure_log_key: 1 chains\n", shown)
        self.assertRegex(shown, r"secure_log_key\.old/2[-0-9T:.]+: 1 chains\n")
        self.lines[1] = self.lines[1].replace("two", "2")
        self.assertIn("line 2: this line was changed", self.run_on(self.lines))
        self.assertEqual(self.status, 1)

    def test_lines_from_before_signing_have_a_status_of_their_own(self):
        unsigned = [f"line {n}" for n in range(6)]
        shown = self.run_on(unsigned + self.lines)
        self.assertEqual(self.status, 3)
        for text in (
            "lines 1 to 6: not signed: written before signing began, or added",
            "3 lines in 1 chains are as they were written",
            "6 of 9 lines are not signed",
        ):
            self.assertEqual(shown.count(text), 1, shown)
        self.assertIn("line 8: this line was", self.run_on(unsigned + self.lines[::2]))
        self.assertEqual(self.status, 1)
        self.run_on(unsigned[:1])
        self.assertEqual(self.status, 1)

    def test_json_that_acra_has_signed(self):
        line = json.dumps({"integrity": "b3" * 32, "msg": "x"})
        self.assertIn("that Acra has signed cannot be checked", self.run_on([line] * 3))
        self.assertEqual(self.status, 4)
        self.assertIn("line 1: JSON that Acra has signed", self.run_on([line, *self.lines]))
        self.assertEqual(self.status, 3)

    def test_help_says_what_each_status_means(self):
        with contextlib.redirect_stdout(io.StringIO()) as output:
            self.assertRaises(SystemExit, self.run_on, options=["--help"])
        text = " ".join(output.getvalue().split())
        for part in ("0, each line", "1, a line is missing", "3, what is signed", "4, nothing"):
            self.assertIn(part, text)

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

    def test_files_as_acra_names_them(self):
        paths = [self.mktemp(), self.mktemp()]
        for path, lines in zip(paths, (self.lines[:1], self.lines[1:]), strict=True):
            with open(path, "w") as file:
                file.writelines(line + "\n" for line in lines)
        names = self.mktemp()
        with open(names, "w") as file:
            file.write("\n".join(["/not/there", *paths, ""]))
        flags = [f"--audit_log_file_list={names}", "--audit_log_file_format=plaintext"]
        self.assertRaises(FileNotFoundError, self.run_on, options=flags)
        shown = self.run_on(options=[*flags, "--audit_log_missing_ok"])
        self.assertEqual(shown, "3 lines in 1 chains are as they were written\n")
        self.assertRaises(
            KeyStoreError, self.run_on, options=["--audit_log_missing_ok", "/not/there"]
        )

    def test_a_list_that_is_none(self):
        names = self.mktemp()
        with open(names, "wb") as file:
            file.write(b"a\n\0\n")
        flags = [f"--audit_log_file_list={names}"]
        self.assertRaises(KeyStoreError, self.run_on, options=flags)

    def test_nothing_to_go_by(self):
        self.assertRaises(KeyStoreError, self.run_on)
        os.remove(f"{self.keys}/secure_log_key")
        self.assertRaises(KeyStoreError, self.run_on, self.lines)
