"""Pause with reasons: reading resumes when no reason is left.

Reading from a peer is stopped because the other peer's buffer is full, because a stage waits,
because the database is not connected yet, because too much is outstanding.  A plain
``resumeProducing`` from one of them would undo the others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from twisted.internet.interfaces import IPushProducer
from zope.interface import classImplements

PEER_BUFFER: Final = "the peer's buffer is full"
STAGE: Final = "a stage waits"
CONNECTING: Final = "the other side is not connected"
GETTING_READY: Final = "the session is not ready"
LOADING: Final = "the database has not asked for rows yet"
OUTSTANDING: Final = "too many replies are outstanding"


class Valve:
    """Controls reading from one transport; registered as producer with the other one.

    ``clock`` gives seconds; `blocked_since` tells since when the peer's buffer has been full.
    """

    __slots__ = ("_transport", "_reasons", "_clock", "blocked_since", "_stopped")

    def __init__(self, transport: Callable[[], Any], clock: Callable[[], float]) -> None:
        self._transport = transport
        self._reasons: set[str] = set()
        self._clock = clock
        self.blocked_since: float | None = None
        self._stopped = False

    @property
    def reasons(self) -> frozenset[str]:
        """Why reading is stopped; empty if it is not."""
        return frozenset(self._reasons)

    def close(self, reason: str) -> None:
        """Stop reading for ``reason``."""
        if not self._reasons and not self._stopped:
            self._transport().pauseProducing()
        self._reasons.add(reason)

    def open(self, reason: str) -> None:
        """``reason`` is gone; read again if it was the last."""
        if reason in self._reasons:
            self._reasons.remove(reason)
            if not self._reasons and not self._stopped:
                self._transport().resumeProducing()

    def pauseProducing(self) -> None:
        """Twisted: the peer's buffer is full."""
        self.blocked_since = self._clock()
        self.close(PEER_BUFFER)

    def resumeProducing(self) -> None:
        """Twisted: the peer's buffer is empty again."""
        self.blocked_since = None
        self.open(PEER_BUFFER)

    def stopProducing(self) -> None:
        """Twisted: the peer is gone; the owner of both sides closes this one."""
        self._stopped = True


# Not as a decorator: compiled classes have none.
classImplements(Valve, IPushProducer)


def between(client: Any, database: Any, clock: Callable[[], float]) -> tuple[Valve, Valve]:
    """Make the valves of two channels, each closed while the other channel's peer does not read:
    the client's first."""
    valves = Valve(lambda: client.transport, clock), Valve(lambda: database.transport, clock)
    client.register(valves[1])
    database.register(valves[0])
    return valves
