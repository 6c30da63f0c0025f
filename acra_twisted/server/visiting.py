"""Visits to a database that counts clients who leave it in the middle of a login.

AcraServer visits it to see if it takes connections, and where a client has gone that had only been
greeted.  See `dialectinterfaces.IVisit`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from acra_twisted.errors import HandshakeError, WireError
from acra_twisted.loginactions import Action, StartTLS, Write
from acra_twisted.transport.failures import WITHOUT_TLS, Party, Role, reason_of

if TYPE_CHECKING:
    from acra_twisted.server.database import Database, DatabaseChannel

#: Seconds that a database has to decide.
TIMEOUT: Final = 3.0
_NO_TLS: Final = "has no TLS that can be used"
_PARTY: Final = Party(Role("the database"))


class _Course:
    """The course of a visit over ``channel``: ``ended`` is called once, with what is wrong, empty
    if nothing is.  ``creator`` is for TLS, if the visit begins it."""

    def __init__(
        self, visit: Any, channel: DatabaseChannel, creator: Any, ended: Callable[[str], None]
    ) -> None:
        self._visit = visit
        self._channel = channel
        self._creator = creator
        self._ended: Callable[[str], None] | None = ended
        channel.receiver, channel.on_lost = self.received, self._lost
        channel.on_encrypted = self.tls_started

    def received(self, data: bytes) -> None:
        """Take bytes of the database."""
        self._take(lambda: self._visit.feed(data))

    def tls_started(self) -> None:
        """Take note that TLS with the database has begun."""
        self._take(self._visit.tls_started)

    def _take(self, told: Callable[[], Sequence[Action]]) -> None:
        if self._ended is None:
            return
        try:
            for action in told():
                if isinstance(action, Write):
                    self._channel.write(action.data)
                elif isinstance(action, StartTLS):
                    self._channel.start_tls(self._creator, True)
        except HandshakeError:
            self.end("offers no TLS")
            return
        except WireError:
            self.end("does not answer as it should")
            return
        if self._visit.over:
            self.end(self._visit.problem)

    def _lost(self, reason: Failure) -> None:
        why = reason_of(reason, _PARTY)
        if why.kind not in WITHOUT_TLS:
            self.end(f"{_NO_TLS}: {why.public}")
        else:
            self.end(_NO_TLS if self._channel.tls_failed else "closes connections")

    def end(self, problem: str) -> None:
        """It is over."""
        ended, self._ended = self._ended, None
        if ended is not None:
            ended(problem)


def look(database: Database, visit: Any) -> Deferred[str]:
    """Have a visit look if a database takes connections, with TLS if the visit begins it.

    Fires with what is wrong, empty if nothing is; fails if the database cannot be reached.
    Cancelling gives up.
    """
    reached: list[DatabaseChannel] = []

    def give_up(_: Any) -> None:
        connecting.cancel()
        for channel in reached:
            channel.abort()

    verdict: Deferred[str] = Deferred(give_up)

    def arrived(channel: DatabaseChannel) -> None:
        reached.append(channel)

        def ended(problem: str) -> None:
            channel.close()
            if not verdict.called:
                verdict.callback(problem)

        _Course(visit, channel, database.creator, ended)

    def failed(failure: Failure) -> None:
        if not verdict.called:
            verdict.errback(failure)

    connecting = database.connect(plain=True)
    connecting.addCallback(arrived).addErrback(failed)
    return verdict


def leave(
    reactor: Any,
    database: Database,
    channel: DatabaseChannel,
    visit: Any,
    heard: bytes,
    left: Callable[[], None],
) -> None:
    """Have a visit end a connection to a database that was made for another.  ``heard`` is what
    the database has said on it and nobody has read; ``left`` is called when it is over."""

    def ended(problem: str) -> None:
        if timer.active():
            timer.cancel()
        channel.close()
        left()

    course = _Course(visit, channel, database.creator, ended)
    timer = reactor.callLater(TIMEOUT, course.end, "takes too long")
    if channel.encrypted:
        course.tls_started()
    course.received(heard)
