"""A daemon's history from its settings."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.connector import CONNECTOR_SECTIONS
from acra_twisted.errors import ConfigError
from acra_twisted.options import defaults
from acra_twisted.telemetry.history.opening import make_history


class Opening(SynchronousTestCase):
    def make(self, **changes):
        settings = defaults(CONNECTOR_SECTIONS).but(**changes)
        return make_history(Clock(), "acra-connector", settings, lambda: 0)

    def test_none_by_default(self):
        self.assertIsNone(self.make())

    def test_one_with_its_bounds(self):
        path = self.mktemp()
        history = self.make(trace_store_file=path, trace_store_max_bytes=1 << 25)
        self.assertEqual(history.size_limit, 1 << 25)
        with self.assertRaisesRegex(ConfigError, "trace_store_file: another process"):
            self.make(trace_store_file=path)
        # It was never started.
        self.successResultOf(history.stopService())
        self.successResultOf(self.make(trace_store_file=path).stopService())
