"""Mistakes that can be made with every tool: one line or two, a status, and no traceback."""

import contextlib
import importlib
import io
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.commands import scripts


class EveryTool(SynchronousTestCase):
    def tools(self):
        for name, place in scripts().items():
            module, _, function = place.partition(":")
            yield name, getattr(importlib.import_module(module), function)

    def said(self, script, *arguments):
        """The status of a run, and what it writes to standard error."""
        self.patch(sys, "argv", ["acra-x", *arguments])
        self.patch(sys, "stdin", io.StringIO())
        with (
            contextlib.redirect_stderr(io.StringIO()) as errors,
            contextlib.redirect_stdout(io.StringIO()),
        ):
            try:
                status = script()
            except SystemExit as end:
                status = end.code
        return status, errors.getvalue()

    def test_help_and_version(self):
        for name, script in self.tools():
            for word in ("--help", "-h", "-help", "--version"):
                self.assertEqual(self.said(script, word), (0, ""), name)

    def test_words_that_are_no_arguments(self):
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        for name, script in self.tools():
            for word in (
                "\udcff",
                "--\udcff",
                "--\udcff=\udcff",
                "--no_such_flag",
                "--config_file=\udcff",
                "--config_file=/nowhere",
                f"--config_file={folder}",
            ):
                status, said = self.said(script, word)
                self.assertNotEqual(status, 0, (name, word))
                self.assertTrue(said.startswith(f"{name}: "), (name, word, said))
                self.assertTrue(said.isascii() or "\udcff" not in said, (name, word))
