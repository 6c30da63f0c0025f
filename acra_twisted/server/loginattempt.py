"""One login as limits, metrics, events and its span see it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from acra_twisted import events
from acra_twisted.lines import printable
from acra_twisted.lookup import Found
from acra_twisted.telemetry.tracing import spans
from acra_twisted.telemetry.tracing.spans import Span

if TYPE_CHECKING:
    from acra_twisted.authentication.limits import LoginLimits, Repeated
    from acra_twisted.loginactions import Proven, Unproven
    from acra_twisted.telemetry.tracing.exchanges import Tracing

#: A name in an event has so many characters at most.
_NAME_MAX: Final = 63
#: The part of a handshake's time for which an answer waits at most.
_PATIENCE: Final = 0.8
#: The results of logins that are counted against a client; those that may be guesses make later
#: ones wait.  While no source can be asked, users of whom nothing is kept have to wait as others
#: do, or the wait would tell them apart.
_GUESSES: Final = frozenset(("password", "unknown", "source"))
_FAULTS: Final = _GUESSES | {"binding", "downgrade", "replay", "malformed"}


class _Told(NamedTuple):
    """The event of a result: its code, its text, and what it says of the reason."""

    code: int
    text: str
    error: str


_EVENTS: Final = {
    "password": _Told(events.LOGIN_REFUSED, "AcraServer refused the login", "wrong password"),
    "unknown": _Told(
        events.LOGIN_REFUSED,
        "AcraServer refused the login",
        "no such user, or none that may log in this way",
    ),
    "binding": _Told(
        events.BINDING_REFUSED,
        "A login was bound to another TLS connection",
        "the client has seen another certificate than AcraServer's",
    ),
    "downgrade": _Told(
        events.BINDING_REFUSED,
        "The binding was taken off a login",
        "the client was told that AcraServer offers no channel binding",
    ),
    "replay": _Told(
        events.BINDING_REFUSED,
        "The answer to another login was used",
        "its nonce is not the one of this login",
    ),
    "malformed": _Told(
        events.UNEXPECTED_PACKET, "A client's part in a login cannot be read", "it is malformed"
    ),
    "database": _Told(
        events.LOGIN_REFUSED,
        "The database did not accept what its client has proven",
        "see the database's log",
    ),
    "source": _Told(events.LOGIN_REFUSED, "AcraServer refused the login", "no source can be asked"),
}


class LoginMetrics(Protocol):
    """The metrics of logins."""

    def login(self, result: str, mechanism: str, bound: bool) -> None:
        """Count a login that has ended; ``mechanism`` is empty if it came to none."""


class Server(Protocol):
    """The part of the `ServerContext` that logins need."""

    @property
    def reactor(self) -> Any:
        """Calls later."""

    @property
    def handshake_timeout(self) -> float:
        """The seconds in which a session must be ready."""

    @property
    def login_limits(self) -> LoginLimits:
        """The limits of all logins."""

    @property
    def counts(self) -> LoginMetrics:
        """Count logins."""

    @property
    def tracing(self) -> Tracing:
        """Makes spans."""


class LoginAttempt:
    """One connection's.  ``server`` is common to all connections, ``address`` the client's;
    ``event`` tells of a security event (a code, a text and fields); ``busy`` turns the client away,
    because too many answers wait already."""

    def __init__(
        self,
        server: Server,
        address: str,
        event: Callable[..., None],
        busy: Callable[[], None],
    ) -> None:
        self._server = server
        self._address = address
        self._event = event
        self._busy = busy
        self._user = self._database = b""
        self._has_begun = False
        self._span: Span | None = None
        self._lookup: Span | None = None
        # The answer waits: what ends the wait, and the wait of a right password.
        self._timer: Any = None
        self._delay = 0.0

    def begin(self, user: bytes, database: bytes, parent: Span | None) -> bool:
        """Return False if there are too many logins for another; ``parent`` is the connection's
        span."""
        server = self._server
        self._user, self._database = user, database
        if not server.login_limits.begin(self._address, user):
            server.counts.login("limit", "", False)
            self._refused()
            return False
        self._has_begun = True
        if parent is not None:
            self._span = server.tracing.child(parent, "authenticate", spans.INTERNAL)
        return True

    def looks_up(self) -> None:
        """Take note that a source is asked, and that its answer comes later."""
        if self._span is not None:
            self._lookup = self._server.tracing.child(self._span, "auth lookup", spans.CLIENT)

    def found(self, found: Found) -> None:
        """Take note of what was looked up."""
        self._end_lookup(spans.UNAVAILABLE if found.away else 0)
        if self._span is not None and found.source:
            self._span.add_attribute("acra.auth_source", found.source)
            self._span.add_attribute("acra.auth_age", found.age)

    def proven(self, proof: Proven) -> None:
        """Take note that the client is who it says it is."""
        server = self._server
        server.counts.login("ok", proof.method, proof.bound)
        self._finish("ok", proof.method, proof.bound)
        if self._has_begun:
            self._delay = server.login_limits.delay_of(self._address, self._user)

    def go_on(self, then: Callable[[], None]) -> None:
        """Call ``then`` once a right password has waited as long as a wrong one would have."""
        delay, self._delay = self._delay, 0.0
        # The database asks a user who has no secret.
        self._finish("passthrough", "", False)
        self._wait(delay, then)

    def failed(self, failure: Unproven, then: Callable[[], None]) -> None:
        """Take note that the client has not proven who it is, and call ``then`` after the wait."""
        server, result = self._server, failure.result
        server.counts.login(result, failure.method, failure.bound)
        self._finish(result, failure.method, failure.bound)
        delay = 0.0
        repeated: tuple[Repeated, ...] = ()
        fields: dict[str, Any] = self._names()
        if result in _FAULTS:
            limits, guessed = server.login_limits, result in _GUESSES
            delay, fields["attempts"], repeated = limits.failed(self._address, self._user, guessed)
        told = _EVENTS.get(result)
        if told is not None:
            self._event(told.code, told.text, rule=result, error=told.error, **fields)
        for kind, failures in repeated:
            self._event(
                events.REPEATED_FAILURES,
                "Repeated login failures",
                **{**fields, "rule": kind, "attempts": failures},
            )
        self._wait(delay, then)

    @property
    def in_progress(self) -> bool:
        """True from its beginning until its answer is sent."""
        return self._has_begun

    def stop(self) -> None:
        """End it, whatever it has come to: nobody waits for an answer."""
        self._finish("", "", False)
        if self._timer is not None:
            self._timer.cancel()
            self._answered()
        self._over()

    def _wait(self, delay: float, then: Callable[[], None]) -> None:
        """Call ``then`` after the delay, however little time is left for the handshake: its end may
        come first, and no client hears the sooner whether its password was right."""
        server = self._server
        delay = min(delay, _PATIENCE * server.handshake_timeout)
        if not self._has_begun or delay <= 0:
            self._over()
            then()
            return
        if not server.login_limits.waits(self._address, self._user):
            self._over()
            self._refused()
            self._busy()
            return

        def answer() -> None:
            self._answered()
            self._over()
            then()

        self._timer = server.reactor.callLater(delay, answer)

    def _names(self) -> dict[str, str]:
        return {"user": shown(self._user), "database": shown(self._database)}

    def _refused(self) -> None:
        self._event(events.REFUSED_CONNECTION, "Too many logins at once", **self._names())

    def _answered(self) -> None:
        self._timer = None
        self._server.login_limits.answered(self._address, self._user)

    def _over(self) -> None:
        if self._has_begun:
            self._has_begun = False
            self._server.login_limits.ended(self._address)

    def _end_lookup(self, failure: int) -> None:
        span, self._lookup = self._lookup, None
        if span is not None:
            if failure:
                span.fail(failure, "no answer")
            self._server.tracing.finish(span)

    def _finish(self, result: str, method: str, bound: bool) -> None:
        self._end_lookup(spans.UNAVAILABLE)
        span, self._span = self._span, None
        if span is None:
            return
        if result:
            span.add_attribute("acra.auth_result", result)
            span.add_attribute("acra.auth_mechanism", method)
            span.add_attribute("acra.auth_bound", bound)
        if result not in ("ok", "passthrough"):
            span.fail(spans.UNAUTHENTICATED, result or "the client has gone")
        self._server.tracing.finish(span)


def shown(name: bytes) -> str:
    """Return a name as it was asked for, which may be anything, for an event: printable, and up to
    its 63rd character."""
    return printable(name[: 4 * _NAME_MAX].decode("utf-8", "replace")[:_NAME_MAX])
