"""Visits to a database that counts clients who leave it in the middle of a login.

AcraServer visits it to see if it takes connections, and where a client has gone that had only been
greeted.  See `dialectinterfaces.IVisit`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from acra_twisted.errors import HandshakeError, WireError
from acra_twisted.loginactions import Action, Write

if TYPE_CHECKING:
    from acra_twisted.server.database import DatabaseChannel

#: Seconds that a database has to decide.
TIMEOUT: Final = 3.0


class _Course:
    """The course of a visit, which begins no TLS: ``write`` sends, and ``ended`` is called once,
    with what is wrong, empty if nothing is."""

    def __init__(
        self, visit: Any, write: Callable[[bytes], None], ended: Callable[[str], None]
    ) -> None:
        self._visit = visit
        self._write = write
        self._ended: Callable[[str], None] | None = ended

    def received(self, data: bytes) -> None:
        """Take bytes of the database."""
        self._take(lambda: self._visit.feed(data))

    def _take(self, told: Callable[[], Sequence[Action]]) -> None:
        if self._ended is None:
            return
        try:
            for action in told():
                if isinstance(action, Write):
                    self._write(action.data)
        except (WireError, HandshakeError):
            self.end("does not answer as it should")
            return
        if self._visit.over:
            self.end(self._visit.problem)

    def tls_started(self) -> None:
        """Take note that TLS with the database has begun."""
        self._take(self._visit.tls_started)

    def end(self, problem: str = "closes connections") -> None:
        """It is over, by itself or because the database has gone."""
        ended, self._ended = self._ended, None
        if ended is not None:
            ended(problem)


class Visitor(Protocol):
    """A connection for one visit; ``verdict`` fires with what is wrong, empty if nothing is.
    Cancelling gives up."""

    def __init__(self, visit: Any) -> None:
        self.verdict: Deferred[str] = Deferred(lambda _: self._leave())
        self._course = _Course(visit, self._send, self._end)

    def dataReceived(self, data: bytes) -> None:
        """Twisted: bytes of the database."""
        self._course.received(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Twisted: the connection is gone."""
        self._course.end()

    def _send(self, data: bytes) -> None:
        self.transport.write(data)  # type: ignore[union-attr]

    def _end(self, problem: str) -> None:
        self.transport.loseConnection()  # type: ignore[union-attr]
        if not self.verdict.called:
            self.verdict.callback(problem)

    def _leave(self) -> None:
        self.transport.abortConnection()  # type: ignore[union-attr]


def leave(
    reactor: Any,
    database: DatabaseChannel,
    visit: Any,
    heard: bytes,
    left: Callable[[], None],
) -> None:
    """Have a visit end a connection to the database that was made for another.  ``heard`` is what
    the database has said on it and nobody has read; ``left`` is called when it is over."""

    def ended(problem: str) -> None:
        if timer.active():
            timer.cancel()
        database.close()
        left()

    course = _Course(visit, database.write, ended)
    timer = reactor.callLater(TIMEOUT, course.end)
    database.receiver = course.received
    database.on_lost = lambda reason: course.end()
    database.on_encrypted = course.tls_started
    if database.encrypted:
        course.tls_started()
    course.received(heard)
