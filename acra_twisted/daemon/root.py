"""Start a daemon: log lines, the service, and one line if the start fails."""

from __future__ import annotations

import atexit
import ctypes
import gc
import os
import resource
import signal
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from acra_twisted import events
from acra_twisted.config.places import placed
from acra_twisted.daemon import libraries, startlog
from acra_twisted.daemon.usage import fail
from acra_twisted.errors import ConfigError
from acra_twisted.options import Settings
from acra_twisted.telemetry.logs.setup import make_writer
from acra_twisted.telemetry.service import LoggedRoot
from acra_twisted.transport.activation import InheritedSockets, Notifier, descriptors

_PR_SET_DUMPABLE = 4
_log = Logger()


def make_root(
    program: str,
    settings: Settings,
    make: Callable[[Any, Settings, InheritedSockets], Any],
    reactor: Any = None,
    changes: Callable[[], Sequence[str]] = tuple,
) -> LoggedRoot:
    """The daemon's top service, or one line on standard error and exit status 1.

    ``make`` returns the service for the reactor, the settings and the inherited sockets.
    ``changes`` gives the names of settings that are others by now than ``settings`` has, or raises
    ConfigError.
    """
    if reactor is None:
        from twisted.internet import reactor  # noqa: TID251 - chosen by twistd by now
    # Before dumps are forbidden: the system hides the first environment of who has none.
    given = descriptors()
    if not settings["core_dump_enable"]:
        forbid_dumps()
    writer = None
    try:
        inherited = InheritedSockets(given)
        writer, services = make_writer(program, settings, reactor)
        # Before the service listens: whoever sees that it does may send a signal, which must not
        # end it.  The reactor calls when it runs, and the service is made by then.
        signal.signal(
            signal.SIGHUP, lambda *_: reactor.callFromThread(lambda: _reload(service, changes))
        )
        signal.signal(signal.SIGUSR1, lambda *_: reactor.callFromThread(writer.reopen))
        root = LoggedRoot(writer, services)
        service = make(reactor, settings, inherited)
        inherited.check()
        service.setServiceParent(root)
        if hasattr(service, "metrics"):
            service.metrics.watch_log(writer)
        if hasattr(service, "telemetry"):
            writer.origin = service.telemetry.resource.origin()
    except ConfigError as error:
        if writer is not None:
            writer.close()
        error = placed(error, settings.given)
        error.settings = settings
        startlog.record(program, error)
        fail(program, error)
    if hasattr(service, "hurry"):
        reactor.addSystemEventTrigger("before", "shutdown", _hurry_next_time, reactor, service)
    for remark in settings.remarks:
        reactor.callWhenRunning(
            _log.warn, "{event_text}", event_text=remark, code=events.IDLE_SETTING
        )
    # What is there by now stays: the collector need not look through it again, which keeps every
    # session waiting for 50 ms.
    reactor.callWhenRunning(gc.freeze)
    _keep_telling(Notifier(os.environ), reactor)
    libraries.give_back()
    # A service manager takes an exit by SIGTERM's number for a failure: it was a clean stop.
    reactor.addSystemEventTrigger("after", "shutdown", _forget_signal, reactor)
    return root


def _reload(service: Any, changes: Callable[[], Sequence[str]]) -> None:
    """SIGHUP: let the service reload; log the other changed settings."""
    service.reload()
    try:
        found = changes()
    except ConfigError as error:
        text = f"the settings were not looked at, for they are wrong by now: {error}"
        _log.error("{event_text}", event_text=text, code=events.WRONG_CONFIGURATION)
        return
    if found:
        text = f"settings have changed that need a restart: {', '.join(found)}"
        _log.warn("{event_text}", event_text=text, code=events.IDLE_SETTING)


def forbid_dumps() -> None:
    """No core dumps and no debugger of the same user: either would see keys and data."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    # Linux has it; where there is none the limit is all that can be done.
    if prctl is not None:
        prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _hurry_next_time(reactor: Any, service: Any) -> None:
    """Make the next request for a stop end the daemon at once."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: reactor.callFromThread(service.hurry))


def _keep_telling(notifier: Notifier, reactor: Any) -> None:
    """The service manager: that we serve, that we live, that we stop."""
    watchdog = LoopingCall(notifier.tell, "WATCHDOG=1")
    watchdog.clock = reactor

    def begin() -> None:
        notifier.tell("READY=1")
        if notifier.interval:
            watchdog.start(notifier.interval)

    def end() -> None:
        notifier.tell("STOPPING=1")
        if watchdog.running:
            watchdog.stop()

    reactor.callWhenRunning(begin)
    reactor.addSystemEventTrigger("before", "shutdown", end)


def exit_with(status: int) -> None:
    """Let the process end with ``status`` once twistd has cleaned up behind itself."""
    atexit.register(os._exit, status)


def _forget_signal(reactor: Any) -> None:
    if hasattr(reactor, "_exitSignal"):
        reactor._exitSignal = None
