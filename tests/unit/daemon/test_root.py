"""Starting a daemon: log level, one line and status 1 for what can't be."""

import io
import os
import signal
import subprocess
import sys
from types import SimpleNamespace

from twisted.application.service import Service
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.config.connector import CONNECTOR_SECTIONS
from acra_twisted.daemon import libraries, usage
from acra_twisted.daemon import root as daemon
from acra_twisted.errors import ConfigError
from acra_twisted.options import defaults

SETTINGS = defaults(CONNECTOR_SECTIONS).but(log_to_console=False, core_dump_enable=True)


class Roots(SynchronousTestCase):
    def setUp(self):
        for number in (signal.SIGHUP, signal.SIGUSR1):
            self.addCleanup(signal.signal, number, signal.getsignal(number))

    def test_root(self):
        reactor = MemoryReactorClock()
        reactor._exitSignal = 15
        root = daemon.make_root(
            "x", SETTINGS, lambda reactor, settings, inherited: Service(), reactor
        )
        self.assertEqual(len(list(root)), 1)
        for trigger, args, kwargs in reactor.triggers["after"]["shutdown"]:
            trigger(*args, **kwargs)
        self.assertIsNone(reactor._exitSignal)

    def test_what_is_there_at_the_start_is_not_looked_through_again(self):
        frozen = []
        self.patch(daemon, "gc", SimpleNamespace(freeze=lambda: frozen.append(True)))
        reactor = MemoryReactorClock()
        daemon.make_root("x", SETTINGS, lambda reactor, settings, inherited: Service(), reactor)
        self.assertEqual(frozen, [])
        reactor.run()
        self.assertEqual(frozen, [True])

    def test_pages_that_only_the_start_needs_are_given_back_when_all_is_made(self):
        told = []
        self.patch(libraries, "give_back", lambda: told.append("given back"))

        def make(reactor, settings, inherited):
            told.append("made")
            return Service()

        daemon.make_root("x", SETTINGS, make, MemoryReactorClock())
        self.assertEqual(told, ["made", "given back"])

    def test_settings_without_effect_are_told_of_when_the_log_is_there(self):
        told = []
        globalLogPublisher.addObserver(told.append)
        self.addCleanup(globalLogPublisher.removeObserver, told.append)
        reactor = MemoryReactorClock()
        settings = SETTINGS.remarked(["x has no effect"])
        daemon.make_root("x", settings, lambda reactor, settings, inherited: Service(), reactor)
        self.assertEqual(told, [])
        reactor.run()
        (event,) = [event for event in told if event.get("code") == events.IDLE_SETTING]
        self.assertEqual(event["event_text"], "x has no effect")

    def test_settings_that_need_a_restart_are_named_at_sighup(self):
        told = []
        globalLogPublisher.addObserver(told.append)
        self.addCleanup(globalLogPublisher.removeObserver, told.append)
        reactor = MemoryReactorClock()
        reactor.callFromThread = lambda call, *args: call(*args)
        found = []
        service = Service()
        service.reload = lambda: found.append("reloaded")

        def changes():
            if found == ["reloaded"]:
                raise ConfigError("x.ini:1: no")
            return ["db_port", "[stage:x] y"] if len(found) == 2 else []

        daemon.make_root(
            "x", SETTINGS, lambda reactor, settings, inherited: service, reactor, changes
        )
        for _ in range(3):
            signal.getsignal(signal.SIGHUP)(signal.SIGHUP, None)
        texts = [(e["code"], e["event_text"]) for e in told if "event_text" in e]
        self.assertEqual(
            texts,
            [
                (507, "the settings were not looked at, for they are wrong by now: x.ini:1: no"),
                (
                    events.IDLE_SETTING,
                    "settings have changed that need a restart: db_port, [stage:x] y",
                ),
            ],
        )

    def test_a_signal_that_comes_while_the_service_is_made_is_heard_when_it_runs(self):
        reactor, calls, done = MemoryReactorClock(), [], []
        reactor.callFromThread = lambda call, *args: calls.append(lambda: call(*args))
        service = Service()
        service.reload = lambda: done.append("reloaded")

        def make(reactor, settings, inherited):
            os.kill(os.getpid(), signal.SIGHUP)
            os.kill(os.getpid(), signal.SIGUSR1)
            return service

        path = self.mktemp()
        settings = SETTINGS.but(log_to_file=path)
        daemon.make_root("x", settings, make, reactor)
        os.rename(path, f"{path}.1")
        for call in calls:
            call()
        self.assertEqual(done, ["reloaded"])
        self.assertTrue(os.path.exists(path))

    def test_ke7_no_dumps(self):
        program = (
            "import ctypes, resource; from acra_twisted.daemon import root;"
            "root.forbid_dumps();"
            "print(ctypes.CDLL(None).prctl(3), resource.getrlimit(resource.RLIMIT_CORE)[0])"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        )
        self.assertEqual(done.stdout, "0 0\n")

    def test_ke7_unless_it_is_wanted(self):
        forbidden = []
        self.patch(daemon, "forbid_dumps", lambda: forbidden.append(True))
        for wanted, expected in ((True, []), (False, [True])):
            settings = SETTINGS.but(core_dump_enable=wanted)
            reactor = MemoryReactorClock()
            daemon.make_root("x", settings, lambda reactor, settings, inherited: Service(), reactor)
            self.assertEqual(forbidden, expected)

    def test_rl6_who_asks_twice_does_not_wait(self):
        reactor = MemoryReactorClock()
        service = Service()
        service.hurry = lambda: hurried.append(True)
        reactor.callFromThread = lambda function: function()
        hurried, installed = [], {}
        self.patch(daemon.signal, "signal", installed.__setitem__)
        daemon.make_root("x", SETTINGS, lambda reactor, settings, inherited: service, reactor)
        self.assertNotIn(signal.SIGTERM, installed)
        for trigger, args, kwargs in reactor.triggers["before"]["shutdown"]:
            trigger(*args, **kwargs)
        installed[signal.SIGTERM](signal.SIGTERM, None)
        self.assertEqual(hurried, [True])

    def test_what_cannot_be(self):
        errors = io.StringIO()
        self.patch(usage.sys, "stderr", errors)

        def make(reactor, settings, inherited):
            raise ConfigError("no")

        self.assertRaises(SystemExit, daemon.make_root, "x", SETTINGS, make, MemoryReactorClock())
        self.assertEqual(errors.getvalue(), "x: no\n")
