"""Starting a daemon: log level, one line and status 1 for what can't be."""

import io

from twisted.application.service import Service
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config import daemon, usage
from acra_twisted.config.sections import CONNECTOR_SECTIONS
from acra_twisted.errors import ConfigError
from acra_twisted.options import defaults

SETTINGS = defaults(CONNECTOR_SECTIONS).but(log_to_console=False)


class Roots(SynchronousTestCase):
    def test_root(self):
        reactor = MemoryReactorClock()
        reactor._exitSignal = 15
        root = daemon.make_root("x", SETTINGS, lambda reactor, settings: Service(), reactor)
        self.assertEqual(len(list(root)), 1)
        for trigger, args, kwargs in reactor.triggers["after"]["shutdown"]:
            trigger(*args, **kwargs)
        self.assertIsNone(reactor._exitSignal)

    def test_what_cannot_be(self):
        errors = io.StringIO()
        self.patch(usage.sys, "stderr", errors)

        def make(reactor, settings):
            raise ConfigError("no")

        self.assertRaises(SystemExit, daemon.make_root, "x", SETTINGS, make, MemoryReactorClock())
        self.assertEqual(errors.getvalue(), "x: no\n")
