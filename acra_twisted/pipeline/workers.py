"""Threads, and turns of the reactor, for work that would keep it from its other sessions."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from acra_twisted.pipeline.steps import Steps

Result = TypeVar("Result")

#: Seconds for which a worker may keep the interpreter from the reactor.  Python's own 5 ms, several
#: times per statement, are what other sessions wait for (see docs/performance.rst).
SWITCH_INTERVAL = 0.0005


def uncollected(function: Callable[..., Result], *args: Any) -> Result:
    """Call a function that a worker runs, while the collector of cyclic garbage is off.

    For what makes many objects, as trees of statements: each look at them all keeps the interpreter
    from everybody.  The first of several such calls that ends switches the collector on again: were
    it the last one, clients that send without a pause could keep it off.
    """
    gc.disable()
    try:
        return function(*args)
    finally:
        gc.enable()


class Workers:
    """``count`` threads, started with the first piece of work."""

    def __init__(self, reactor: Any, count: int = 3) -> None:
        self._reactor = reactor
        self._pool = ThreadPool(minthreads=0, maxthreads=count, name="acra")
        self._steps = Steps(reactor)

    def run(self, function: Callable[..., Result], *args: Any) -> Deferred[Result]:
        """The function's result, later.  It must not touch what the reactor's thread may touch."""
        if not self._pool.started:
            sys.setswitchinterval(SWITCH_INTERVAL)
            self._pool.start()
        return deferToThreadPool(self._reactor, self._pool, function, *args)

    def in_steps(self, work: Iterator[int]) -> Deferred[None] | None:
        """Do work that consists of short pieces in turns of the reactor; see `Steps.run`."""
        return self._steps.run(work)

    def stop(self) -> None:
        """Wait for what is being done; nothing may be asked for afterwards."""
        if self._pool.started:
            self._pool.stop()
