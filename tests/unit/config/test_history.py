"""The options of the history."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.connector import tap
from tests.support.programs import names_in, settings_of

FLAGS = ("--acraserver_connection_string=tcp://127.0.0.1:1", "--client_id=an application")


class History(SynchronousTestCase):
    def settings(self, *flags):
        return settings_of(tap.Options.program, *FLAGS, *flags)

    def test_it_is_off(self):
        self.assertEqual(self.settings()["trace_store_file"], "")

    def test_bounds_need_a_file(self):
        for flag in ("--trace_store_max_bytes=20000000", "--trace_store_max_age=3600"):
            name = flag.strip("-").partition("=")[0]
            self.assertEqual(names_in(self.settings(flag).remarks), [name])
            self.assertEqual(names_in(self.settings(flag, "--trace_store_file=x").remarks), [])
