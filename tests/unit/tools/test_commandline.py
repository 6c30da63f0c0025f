"""Flags as Go's tools take them; mistakes in one line."""

import contextlib
import errno
import io
import os
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import ConfigError, KeyStoreError
from acra_twisted.sandbox.authority import Authority
from acra_twisted.tools import censor, commandline


class Full(io.RawIOBase):
    """Takes nothing for a reason, the number of an error; 0: it takes everything."""

    def __init__(self, number):
        self.number = number

    def writable(self):
        return True

    def write(self, data):
        if self.number:
            raise OSError(self.number, os.strerror(self.number))
        return len(data)


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Asking(SynchronousTestCase):
    def asked(self, typed):
        """The answer, and all that is shown on standard error."""
        self.patch(sys, "stdin", typed)
        with contextlib.redirect_stderr(io.StringIO()) as shown:
            return commandline.ask("Sure? "), shown.getvalue()

    def test_one_line_of_a_terminal_is_the_answer(self):
        self.assertEqual(self.asked(Terminal("yes\nno\n")), ("yes\n", "Sure? "))

    def test_nobody_is_asked_without_a_terminal(self):
        self.assertEqual(self.asked(io.StringIO("yes\n")), ("", ""))


class Running(SynchronousTestCase):
    def test_dashes(self):
        seen = []
        status = commandline.run("x", lambda a, e, o: seen.extend(a), ["-name=v", "--name", "-h"])
        self.assertEqual((status, seen), (0, ["--name=v", "--name", "-h"]))
        self.patch(sys, "argv", ["x", "-name"])
        commandline.run("x", lambda a, e, o: seen.extend(a))
        self.assertEqual(seen[-1], "--name")

    def test_mistakes(self):
        for error, status in (
            (KeyStoreError("no such key"), 1),
            (OSError(28, "No space left on device"), 1),
            (censor.Denied("1 of 2 queries are denied"), 3),
        ):

            def broken(*args, error=error):
                raise error

            with contextlib.redirect_stderr(io.StringIO()) as errors:
                self.assertEqual(commandline.run("acra-x", broken, []), status)
            self.assertTrue(errors.getvalue().startswith("acra-x: "))
            self.assertEqual(errors.getvalue().count("\n"), 1)

    def ended(self, main, arguments=()):
        """The status of a run, and what it says."""
        with contextlib.redirect_stderr(io.StringIO()) as errors:
            status = commandline.run("acra-x", main, arguments)
        return status, errors.getvalue()

    def test_what_main_returns_is_the_status(self):
        self.assertEqual(self.ended(lambda *_: 2), (2, ""))

    def test_an_interrupt(self):
        def interrupted(*_):
            raise KeyboardInterrupt

        self.assertEqual(self.ended(interrupted), (130, "acra-x: interrupted\n"))

    def test_a_prompt_that_nobody_answers(self):
        def ended(*_):
            raise EOFError

        self.assertEqual(self.ended(ended), (1, "acra-x: nothing was typed\n"))

    def test_bytes_that_are_no_text(self):
        status, said = self.ended(lambda *_: "\udcff".encode())
        self.assertEqual(status, 1)
        self.assertIn("UTF-8", said)

    def test_output_that_nobody_takes(self):
        for number, expected in (
            (errno.ENOSPC, (1, "acra-x: standard output: No space left on device\n")),
            (errno.EPIPE, (0, "")),
        ):
            full = Full(number)
            output = io.TextIOWrapper(io.BufferedWriter(full))
            self.patch(sys, "stdout", output)
            self.assertEqual(self.ended(lambda a, e, output: output.write("x") and 0), expected)
            full.number = 0
            output.close()

    def test_names_that_a_terminal_cannot_show(self):
        shown = io.BytesIO()
        self.patch(sys, "stdout", io.TextIOWrapper(shown, "ascii"))
        self.assertEqual(self.ended(lambda a, e, output: output.write("é\udcff") and 0), (0, ""))
        self.assertEqual(shown.getvalue(), b"\\xe9\\udcff")

    def test_streams_that_are_closed(self):
        for name in ("stdin", "stdout", "stderr"):
            self.patch(sys, name, None)
            stream = commandline.standard(name)
            self.addCleanup(stream.close)
            self.assertIs(commandline.standard(name), stream)
        self.assertEqual(sys.stdin.read(), "")

    def test_arguments_that_are_no_text(self):
        parser = commandline.Parser(prog="x")
        parser.add_argument("--statement")
        parser.add_argument("--file", metavar="FILE")
        parser.add_argument("--login", type=commandline.raw)
        given = parser.parse_args(["--file=\udcff", "--login=\udcff"])
        self.assertEqual((given.file, given.login), ("\udcff", "\udcff"))
        error = self.assertRaises(ConfigError, parser.parse_args, ["--statement=\udcff"])
        self.assertIn("--statement: expected text in UTF-8", str(error))

    def test_what_others_say_is_not_obeyed(self):
        for error in (KeyStoreError("a\x1b]0;b\x07\u202ec\nd"), OSError(2, "no", "a\x1b[2Jb")):

            def broken(*args, error=error):
                raise error

            with contextlib.redirect_stderr(io.StringIO()) as errors:
                commandline.run("acra-x", broken, [])
            for line in errors.getvalue().splitlines():
                self.assertTrue(line.isprintable(), line)

    def test_what_the_system_says(self):
        for error, expected in (
            (FileNotFoundError(2, "No such file or directory", "/x/y"), "/x/y: No such file"),
            (OSError(28, "No space left on device"), "No space left on device"),
            (OSError("it is so"), "it is so"),
        ):

            def broken(*args, error=error):
                raise error

            with contextlib.redirect_stderr(io.StringIO()) as errors:
                commandline.run("acra-x", broken, [])
            self.assertIn(f"acra-x: {expected}", errors.getvalue())
            self.assertNotIn("Errno", errors.getvalue())

    def test_numbers(self):
        parser = commandline.Parser(prog="x")
        parser.add_argument("--days", type=commandline.whole_number)
        parser.add_argument("--seconds", type=commandline.number)
        given = parser.parse_args(["--days=3", "--seconds=1.5"])
        self.assertEqual((given.days, given.seconds), (3, 1.5))
        for wrong, expected in (
            ("--days=x", "a whole number, not 'x'"),
            ("--seconds=", "a number"),
        ):
            error = self.assertRaises(ConfigError, parser.parse_args, [wrong])
            self.assertIn(f"expected {expected}", str(error))

    def test_switches(self):
        parser = commandline.Parser(prog="x")
        parser.switch("on", help="a switch")
        for flags, expected in (([], False), (["--on"], True), (["--on=false"], False)):
            self.assertIs(parser.parse_args(flags).on, expected)
        self.assertRaises(ConfigError, parser.parse_args, ["--on=maybe"])
        parser.add_argument("word", nargs="*")
        given = parser.parse_args(["--on", "false"])
        self.assertEqual((given.on, given.word), (True, ["false"]))
        self.assertEqual(parser.parse_args(["--", "--on"]).word, ["--on"])
        self.assertRaises(ConfigError, parser.parse_args, ["--o"])

    def test_certificates(self):
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        certificate, key = Authority(folder).issue("somebody")
        for kind in ("distinguished_name", "serial_number"):
            self.assertEqual(len(commandline.from_certificate(str(certificate), kind)), 128)
        error = self.assertRaises(KeyStoreError, commandline.from_certificate, str(key), "serial")
        self.assertIn("no certificate", str(error))
