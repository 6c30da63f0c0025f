"""The open connections of a daemon: counted, looked after, and ended at shutdown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Generic, Protocol, TypeVar

from twisted.internet.defer import CancelledError, Deferred, TimeoutError
from twisted.internet.task import LoopingCall

_CHECK_INTERVAL = 0.5
#: Seconds for a farewell to get out before connections are aborted.
_LAST_WORDS = 1.0


class Endable(Protocol):
    """What is kept here."""

    def check(self, now: float) -> None:
        """Called twice a second: end what has taken too long."""

    def drain(self) -> None:
        """End as soon as no work is lost by it."""

    def cut(self) -> None:
        """The time is up: say so and close."""

    def abort(self) -> None:
        """Close now."""


Kept = TypeVar("Kept", bound=Endable)


class Connections(Generic[Kept]):
    """A set of connections and one timer for all of them."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._open: set[Kept] = set()
        self._emptied: Deferred[None] | None = None
        self._hurried = False
        self._timer = LoopingCall(self.check)
        self._timer.clock = reactor

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[Kept]:
        return iter(tuple(self._open))

    def __contains__(self, connection: object) -> bool:
        return connection in self._open

    def add(self, connection: Kept) -> None:
        """A connection was accepted."""
        self._open.add(connection)

    def discard(self, connection: Kept) -> None:
        """It has ended."""
        self._open.discard(connection)
        if not self._open and self._emptied is not None:
            emptied, self._emptied = self._emptied, None
            emptied.callback(None)

    def start(self) -> None:
        """Begin to look after them."""
        self._timer.start(_CHECK_INTERVAL)

    def check(self) -> None:
        """Have each look at its own limits."""
        now = self._reactor.seconds()
        for connection in self:
            connection.check(now)

    async def end(self, seconds: float) -> None:
        """Drain; cut what is left after so many seconds; abort what is left then."""
        await self._each(lambda connection: connection.drain(), seconds)
        await self._each(lambda connection: connection.cut(), _LAST_WORDS)
        for connection in self:
            connection.abort()
        if self._timer.running:
            self._timer.stop()

    def hurry(self) -> None:
        """Wait no longer for connections to end, now or later."""
        self._hurried = True
        if self._emptied is not None:
            self._emptied.cancel()

    async def _each(self, end: Callable[[Kept], None], seconds: float) -> None:
        for connection in self:
            end(connection)
        if not self._open:
            return
        self._emptied = Deferred()
        try:
            await self._emptied.addTimeout(0 if self._hurried else seconds, self._reactor)
        except (TimeoutError, CancelledError):
            pass
        finally:
            self._emptied = None
