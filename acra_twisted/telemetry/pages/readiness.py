"""Test if a daemon can reach its database or server now, for ``/readyz``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred, gatherResults, succeed
from twisted.internet.protocol import Factory, Protocol

#: Seconds for which an answer holds, so that many who ask cost no connections.
_HOLDS = 2.0
#: Seconds for a connection: probes do not wait longer.
TIMEOUT = 3.0


class _Closing(Protocol):
    """A connection that is closed at once, and nothing is said on it."""

    def connectionMade(self) -> None:
        """Twisted: the connection is there."""
        # Not aborted: PostgreSQL's log would have a line for each.
        self.transport.loseConnection()  # type: ignore[union-attr]


def connecting(endpoint: Any) -> Callable[[], Deferred[str]]:
    """Return an ``ask`` for `Reach` to which every connection that can be made is an answer."""
    factory = Factory.forProtocol(_Closing)
    factory.noisy = False

    def ask() -> Deferred[str]:
        attempt: Deferred[Any] = endpoint.connect(factory)
        return attempt.addCallback(lambda _: "")

    return ask


class Reach:
    """Finds out if something can be reached: ``ask`` returns a Deferred of what is wrong, empty if
    nothing is, and one that fails says that it cannot be reached.  Cancelling it gives up.

    ``name`` is what is asked for: database or acraserver.  ``about`` is a name of its own, where
    there are several.
    """

    def __init__(
        self,
        reactor: Any,
        name: str,
        ask: Callable[[], Deferred[str]],
        about: str = "",
    ) -> None:
        self.name = name
        self._about = about or name
        self._reactor = reactor
        self._ask = ask
        self._until = 0.0
        self._known = ""
        self._waiting: list[Deferred[str]] = []

    def problem(self) -> Deferred[str]:
        """Fires with what is wrong, empty if nothing is.  It names no address: anybody may ask."""
        if self._reactor.seconds() < self._until:
            return succeed(self._known)
        asking: Deferred[str] = Deferred()
        self._waiting.append(asking)
        if len(self._waiting) == 1:
            self._ask().addTimeout(TIMEOUT, self._reactor).addCallbacks(
                lambda problem: self._answer(f"{self._about} {problem}" if problem else ""),
                lambda _: self._answer(f"{self._about} cannot be reached"),
            )
        return asking

    def _answer(self, problem: str) -> None:
        self._known, self._until = problem, self._reactor.seconds() + _HOLDS
        waiting, self._waiting = self._waiting, []
        for asking in waiting:
            asking.callback(problem)


class ReachAll:
    """Reaches all of several destinations of one name."""

    def __init__(self, reaches: Sequence[Reach]) -> None:
        self.name = reaches[0].name
        self._reaches = reaches

    def problem(self) -> Deferred[str]:
        """Fires with all that is wrong, empty if nothing is."""
        asked = gatherResults([reach.problem() for reach in self._reaches])
        return asked.addCallback(lambda problems: "; ".join(filter(None, problems)))
