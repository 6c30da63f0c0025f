"""The log that settings ask for."""

import base64
import io
import os

from twisted.internet import reactor  # noqa: TID251 - endpoints want a real one
from twisted.logger import LogLevel
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.server import SERVER_SECTIONS
from acra_twisted.errors import ConfigError
from acra_twisted.keystore.masterkey import VARIABLE
from acra_twisted.options import defaults
from acra_twisted.telemetry.logs import setup
from acra_twisted.telemetry.logs.chaincheck import verify
from acra_twisted.tools import keymaker

MASTER = base64.b64encode(b"m" * 32).decode()
SETTINGS = defaults(SERVER_SECTIONS).but(log_to_console=False)
EVENT = {"log_time": 1.0, "log_level": LogLevel.error, "log_format": "x", "code": 560}


def make_key(folder):
    arguments = [f"--keys_output_dir={folder}", "--keystore=v1", "--generate_log_key"]
    keymaker.main(arguments, {VARIABLE: MASTER}, io.StringIO())


class Setup(SynchronousTestCase):
    def make(self, **settings):
        return setup.make_writer("acra-server", SETTINGS.but(**settings), None)[0]

    def test_levels(self):
        for changes, level in (
            ({}, LogLevel.warn),
            ({"v": True}, LogLevel.info),
            ({"v": True, "d": True}, LogLevel.debug),
        ):
            self.assertIs(setup.log_level(SETTINGS.but(**changes)), level)

    def test_files(self):
        path, security = self.mktemp(), self.mktemp()
        writer = self.make(log_to_file=path, logging_format="cef", security_log_file=security)
        writer(EVENT)
        writer.reopen()
        for name in (path, security):
            with open(name) as file:
                self.assertEqual(len(file.readlines()), 1)
        self.assertEqual(writer.lost, 0)
        writer.close()

    def test_other_destinations(self):
        settings = SETTINGS.but(
            log_to_console=True, log_to_syslog="tcp://127.0.0.1:1", log_to_journald=True
        )
        writer, services = setup.make_writer("acra-server", settings, reactor)
        self.assertEqual((len(writer.sinks), len(services)), (3, 1))

    def test_a_signed_log(self):
        self.patch(os, "environ", {VARIABLE: MASTER})
        keys, path = self.mktemp(), self.mktemp()
        settings = {"keys_dir": keys, "log_to_file": path, "audit_log_enable": True}
        self.assertRaises(ConfigError, self.make, **settings)
        make_key(keys)
        for _ in range(2):
            writer = self.make(**settings)
            # The service takes it out of the environment.
            os.environ.clear()
            writer.begin()
            writer(EVENT)
            writer.reopen()
            writer.end()
            writer.close()
            os.environ[VARIABLE] = MASTER
        with open(path) as file:
            found = verify(file, [self.key(keys)])
        self.assertEqual((found.lines, found.chains), (14, [4]))
        self.assertEqual((found.problems, found.open_chain), ([], False))

    def key(self, keys):
        return setup._key_reader(SETTINGS.but(keys_dir=keys))()
