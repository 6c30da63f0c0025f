"""One connection's part in finding out who its client is: it carries out what the login asks for.

The login decides what proves a client.  This finds the proof (`LookUp`), takes note of the end
(`Proven`, `Unproven`) and forgets what the database does not accept any more (`Stale`).  Limits,
metrics and events are those of a `LoginAttempt`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from acra_twisted.endreason import EndReason
from acra_twisted.loginactions import LookUp, Proven, Stale, Unproven
from acra_twisted.lookup import Found
from acra_twisted.server.loginattempt import LoginAttempt

if TYPE_CHECKING:
    from acra_twisted.server.context import ServerContext
    from acra_twisted.session import Identity
    from acra_twisted.telemetry.tracing.spans import Span


class Refusal(NamedTuple):
    """Why a client gets no session: the event's text, and what the client is told."""

    event: str
    reason: EndReason
    text: str


_NO_ID: Final = Refusal(
    "No client id", EndReason.LOGIN, "no client id: a client certificate is required"
)
_FULL: Final = Refusal(
    "Too many connections", EndReason.TOO_MANY, "sorry, too many clients already"
)
#: The client is told the same whichever limit it was.
_BUSY: Final = (EndReason.TOO_MANY, "sorry, too many logins at once")


class Client(Protocol):
    """The client's connection, as its login sees it.  ``span`` is the connection's."""

    receiver: Callable[[bytes], None]
    address: str
    span: Span | None

    def write(self, data: bytes) -> None:
        """Send bytes."""

    def close(self) -> None:
        """Close it behind what is queued."""

    def abort(self) -> None:
        """Close it now."""

    def event(self, code: int, text: str, **fields: Any) -> None:
        """Tell of a security event."""

    def farewell(self, reason: EndReason, text: str) -> None:
        """Refuse a client that has sent its startup packet."""


class Authentication:
    """One connection's.  ``server`` is what all connections share, ``found`` gives the login what
    was looked up.
    """

    def __init__(
        self,
        server: ServerContext,
        client: Client,
        found: Callable[[Found], None],
    ) -> None:
        self._server = server
        self._client = client
        self._found = found
        self._asked: Deferred[Found] | None = None
        self._user = b""
        self._attempt = LoginAttempt(server, client.address, client.event)
        #: By the types of a login's actions: what carries them out.
        self.actions: dict[type[Any], Callable[[Any], None]] = {
            LookUp: self._look_up,
            Proven: self._proven,
            Unproven: self._unproven,
            Stale: self._stale,
        }

    def stop(self) -> None:
        """The client is gone: nobody waits for an answer."""
        asked, self._asked = self._asked, None
        if asked is not None:
            asked.cancel()
        self._attempt.stop()

    @property
    def waits(self) -> bool:
        """True while the answer to a login waits."""
        return self._attempt.waits

    def go_on(self, then: Callable[[], None]) -> None:
        """Call ``then`` once a right password has waited as long as a wrong one would have."""
        self._attempt.go_on(then)

    def refusal(self, identity: Identity) -> Refusal | None:
        """Return why a client gets no session that has proven what it can; None if it gets one."""
        if not identity.client_id:
            return _NO_ID
        return _FULL if self._server.connections.is_full else None

    def _look_up(self, wanted: LookUp) -> None:
        if not self._attempt.begin(wanted.user, wanted.database, self._client.span):
            self._client.farewell(*_BUSY)
            return
        self._user = wanted.user
        found = self._server.credentials.look_up(wanted.user)
        if isinstance(found, Deferred):
            self._attempt.looks_up()
            self._asked = found
            found.addCallback(self._found_late)
            found.addErrback(self._broken)
        else:
            self._answer(found)

    def _answer(self, found: Found) -> None:
        self._attempt.found(found)
        self._found(found)

    def _found_late(self, found: Found) -> None:
        if self._asked is not None:
            self._asked = None
            self._answer(found)

    def _broken(self, failure: Failure) -> None:
        """Fail closed: an answer that cannot be had proves nobody."""
        if self._asked is not None:
            self._asked = None
            self._server.log.failure("internal error", failure)
            self._client.abort()

    def _proven(self, proof: Proven) -> None:
        self._attempt.proven(proof)

    def _unproven(self, failed: Unproven) -> None:
        client = self._client
        client.receiver = _ignored
        if failed.result in ("password", "unknown"):
            self._server.credentials.wrong(self._user)

        def answer() -> None:
            client.write(failed.error)
            client.close()

        self._attempt.failed(failed, answer)

    def _stale(self, secret: Stale) -> None:
        self._server.credentials.stale(secret.user)


def _ignored(data: bytes) -> None:
    """Ignore what a client says that has been told why it may not come in."""
