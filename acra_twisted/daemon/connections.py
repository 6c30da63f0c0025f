"""The open connections of a daemon: counted, limited, looked after, and ended at shutdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Generic, Protocol, TypeVar

from twisted.internet.defer import CancelledError, Deferred, TimeoutError
from twisted.internet.task import LoopingCall

_CHECK_INTERVAL = 0.5
#: Seconds for a farewell to get out before connections are aborted.
_LAST_WORDS = 1.0


class Endable(Protocol):
    """A connection as it is kept here.

    ``connection_type`` and ``listener`` are labels of its metrics: the latter is the name of the
    listener that accepted it.  ``address`` is the peer's host.
    """

    connection_type: str
    listener: str
    address: str

    def check(self, now: float) -> None:
        """End what has taken too long.  Called twice a second with the reactor's seconds."""

    def drain(self) -> None:
        """End as soon as no work is lost by it."""

    def cut(self) -> None:
        """Say that the time is up, and close."""

    def abort(self) -> None:
        """Close now."""


Kept = TypeVar("Kept", bound=Endable)


class Connections(Generic[Kept]):
    """A set of connections and one timer for all of them.

    ``metrics`` is a DaemonMetrics.  ``limit`` is how many there may be; more of them are told so,
    see `is_full`.  From ``abrupt_limit`` on, and above ``per_address`` from one host, they are not
    even talked to, see `admit`; 0 is no limit.
    """

    def __init__(
        self,
        reactor: Any,
        metrics: Any,
        limit: int,
        abrupt_limit: int = 0,
        per_address: int = 0,
    ) -> None:
        self._reactor = reactor
        self._metrics = metrics
        self._limit = limit
        self._abrupt_limit = abrupt_limit
        self._per_address = per_address
        self._open: set[Kept] = set()
        self._by_address: Counter[str] = Counter()
        self._emptied: Deferred[None] | None = None
        self._hurried = False
        self._timer = LoopingCall(self.check)
        self._timer.clock = reactor
        metrics.watch_pool("connections", self.__len__, limit)

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[Kept]:
        return iter(tuple(self._open))

    def __contains__(self, connection: object) -> bool:
        return connection in self._open

    def admit(self, connection: Kept) -> bool:
        """Count a connection that was accepted; False if it must be closed without a word."""
        self._open.add(connection)
        self._metrics.connection_opened(connection.connection_type, connection.listener)
        too_many = bool(self._abrupt_limit and len(self._open) > self._abrupt_limit)
        if self._per_address:
            self._by_address[connection.address] += 1
            too_many = too_many or self._by_address[connection.address] > self._per_address
        return not too_many

    @property
    def is_full(self) -> bool:
        """True if there are more connections than there may be."""
        return len(self._open) > self._limit

    def release(self, connection: Kept, seconds: float) -> None:
        """Forget a connection that has ended, so long after it was accepted."""
        if connection not in self._open:
            return
        self._open.discard(connection)
        if self._per_address:
            self._by_address[connection.address] -= 1
            if not self._by_address[connection.address]:
                del self._by_address[connection.address]
        self._metrics.connection_closed(seconds, connection.connection_type, connection.listener)
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
