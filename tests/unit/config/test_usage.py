"""What twistd parses: settings, or an answer and an exit status."""

import io
import json
import os

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config import usage
from acra_twisted.server import tap
from tests.unit.config.test_reading import program


class Options(SynchronousTestCase):
    def run_options(self, *arguments):
        options = usage.DaemonOptions.__new__(usage.DaemonOptions)
        options.program = program()
        options.output, options.errors = io.StringIO(), io.StringIO()
        try:
            options.parseOptions(arguments)
        except SystemExit as end:
            return end.code, options.output.getvalue(), options.errors.getvalue()
        return options.settings

    def test_actions(self):
        code, shown, _ = self.run_options("--help")
        self.assertEqual((code, "--db_host" in shown, "--password" in shown), (0, True, False))
        code, shown, _ = self.run_options("--dump_config", "--db_host=x")
        self.assertEqual((code, "db_host = x" in shown), (0, True))
        code, shown, _ = self.run_options("--check-config")
        self.assertEqual((code, shown), (0, "acra-test: the configuration is fine\n"))

    def test_mistakes_are_one_line_and_status_1(self):
        code, _, errors = self.run_options("--db_hos=x")
        self.assertEqual((code, errors.count("\n")), (1, 1))
        self.assertTrue(errors.startswith("acra-test: "))

    def test_mistakes_are_in_the_log_that_was_chosen_too(self):
        path = os.path.abspath(self.mktemp())
        options = tap.Options()
        options.errors = io.StringIO()
        options.output = io.StringIO()
        chosen = (f"--log_to_file={path}", "--logging_format=json", "--log_to_console=false")
        for wrong, code in (("--db_port=1", 507), ("--db_port=no", 507)):
            self.assertRaises(SystemExit, options.parseOptions, (*chosen, wrong))
            with open(path) as file:
                lines = [line for line in file if "db_" in line]
            self.assertEqual([json.loads(line)["code"] for line in lines], [code])
            os.unlink(path)
        self.assertRaises(SystemExit, options.parseOptions, (*chosen, "--check_config"))
        self.assertFalse(os.path.exists(path))

    def test_settings(self):
        self.assertEqual(self.run_options("--db_host=x")["db_host"], "x")
