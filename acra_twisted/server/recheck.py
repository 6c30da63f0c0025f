"""Ends open sessions whose users may not log in any more.

A database keeps a session whose role has been dropped, locked or has expired.  With
``auth_recheck`` the secrets of users with open sessions are looked up again from time to time.  The
sessions of a user without one end if the secret has let them in; those that the database has let in
are the database's.  A source that cannot be asked ends none.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Protocol

from twisted.application.internet import TimerService
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from acra_twisted import events
from acra_twisted.authentication.credentials import Credentials
from acra_twisted.endreason import EndReason
from acra_twisted.server.authentication import Refusal

_log: Final = Logger()
_LOST: Final = Refusal(
    "The user of an open session may not log in any more",
    EndReason.NO_RIGHT,
    "terminating connection: the user may not log in any more",
    "the sources of secrets have none for the user",
    events.USER_LOST,
)


class Checked(Protocol):
    """A connection.  ``secret_of`` is the user whose secret was looked up for its login, empty if
    none was.  ``listener`` is the name of the listener that accepted it."""

    listener: str
    secret_of: bytes

    def turn_away(self, refused: Refusal) -> None:
        """End it."""


class Recheck(TimerService):
    """``interval`` is in seconds.  Connections of ``listener`` alone are looked at.

    Users are looked up one after the other, so that no number of sessions asks a source for much at
    once; a round that lasts longer delays the next.
    """

    def __init__(
        self,
        reactor: Any,
        interval: float,
        credentials: Credentials,
        connections: Iterable[Checked],
        listener: str = "",
    ) -> None:
        super().__init__(interval, self.check)
        self.clock = reactor
        self._credentials = credentials
        self._connections = connections
        self._listener = listener

    def check(self) -> Deferred[None]:
        """Look up all users with open sessions once."""
        return ensureDeferred(self._check())

    def _checked(self) -> list[Checked]:
        return [each for each in self._connections if each.listener == self._listener]

    async def _check(self) -> None:
        users = {connection.secret_of for connection in self._checked()} - {b""}
        for user in sorted(users):
            try:
                await self._look_up(user)
            except Exception:
                # The others are looked up all the same, and this one the next time.
                _log.failure("internal error", Failure())

    async def _look_up(self, user: bytes) -> None:
        found = self._credentials.look_up(user)
        if isinstance(found, Deferred):
            found = await found
        if found.secret is None and not found.away:
            self._end(user)

    def _end(self, user: bytes) -> None:
        for connection in self._checked():
            if connection.secret_of == user:
                connection.turn_away(_LOST)
