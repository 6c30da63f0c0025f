"""The command line becomes settings, or an answer and an exit status."""

import io
import json
import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import __version__
from acra_twisted.daemon import usage
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

    def test_version(self):
        self.assertEqual(self.run_options("--version"), (0, f"{__version__}\n", ""))
        self.assertEqual(self.run_options("-version=true"), (0, f"{__version__}\n", ""))

    def test_markdown(self):
        code, shown, _ = self.run_options("--generate_markdown_args_table")
        self.assertEqual(code, 0)
        self.assertIn("| `db_port` | `5432` | The port. |", shown.splitlines())
        self.assertIn("| `password` |  | Secret. |", shown.splitlines())

    def test_yaml_files_are_written_as_acra_does(self):
        folder = self.mktemp()
        path = os.path.join(folder, "acra-test.yaml")
        flags = (f"--config_file={path}", "--dump_config")
        self.assertEqual(self.run_options(*flags, "--db_port=7"), (0, "", ""))
        text = Path(path).read_text()
        self.assertTrue(text.startswith("version: 0."))
        self.assertIn("# The port.\ndb_port: 7\n", text)
        self.assertEqual(self.run_options(f"--config_file={path}")["db_port"], 7)
        # What the file says stays.
        self.run_options(*flags, "--db_host=x", "--generate_markdown_args_table")
        settings = self.run_options(f"--config_file={path}")
        self.assertEqual((settings["db_port"], settings["db_host"]), (7, "x"))
        table = Path(folder, "markdown_acra-test.md").read_text()
        self.assertIn("| `db_port` |", table)

    def test_an_empty_yaml_file_is_filled(self):
        path = self.mktemp() + ".yml"
        Path(path).touch()
        self.assertEqual(self.run_options(f"--config_file={path}", "--dump_config")[0], 0)
        self.assertIn("db_port: 5432", Path(path).read_text())

    def test_a_yaml_file_that_is_wrong_is_not_replaced(self):
        path = self.mktemp() + ".yaml"
        Path(path).write_text("db_port: 7\n")
        code, _, errors = self.run_options(f"--config_file={path}", "--dump_config")
        self.assertEqual((code, Path(path).read_text()), (1, "db_port: 7\n"))
        self.assertIn("config hasn't version key", errors)

    def test_an_ini_file_is_printed(self):
        path = self.mktemp() + ".ini"
        Path(path).write_text("[server]\ndb_port = 7\n")
        code, shown, _ = self.run_options(f"--config_file={path}", "--dump_config")
        self.assertEqual((code, "db_port = 7" in shown), (0, True))

    def test_remarks_are_told_when_the_configuration_is_checked(self):
        path = self.mktemp()
        Path(path).write_text("[stage:idle]\nsize = 1\n")
        code, shown, _ = self.run_options(f"--config={path}", "--check_config")
        self.assertEqual(code, 0)
        self.assertRegex(shown, r"acra-test: warning: .*:1: \[stage:idle\] has no effect")
