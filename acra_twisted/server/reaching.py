"""One client's way to the database: connecting to it for the client's login.

A database that speaks first is reached before its client has said anything, for its greeting, and
nothing is sent to it then; its client is admitted later.  Any other is reached for a client that
may have what it asks for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.python.failure import Failure

from acra_twisted import events
from acra_twisted.endreason import EndReason
from acra_twisted.loginactions import DATABASE, ERRAND, GREETING, Connect, Leave
from acra_twisted.proxy import ends
from acra_twisted.server import visiting
from acra_twisted.server.authentication import BUSY, FULL, Authentication, Refusal
from acra_twisted.server.offered import reach
from acra_twisted.telemetry.tracing import spans
from acra_twisted.telemetry.tracing.spans import Span
from acra_twisted.transport import failures, spoken

if TYPE_CHECKING:
    from acra_twisted.proxy.handshake import Handshake
    from acra_twisted.server.context import ServerContext
    from acra_twisted.server.database import DatabaseChannel
    from acra_twisted.session import Session

#: Bytes that a database may say before it is sent anything.
_GREETING_MAX: Final = 1 << 16


class Client(Protocol):
    """The client's connection; ``span`` is its own, once it is known which trace it belongs to."""

    address: str
    span: Span | None
    session: Session | None

    @property
    def may_bind(self) -> bool:
        """True if the client may have TLS, and want to bind its login to it."""

    def close(self) -> None:
        """Close it behind what is queued."""

    def abort(self) -> None:
        """Close it now."""

    def event(self, code: int, text: str, **fields: Any) -> None:
        """Tell of a security event."""

    def turn_away(self, refused: Refusal) -> None:
        """End a client that gets no session, or loses it."""

    def farewell(self, reason: EndReason, text: str) -> None:
        """Refuse a client."""


class _Greeted(NamedTuple):
    """A greeting that was waited for, between two times, and why it never came."""

    began: int
    ended: int
    reason: failures.Reason | None


class Reaching:
    """One connection's.  ``login`` gives the login that the database is reached for."""

    def __init__(
        self,
        server: ServerContext,
        client: Client,
        login: Callable[[], Handshake],
        authentication: Authentication,
    ) -> None:
        self._server = server
        self._client = client
        self._login = login
        self._authentication = authentication
        self._tracing = server.tracing
        self._connecting: Deferred[Any] | None = None
        #: The database, once it is reached.
        self.database: DatabaseChannel | None = None
        # It is counted among the logins in progress.
        self._is_counted = False
        # It was reached for a client that has said nothing.
        self._is_silent = False
        # It was greeted by, and has been sent nothing; what it has said.
        self._is_unused = False
        self._heard = b""
        self._began = 0
        self._greeted: _Greeted | None = None

    @property
    def in_progress(self) -> bool:
        """True while the database is being reached, and while a greeted client is no session."""
        return self._connecting is not None or self._is_counted

    def stop(self) -> None:
        """The client gets no session: nobody waits for the database."""
        self._uncount()
        connecting, self._connecting = self._connecting, None
        if connecting is not None:
            connecting.cancel()

    def close(self) -> None:
        """The client is gone."""
        self.stop()
        if self.database is None:
            return
        server = self._server
        visit = server.dialect.visit(server.database.tls) if self._is_unused else None
        if visit is None:
            self._login().leave()
            return
        self._is_unused = False
        self._leave(self.database, visit, self._heard)

    def leave(self, wanted: Leave) -> None:
        """Carry out Leave."""
        assert self.database is not None  # noqa: S101 - it is the one to leave
        self._leave(self.database, wanted.visit, b"")

    def _leave(self, database: DatabaseChannel, visit: Any, heard: bytes) -> None:
        """It would count it as an error of AcraServer's host if it were left at once."""
        if database.is_lost:
            return
        server, address = self._server, self._client.address
        limits = server.login_limits
        # However many there are: others wait for their end instead.
        limits.goes_on(address)
        visiting.leave(
            server.reactor, server.database, database, visit, heard, lambda: limits.ended(address)
        )

    def reach(self, wanted: Connect) -> None:
        """Carry out Connect."""
        if wanted.purpose == ERRAND:
            self._for_errand(wanted)
            return
        if wanted.purpose == GREETING:
            self._for_greeting()
            return
        self._spoke()
        if self._authentication.admits():
            self._authentication.go_on(lambda: self._for_session(wanted))

    # -- a request that opens no session ----------------------------------------------------------

    def _for_errand(self, wanted: Connect) -> None:
        """A cancel request: its client gets no answer, and waits for the close alone."""
        if not self._server.cancel_keys.accepts(wanted.request, self._client.address):
            self._client.close()
            return
        connecting = self._connecting = self._server.database.connect()
        connecting.addCallbacks(self._send_errand, lambda failure: self._client.close())

    def _send_errand(self, database: DatabaseChannel) -> None:
        self._connecting, self.database = None, database
        login = self._login()
        # libpq waits for the close: it means that the database has dealt with the request.
        database.receiver = login.from_database
        database.on_lost = lambda reason: self._client.close()
        login.reached(database, database.encrypted)

    # -- a database that speaks first -------------------------------------------------------------

    def _for_greeting(self) -> None:
        server, client = self._server, self._client
        if server.connections.is_full:
            client.turn_away(FULL)
            return
        # Nobody has been asked yet who this is: these are logins of no user.
        if not server.login_limits.greets(client.address, self):
            client.farewell(*BUSY)
            return
        self._is_counted = self._is_silent = True
        self._began = self._tracing.clock()
        connecting = self._connecting = server.database.connect(plain=True)
        connecting.addCallbacks(self._greets, self._does_not_greet)
        connecting.addErrback(self._broken)

    def _greets(self, database: DatabaseChannel) -> None:
        is_wanted, self._connecting = self._connecting is not None, None
        if not is_wanted:
            database.abort()
            return
        self._note_greeted(None)
        login = self._login()
        database.on_lost = self._lost
        database.on_encrypted = lambda: login.tls_started(DATABASE)
        database.receiver = self._first_answer
        self.database = database
        self._is_unused = True
        login.reached(database, False)

    def _more_of_greeting(self, data: bytes) -> None:
        """Keep a greeting until something is sent."""
        self._heard += data
        if len(self._heard) > _GREETING_MAX:
            assert self.database is not None  # noqa: S101 - it speaks
            self.database.abort()
            return
        self._login().from_database(data)

    def _does_not_greet(self, failure: Failure) -> None:
        is_wanted, self._connecting = self._connecting is not None, None
        reason = failures.reason_of(failure, self._server.database_party)
        self._note_greeted(reason)
        if is_wanted:
            self._tell_unreachable(reason)

    def _note_greeted(self, reason: failures.Reason | None) -> None:
        self._greeted = _Greeted(self._began, self._tracing.clock(), reason)
        self.trace()

    def trace(self) -> None:
        """Make the span of a connection that was made before the client's span was known."""
        greeted, span = self._greeted, self._client.span
        if greeted is None or span is None:
            return
        self._greeted = None
        made = self._begin_span(span, greeted.began)
        if greeted.reason is not None:
            failures.tell(made, spans.UNAVAILABLE, greeted.reason)
        made.end = greeted.ended
        self._tracing.emit(made)

    def _lost(self, reason: Failure) -> None:
        """The database is gone: before there is a session, its client has been told nothing."""
        if self._client.session is not None:
            self._left(reason)
            return
        self._uncount()
        self._tell_unreachable(failures.reason_of(reason, self._server.database_party))

    def _left(self, reason: Failure) -> None:
        """The database is gone in the middle of a login: a client that waits hears of it, and so
        does the operator."""
        login, party = self._login(), self._server.database_party
        if login.login.unanswered:
            why = failures.reason_of(reason, party, stood=True, unanswered=True)
            self._client.event(events.CONNECT_TO_DATABASE, "Can't connect to db", error=str(why))
        login.database_lost(reason)

    @property
    def says_nothing(self) -> str:
        """Text for the operator where a database is reached and has said nothing; empty if it
        has."""
        database = self.database
        if database is None or database.receiver != self._first_answer:
            return ""
        what, remedy = spoken.silent(self._server.dialect.protocol)
        return f"{self._server.database_party} {what}; {remedy}"

    def session_opened(self) -> None:
        """A session has begun, which the limits of sessions are for."""
        self._uncount()

    def _spoke(self) -> None:
        if self._is_silent:
            self._is_silent = False
            self._server.login_limits.spoke(self._client.address, self)

    def _uncount(self) -> None:
        self._spoke()
        if self._is_counted:
            self._is_counted = False
            self._server.login_limits.ended(self._client.address)

    def give_way(self) -> None:
        """See greeted.Silent."""
        self._client.farewell(*BUSY)

    # -- a session --------------------------------------------------------------------------------

    def _for_session(self, wanted: Connect) -> None:
        server = self._server
        if self.database is not None:
            # It was reached for its greeting.
            self._is_unused, self._heard = False, b""
            self.database.receiver = self._login().from_database
            self._login().reached(self.database, False)
            return
        parent = self._client.span
        assert parent is not None  # noqa: S101 - it is there before the login begins
        span = self._begin_span(parent, self._tracing.clock())
        policy = server.login_policy
        # It may go on without the TLS that the database offers.
        settles = server.database.tls == "if offered" and policy.password_without_tls
        if policy.challenge is None and settles:
            may_bind = self._client.may_bind
            connecting = ensureDeferred(reach(server.database, wanted.first, may_bind, span))
        else:
            connecting = server.database.connect(span=span)
        self._connecting = connecting
        connecting.addCallbacks(
            lambda database: self._connected(database, span),
            lambda failure: self._unreachable(failure, span),
        )
        connecting.addErrback(self._broken)

    def _begin_span(self, parent: Span, start: int) -> Span:
        address = self._server.database.address
        span = parent.child("ConnectDatabase", spans.CLIENT, start)
        span.add_attribute("server.address", address.host)
        span.add_attribute("server.port", address.port)
        return span

    def _connected(self, database: DatabaseChannel, span: Span) -> None:
        is_wanted, self._connecting = self._connecting is not None, None
        self._tracing.finish(span)
        if not is_wanted:
            database.abort()
            return
        login = self._login()
        answer = database.answer
        database.on_lost = self._left
        database.receiver = self._first_answer
        self.database = database
        login.reached(database, database.encrypted, bool(answer))
        if answer:
            self._first_answer(answer)

    def _unreachable(self, failure: Failure, span: Span) -> None:
        is_wanted, self._connecting = self._connecting is not None, None
        reason = failures.reason_of(failure, self._server.database_party)
        failures.tell(span, spans.UNAVAILABLE, reason)
        self._tracing.finish(span)
        if is_wanted:
            self._tell_unreachable(reason)

    def _tell_unreachable(self, reason: failures.Reason) -> None:
        plain = reason.kind in failures.WITHOUT_TLS
        code = events.CONNECT_TO_DATABASE if plain else events.TLS_GENERAL
        self._client.event(code, "Can't connect to db", error=str(reason))
        self._client.farewell(*ends.not_reached(reason))

    def _broken(self, failure: Failure) -> None:
        self._server.log.failure("internal error", failure)
        self._client.abort()

    def _first_answer(self, data: bytes) -> None:
        """Take the first bytes of the database: whatever it is, it should be one."""
        database, login = self.database, self._login()
        assert database is not None  # noqa: S101 - it is reached
        database.receiver = self._more_of_greeting if self._is_unused else login.from_database
        wrong = spoken.foreign(data, self._server.dialect.protocol)
        if wrong is None:
            database.receiver(data)
            return
        reason = failures.reason_of(wrong, self._server.database_party)
        told = ends.not_reached(reason)
        self._client.event(events.CONNECT_TO_DATABASE, "Can't connect to db", error=str(reason))
        if self._client.session is None:
            self._client.farewell(*told)
        else:
            login.finish("not a database", told)
