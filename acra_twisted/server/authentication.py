"""One connection's part in finding out who its client is: it carries out what the login asks for.

The login decides what proves a client.  This finds the proof (`LookUp`), takes note of the end
(`Proven`, `Admitted`, `Unproven`) and forgets what the database does not accept any more (`Stale`).
Limits, metrics and events are those of a `LoginAttempt`.

Where there is a map of client ids it alone decides, as soon as it is known whether the client has
proven its user: before the database is reached, or when the database lets the client in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from acra_twisted import events
from acra_twisted.authentication.clientidmap import BOUND, LoginFacts, Match
from acra_twisted.endreason import EndReason
from acra_twisted.loginactions import Admitted, Derive, LookUp, Proven, Stale, Unproven
from acra_twisted.lookup import Found
from acra_twisted.server.loginattempt import LoginAttempt, shown
from acra_twisted.transport.channel import ignored
from acra_twisted.wire import scram

if TYPE_CHECKING:
    from acra_twisted.server.context import ServerContext
    from acra_twisted.session import Session
    from acra_twisted.telemetry.tracing.spans import Span


class Refusal(NamedTuple):
    """Why a client gets no session: the event's text, what the client is told, and for the event
    the reason in other words, and its code."""

    event: str
    reason: EndReason
    text: str
    why: str | None = None
    code: int = events.REFUSED_CONNECTION


_NO_ID: Final = Refusal(
    "No client id", EndReason.LOGIN, "no client id: a client certificate is required"
)
#: There are as many sessions as there may be.
FULL: Final = Refusal("Too many connections", EndReason.TOO_MANY, "sorry, too many clients already")
#: Methods whose proof is compared with a secret that was looked up.
_BY_SECRET: Final = frozenset(("scram", "md5", "cleartext"))
#: The client is told the same whichever limit it was.
BUSY: Final = (EndReason.TOO_MANY, "sorry, too many logins at once")


class Client(Protocol):
    """The client's connection, as its login sees it.

    ``span`` is the connection's; ``session`` is there once the database has been reached;
    ``facts`` are those that are known before the client has proven anything; ``certificate`` is the
    client's in the latest handshake, verified; ``secret_of`` is the user whose secret the client
    has proven to know, empty if none.
    """

    receiver: Callable[[bytes], None]
    certificate: bytes | None
    address: str
    span: Span | None
    session: Session | None
    facts: LoginFacts
    secret_of: bytes

    @property
    def client_id(self) -> str:
        """The client id, empty if there is none."""

    def identified(self, client_id: str, line: int = 0) -> None:
        """Take another client id; ``line`` is that of the map that gives it, if one does."""

    def write(self, data: bytes) -> None:
        """Send bytes."""

    def close(self) -> None:
        """Close it behind what is queued."""

    def abort(self) -> None:
        """Close it now."""

    def event(self, code: int, text: str, **fields: Any) -> None:
        """Tell of a security event."""

    def turn_away(self, refused: Refusal) -> None:
        """End a client that gets no session, or loses it."""

    def farewell(self, reason: EndReason, text: str) -> None:
        """Refuse a client that has sent its startup packet."""


class Login(Protocol):
    """A client's login, which waits for answers: its `Handshake`."""

    def looked_up(self, found: Found) -> None:
        """Go on with what was found for LookUp."""

    def derived(self, salted: bytes) -> None:
        """Go on with what was derived for Derive."""


class Authentication:
    """One connection's.  ``server`` is what all connections share, ``login`` gives the login that
    its answers are for.
    """

    def __init__(
        self,
        server: ServerContext,
        client: Client,
        login: Callable[[], Login],
    ) -> None:
        self._server = server
        self._client = client
        self._login = login
        # The decision of the map, if there is one and it has decided.
        self._match: Match | None = None
        self._asked: Deferred[Any] | None = None
        self._user = self._database = b""
        self._attempt = LoginAttempt(
            server, client.address, client.event, lambda: client.farewell(*BUSY)
        )
        #: By the types of a login's actions: what carries them out.
        self.actions: dict[type[Any], Callable[[Any], None]] = {
            LookUp: self._look_up,
            Derive: self._derive,
            Proven: self._proven,
            Admitted: self._admitted,
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
    def in_progress(self) -> bool:
        """True while the client is asked who it is, and while it waits for the answer."""
        return self._attempt.in_progress

    def go_on(self, then: Callable[[], None]) -> None:
        """Call ``then`` once a right password has waited as long as a wrong one would have."""
        self._attempt.go_on(then)

    def admits(self) -> bool:
        """Decide whether a client may have the session that it asks for; refuse it if not."""
        client, match = self._client, self._match
        refused = FULL if self._server.connections.is_full else None
        if match is not None:
            refused = _unmapped(match) or refused
        elif self._server.client_ids is None:
            refused = refused if client.client_id else _NO_ID
        else:
            # Until the map decides, what the link has proven is shown, and nobody's keys are used.
            client.identified(client.facts.link)
        if refused is not None:
            self._client.turn_away(refused)
        return refused is None

    def _settle(self, user: bytes | None, bound: bool, database: bytes) -> None:
        """Have the map decide, once."""
        client, client_ids = self._client, self._server.client_ids
        if client_ids is None or self._match is not None:
            return
        facts = client.facts._replace(user=user, database=database or user or b"")
        match = self._match = client_ids.decide(facts._replace(tls=BOUND) if bound else facts)
        client.identified(match.client_id, match.line)
        refused = _unmapped(match)
        if refused is not None and client.session is not None:
            self._client.turn_away(refused)

    def _look_up(self, wanted: LookUp) -> None:
        if not self._attempt.begin(wanted.user, wanted.database, self._client.span):
            self._client.farewell(*BUSY)
            return
        self._user, self._database = wanted.user, wanted.database
        certificates = self._server.certificates
        if certificates is not None:
            self._answer(certificates.look_up(wanted.user, self._client.certificate))
            return
        found = self._server.credentials.look_up(wanted.user)
        if isinstance(found, Deferred):
            self._attempt.looks_up()
            self._wait_for(found, self._answer)
        else:
            self._answer(found)

    def _derive(self, wanted: Derive) -> None:
        """Salt a password, which takes longer than a turn of the reactor may."""
        salted = self._server.in_thread(scram.salted, *wanted)
        self._wait_for(salted, lambda found: self._login().derived(found))

    def _wait_for(self, asked: Deferred[Any], then: Callable[[Any], None]) -> None:
        self._asked = asked

        def late(found: Any) -> None:
            if self._asked is not None:
                self._asked = None
                then(found)

        asked.addCallback(late)
        asked.addErrback(self._broken)

    def _answer(self, found: Found) -> None:
        self._attempt.found(found)
        self._login().looked_up(found)

    def _broken(self, failure: Failure) -> None:
        """Fail closed: an answer that cannot be had, or used, proves nobody."""
        if self._asked is None and failure.check(CancelledError):
            # The client is gone.
            return
        self._asked = None
        self._server.log.failure("internal error", failure)
        self._client.abort()

    def _proven(self, proof: Proven) -> None:
        self._attempt.proven(proof)
        if proof.method in _BY_SECRET:
            self._client.secret_of = proof.user
        self._settle(proof.user, proof.bound, proof.database or self._database)

    def _admitted(self, client: Admitted) -> None:
        """The database trusts its clients: that proves no user."""
        self._settle(None, False, client.database)

    def _unproven(self, failed: Unproven) -> None:
        client = self._client
        client.receiver = ignored
        if self._server.certificates is None and failed.result in ("password", "unknown"):
            self._server.credentials.wrong(self._user)

        def answer() -> None:
            client.write(failed.error)
            client.close()

        self._attempt.failed(failed, answer)

    def _stale(self, secret: Stale) -> None:
        if self._server.certificates is None:
            self._server.credentials.stale(secret.user)
        else:
            text = (
                "The database does not accept a user's keys; write its line in auth_keys_file anew"
            )
            self._client.event(events.SECRET_OUTDATED, text, user=shown(secret.user))


def _unmapped(match: Match) -> Refusal | None:
    """Return why a client gets no session for which the map has decided; None if it gets one."""
    if match.client_id:
        return None
    return Refusal("No client id", EndReason.LOGIN, "no client id for this login", match.why)
