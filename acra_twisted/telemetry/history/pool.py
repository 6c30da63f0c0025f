"""One connection to SQLite in a pool of adbapi, whose thread is there while it has something to do.

Where a process has a second thread, even one that sleeps, each call of the reactor's thread to the
kernel takes some 30 ns more: its files may be closed meanwhile.  A small request makes eight calls.
To begin a thread takes 0.1 ms, once a second.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from twisted.enterprise.adbapi import ConnectionPool
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool

from acra_twisted.telemetry.history import schema

Result = TypeVar("Result")

#: Seconds for which a statement waits for another program.
_WAIT: Final = 1.0


class OneConnection:
    """Calls functions in a thread, one after the other.  The file at ``path`` is opened for the
    first that wants its connection."""

    def __init__(self, reactor: Any, path: str) -> None:
        self._reactor = reactor
        self._pool = ConnectionPool(
            "sqlite3",
            path,
            cp_min=0,
            cp_max=1,
            cp_reactor=reactor,
            cp_noisy=False,
            cp_openfun=schema.prepare,
            timeout=_WAIT,
            **schema.CONNECTION,
        )
        # There is one thread at a time, and the next one goes on with the connection.
        self._pool.threadID = _anybody
        self._in_progress = 0

    def ask(self, function: Callable[..., Result], *given: Any) -> Deferred[Result]:
        """Call a function in the thread, with the connection before what is given."""
        return self._counted(self._pool.runWithConnection(function, *given))

    def call(self, function: Callable[[], Result]) -> Deferred[Result]:
        """Call a function in the thread."""
        return self._counted(deferToThreadPool(self._reactor, self._pool.threadpool, function))

    def _counted(self, asked: Deferred[Result]) -> Deferred[Result]:
        self._in_progress += 1
        return asked.addBoth(self._done)

    def _done(self, result: Any) -> Any:
        self._in_progress -= 1
        if not self._in_progress and self._pool.running:
            self._pool.threadpool.stopAWorker()
            threads = self._pool.threadpool.threads
            # It remembers each that it has begun.
            for thread in list(threads):
                if not thread.is_alive():
                    threads.remove(thread)
        return result

    def disconnect(self) -> None:
        """Close the file, in the thread.  The next function that wants it opens it again."""
        connection = self._pool.connections.get(self._pool.threadID())
        if connection is not None:
            self._pool.disconnect(connection)

    def interrupt(self) -> None:
        """End what is in progress, from another thread, with an error."""
        for connection in self._pool.connections.values():
            connection.interrupt()

    def close(self) -> Any:
        """End the thread."""
        return self._pool.close()


def _anybody() -> int:
    """Stand for all threads."""
    return 0
