"""The log of a start: twistd's own flags, and the lines of a start that fails."""

import io
import json
import os
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.config.server import SERVER_SECTIONS
from acra_twisted.daemon import startlog
from acra_twisted.errors import ConfigError
from acra_twisted.options import defaults

SETTINGS = defaults(SERVER_SECTIONS)
PROGRAM = "acra-server"


class Flags(SynchronousTestCase):
    def setUp(self):
        self.errors = io.StringIO()
        self.here = os.path.abspath(self.mktemp())
        os.mkdir(self.here)
        before = os.getcwd()
        os.chdir(self.here)
        self.addCleanup(os.chdir, before)

    def adopt(self, settings=SETTINGS, **twistd):
        flags = {"nodaemon": 0, "logfile": None, "syslog": 0, "logger": None, **twistd}
        return startlog.adopt(PROGRAM, settings, flags, self.errors)

    def test_a_program_that_twistd_does_not_run(self):
        self.assertIs(startlog.adopt(PROGRAM, SETTINGS, None, self.errors), SETTINGS)

    def test_in_the_foreground_the_console_is_enough(self):
        self.assertEqual(dict(self.adopt(nodaemon=1)), dict(SETTINGS))
        self.assertEqual(self.errors.getvalue(), "")

    def test_in_the_background_lines_go_to_a_file_and_its_name_is_said(self):
        path = os.path.join(self.here, "acra-server.log")
        self.assertEqual(self.adopt()["log_to_file"], path)
        self.assertIn(f"log lines go to {path} (log_to_file)", self.errors.getvalue())

    def test_in_the_background_with_a_destination_of_its_own(self):
        for option, value in (
            ("log_to_file", "/var/log/x"),
            ("log_to_syslog", "udp://127.0.0.1:514"),
            ("log_to_journald", True),
        ):
            settings = SETTINGS.but(**{option: value})
            self.assertEqual(dict(self.adopt(settings)), dict(settings))
        self.assertEqual(self.errors.getvalue(), "")

    def test_twistds_log_file_is_ours(self):
        for nodaemon in (0, 1):
            found = self.adopt(nodaemon=nodaemon, logfile="x.log")
            self.assertEqual(found["log_to_file"], os.path.join(self.here, "x.log"))
            same = SETTINGS.but(log_to_file="x.log")
            found = self.adopt(same, nodaemon=nodaemon, logfile="x.log")
            self.assertEqual(found["log_to_file"], os.path.join(self.here, "x.log"))
        self.assertEqual(self.adopt(nodaemon=1, logfile="-")["log_to_file"], "")
        self.assertEqual(self.errors.getvalue(), "")

    def test_twistds_syslog_is_ours_where_there_is_one(self):
        path = os.path.join(self.here, "log")
        self.patch(startlog, "_SYSLOG", path)
        error = self.assertRaises(ConfigError, self.adopt, syslog=1)
        self.assertIn(f"there is no {path} here: set log_to_syslog", str(error))
        Path(path).touch()
        self.assertEqual(self.adopt(syslog=1)["log_to_syslog"], f"unix://{path}")
        chosen = SETTINGS.but(log_to_syslog="udp://127.0.0.1:514")
        self.assertEqual(self.adopt(chosen, syslog=1)["log_to_syslog"], "udp://127.0.0.1:514")

    def test_what_cannot_be_honoured_is_refused_with_what_to_set(self):
        other = SETTINGS.but(log_to_file="y.log")
        for settings, flags, expected in (
            (SETTINGS, {"logger": "x.y"}, "--logger: set log_to_file, log_to_syslog or"),
            (SETTINGS, {"logfile": "-"}, "--logfile: in the background there is no console"),
            (other, {"logfile": "x.log"}, "--logfile: log_to_file names another file"),
        ):
            error = self.assertRaises(ConfigError, self.adopt, settings, **flags)
            self.assertIn(f"twistd's {expected}", str(error))
            self.assertIs(error.settings, settings)


class Failures(SynchronousTestCase):
    def setUp(self):
        self.path = self.mktemp()

    def record(self, error, **settings):
        error.settings = SETTINGS.but(log_to_console=False, log_to_file=self.path, **settings)
        startlog.record(PROGRAM, error)
        return Path(self.path).read_text() if os.path.exists(self.path) else ""

    def test_each_line_with_its_code(self):
        first = ConfigError("version: too old", "rules.yaml:1", events.CENSOR_SETUP)
        first.parts += ConfigError("no keys", code=events.KEY_STORE).parts
        text = self.record(first)
        self.assertIn('level=error msg="can\'t setup censor" code=561 error="rules.yaml:1: v', text)
        self.assertIn('msg="Can\'t initialise keystore" code=510 error="no keys"', text)
        self.assertEqual(len(text.splitlines()), 2)

    def test_every_format(self):
        error = ConfigError("db_host: name it")
        (line,) = self.record(error, logging_format="json").splitlines()
        self.assertEqual(json.loads(line)["error"], "db_host: name it")
        for style in ("cef", "cef-acra"):
            text = self.record(error, logging_format=style)
            self.assertIn("|acra-server|", text)
            self.assertIn("|507|Can't start|", text)

    def test_a_console_that_people_read_has_the_lines_already(self):
        stream = io.StringIO()
        self.patch(sys, "stderr", stream)
        for style, expected in (("plaintext", ""), ("json", '"code": 507')):
            error = ConfigError("no")
            error.settings = SETTINGS.but(logging_format=style)
            startlog.record(PROGRAM, error)
            self.assertIn(expected, stream.getvalue())
            self.assertEqual(bool(stream.getvalue()), bool(expected))

    def test_what_is_itself_the_reason_is_left_out(self):
        security = self.mktemp()
        error = ConfigError("log_to_file: cannot write")
        error.settings = SETTINGS.but(
            log_to_console=True, log_to_file="/nowhere/x", logging_format="json"
        )
        stream = io.StringIO()
        self.patch(sys, "stderr", stream)
        startlog.record(PROGRAM, error)
        self.assertIn("cannot write", stream.getvalue())
        # A signed file is not written to where nothing can be signed.
        text = self.record(error, audit_log_enable=True, security_log_file=security)
        self.assertEqual(text, "")

    def test_a_log_over_tcp_would_have_to_be_reached_first(self):
        self.assertIn("no", self.record(ConfigError("no"), log_to_syslog="tcp://127.0.0.1:1"))

    def test_settings_that_could_not_be_read(self):
        self.assertIsNone(startlog.record(PROGRAM, ConfigError("no")))
        self.assertFalse(os.path.exists(self.path))
