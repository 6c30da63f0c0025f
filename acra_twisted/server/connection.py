"""A connection to the database's port, from accept to relay.

1, 2. the link's handshake and the connector's trace context: see `arrival`;
3. the database protocol's startup: encryption, startup packet or cancel request;
4. the database is connected (span ``ConnectDatabase``);
5. a `Relay` takes over.

No database connection is opened before a whole, acceptable startup packet is there, and all of it
must be done within the handshake time limit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.python.failure import Failure

from acra_twisted import events
from acra_twisted.dialects.postgresql.authentication import AuthenticationPolicy
from acra_twisted.dialects.postgresql.startup import (
    ALPN,
    ClientStartup,
    SpansOffered,
    StartTLS,
    settle_version,
)
from acra_twisted.errors import ForeignProtocol, HandshakeError, WireError
from acra_twisted.proxy.relay import HANDSHAKE, SHUTDOWN, Relay
from acra_twisted.proxy.valve import Valve
from acra_twisted.server.arrival import DECLINED_TLS, Arrival
from acra_twisted.server.offered import reach
from acra_twisted.server.spanlink import SpanLink
from acra_twisted.session import Session
from acra_twisted.telemetry.pages.sessions import current
from acra_twisted.telemetry.tracing import spans
from acra_twisted.telemetry.tracing.exchanges import context_of
from acra_twisted.telemetry.tracing.spans import Span
from acra_twisted.transport import failures, identity, spoken
from acra_twisted.transport.peers import APPLICATION
from acra_twisted.wire.link import tracecontext
from acra_twisted.wire.link.spanlink import ACCEPTED, DECLINED
from acra_twisted.wire.postgres.backend import BackendKey
from acra_twisted.wire.postgres.frames import CancelRequest, StartupPacket

if TYPE_CHECKING:
    from acra_twisted.server.context import ServerContext
    from acra_twisted.server.database import DatabaseChannel

#: What a startup may begin with, as far as it is a broken one.
_NOT_FOREIGN = frozenset(("", spoken.POSTGRESQL, spoken.PLAIN))
#: Reasons why a database is not reached that have nothing to do with TLS.
_NOT_REACHED = frozenset(
    (
        failures.REFUSED,
        failures.UNREACHABLE,
        failures.TIMEOUT,
        failures.NAME,
        failures.PROTOCOL,
        failures.HUNG_UP,
    )
)
#: More than this before the startup packet is whole is no startup.
_EARLY_LIMIT = 16 * 1024


_LEFT = (
    "An application asked for TLS, was told that there is none (tls: no certificates configured), "
    "and left: it may have sslmode=require. Let its connector end TLS (application_tls_cert "
    "there), or set tls_cert and client_tls = allow here; through a connector requests are not "
    "traced there then"
)


def _not_reached(reason: failures.Reason) -> tuple[bytes, str]:
    """Tell the client of the failure, but not the database's address."""
    return b"08006", f"could not connect to the database: {reason.public}"


class ServerConnection(Arrival):
    """``server`` is what all connections share."""

    def __init__(self, server: ServerContext, number: int, address: str) -> None:
        super().__init__(server, number, address)
        self._startup = ClientStartup(server.startup_policy)
        self._connecting: Deferred[Any] | None = None
        self._cancelling: DatabaseChannel | None = None
        self._key: BackendKey | None = None
        self._direct = False
        self._database: DatabaseChannel | None = None
        self._span_link: SpanLink | None = None

    def begun(self) -> None:
        """See Arrival."""
        self.receiver = self._startup_data

    # -- 3: startup -------------------------------------------------------------------------------

    def _startup_data(self, data: bytes) -> None:
        startup = self._startup
        try:
            found = startup.feed(data)
        except WireError as error:
            self._startup_failed(error)
            return
        if startup.reply:
            self.write(startup.reply)
        if found is None:
            return
        if isinstance(found, StartTLS):
            self._start_client_tls(found.direct)
            return
        self._emit_wrap()
        if isinstance(found, CancelRequest):
            self._cancel(found)
        elif isinstance(found, SpansOffered):
            self._take_spans()
        else:
            self._connect(found)

    def _startup_failed(self, error: WireError) -> None:
        protocol = spoken.spoken(self._first)
        if protocol in _NOT_FOREIGN:
            # What is well-formed and not allowed breaks no protocol.
            refused = error.sqlstate == b"28000"
            code = events.REFUSED_CONNECTION if refused else events.UNEXPECTED_PACKET
            self._event(code, str(error))
        else:
            self._ends_foreign(protocol)
        if error.sqlstate:
            self._farewell(error.sqlstate, str(error))
        else:
            self.close()

    def _start_client_tls(self, direct: bytes) -> None:
        self._direct = bool(direct)
        self.start_tls(self._server.client_tls, False, direct)

    def tls_started(self) -> None:
        """TLS inside the database protocol is complete."""
        if self._direct and self.transport.negotiatedProtocol != ALPN:
            reason = failures.reason_of(ForeignProtocol(spoken.TLS), self._server.peer)
            self._event(events.TLS_INIT, "Direct TLS without ALPN postgresql", error=str(reason))
            self.abort()
            return
        if self.certificate is not None:
            self._identity.certificate = identity.subject_of(self.certificate)
            try:
                self._identity.client_id = self._client_id(self.certificate)
            except HandshakeError as error:
                self._event(events.TLS_INIT, str(error))
                self.abort()
                return
        self._startup.tls_started()

    # -- spans of a connector ---------------------------------------------------------------------

    def _take_spans(self) -> None:
        """Only over a link that has proven who is there."""
        client_id, intake = self._identity.client_id, self._server.intake
        if intake is None or not client_id or self._startup.encrypted:
            self.receiver = self._ignored
            self.write(DECLINED)
            self.close()
            return
        spans_link = self._span_link = SpanLink(
            lambda blob: intake.take(blob, client_id),
            self._server.turns,
            Valve(lambda: self.transport, self._server.reactor.seconds),
            self.write,
            self._spans_failed,
        )
        self.receiver = spans_link.received
        self.write(ACCEPTED)

    def _spans_failed(self, error: WireError) -> None:
        self.receiver = self._ignored
        self._event(events.UNEXPECTED_PACKET, str(error))
        self.abort()

    # -- cancel -----------------------------------------------------------------------------------

    def _cancel(self, request: CancelRequest) -> None:
        self.receiver = self._ignored
        if not self._server.cancel_keys.accepts(request, self.address):
            self.close()
            return
        connecting = self._connecting = self._server.database.connect()
        connecting.addCallbacks(self._send_cancel, self._cancel_failed, (request,))

    def _send_cancel(self, database: DatabaseChannel, request: CancelRequest) -> None:
        self._connecting = None
        self._cancelling = database
        # libpq waits for the close: it means that the database has dealt with the request.
        database.receiver = self._ignored
        database.on_lost = lambda reason: self.close()
        database.write(request.encode())

    def _cancel_failed(self, failure: Failure) -> None:
        self._connecting = None
        self.close()

    # -- 4: the database --------------------------------------------------------------------------

    def _connect(self, startup: StartupPacket) -> None:
        server = self._server
        if not self._identity.client_id:
            self._event(events.REFUSED_CONNECTION, "No client id")
            self._farewell(b"28000", "no client id: a client certificate is required")
            return
        if server.connections.is_full:
            self._event(events.REFUSED_CONNECTION, "Too many connections")
            self._farewell(b"53300", "sorry, too many clients already")
            return
        assert self.span is not None  # noqa: S101 - made in _begin()
        self.receiver = self._early_data
        self._early_data(self._startup.rest)
        if len(self._buffer) > _EARLY_LIMIT:
            return
        span = self._tracing.child(self.span, "ConnectDatabase", spans.CLIENT)
        span.add_attribute("server.address", server.database.address.host)
        span.add_attribute("server.port", server.database.address.port)
        connecting = self._connecting = self._reach_database(startup)
        connecting.addCallbacks(
            lambda database: self._connected(database, startup, span),
            lambda failure: self._unreachable(failure, span),
        )
        connecting.addErrback(self._broken)

    def _reach_database(self, startup: StartupPacket) -> Deferred[DatabaseChannel]:
        server = self._server
        if server.database.tls != "if offered" or not server.password_without_tls:
            return server.database.connect()
        may_bind = self._startup.encrypted or self._identity.from_connector
        return ensureDeferred(reach(server.database, settle_version(startup)[0].encode(), may_bind))

    def _early_data(self, data: bytes) -> None:
        """A client that talks on before it was answered."""
        self._buffer += data
        if len(self._buffer) > _EARLY_LIMIT:
            self._event(events.UNEXPECTED_PACKET, "Too much data before authentication")
            self.abort()

    def _unreachable(self, failure: Failure, span: Span) -> None:
        self._connecting = None
        reason = failures.reason_of(failure, self._server.database_party)
        failures.tell(span, spans.UNAVAILABLE, reason)
        self._tracing.finish(span)
        if failure.check(CancelledError) and self._closed:
            return
        plain = reason.kind in _NOT_REACHED
        code = events.CONNECT_TO_DATABASE if plain else events.TLS_GENERAL
        self._event(code, "Can't connect to db", error=str(reason))
        self._farewell(*_not_reached(reason))

    def _broken(self, failure: Failure) -> None:
        self._server.log.failure("internal error", failure)
        self.abort()

    def _connected(self, database: DatabaseChannel, startup: StartupPacket, span: Span) -> None:
        self._connecting = None
        self._tracing.finish(span)
        server = self._server
        if self._closed:
            database.abort()
            return
        session = self._session = Session(
            self.number, self._identity, server.observers, self._tracing.clock
        )
        session.span = self.span
        policy = AuthenticationPolicy(
            client_tls=self._startup.encrypted,
            database_tls=database.encrypted,
            password_without_tls=server.password_without_tls,
        )
        # What is encrypted within the link the connector cannot read.
        follows = bool(self._mark & tracecontext.FOLLOWS) and not self._startup.encrypted
        request, response, first = server.dialect.open_session(
            session,
            startup,
            server.pipeline,
            policy,
            self._got_key,
            follows,
            self._startup_parent if follows else "",
        )
        relay = self.relay = Relay(
            session,
            self,
            database,
            (request, response),
            server.pipeline,
            server.limits,
            fatal=self._fatal,
            seconds=server.reactor.seconds,
            later=server.reactor.callLater,
            ended=self._session_ended,
        )
        database.on_lost = relay.database_lost
        relay.begin()
        database.receiver = self._first_answer
        self._database = database
        if database.answer:
            self._first_answer(database.answer)
        else:
            database.write(first)
        if self._buffer:
            data, self._buffer = self._buffer, b""
            relay.first_from_client(data)

    def _first_answer(self, data: bytes) -> None:
        """The database says something for the first time: whatever it is, it should be one."""
        database, relay = self._database, self.relay
        assert database is not None and relay is not None  # noqa: S101 - made in _connected()
        self._database = None
        database.receiver = relay.first_from_database
        wrong = spoken.foreign(data)
        if wrong is None:
            relay.first_from_database(data)
            return
        reason = failures.reason_of(wrong, self._server.database_party)
        self._event(events.CONNECT_TO_DATABASE, "Can't connect to db", error=str(reason))
        relay.finish("not a database", _not_reached(reason))

    def _got_key(self, key: BackendKey) -> None:
        self._key = key
        self._server.cancel_keys.add(key)

    # -- 5: the end -------------------------------------------------------------------------------

    def check(self, now: float) -> None:
        """Called about once a second."""
        session = self._session
        if self._span_link is not None:
            return
        if session is None or not session.ready:
            if now - self._opened_at > self._server.handshake_timeout:
                self._event(events.DROPPED_BY_TIMEOUT, "The handshake took too long")
                if self.relay is not None:
                    self.relay.finish("handshake timeout", HANDSHAKE)
                else:
                    self.abort()
            return
        if self.relay is not None:
            self.relay.check(now)

    def drain(self) -> None:
        """Shutdown: end as soon as no work is lost by it."""
        if self.relay is not None:
            self.relay.drain()
        elif self._connecting is not None:
            self._farewell(*SHUTDOWN)
        else:
            self.close()

    def cut(self) -> None:
        """Shutdown: the time is up."""
        if self.relay is not None:
            self.relay.finish("shutdown", SHUTDOWN)
        else:
            self.abort()

    def _farewell(self, sqlstate: bytes, text: str) -> None:
        if self.span is not None:
            self.span.fail(spans.UNAVAILABLE, text)
        self.receiver = self._ignored
        self.write(self._fatal(sqlstate, text))
        self.close()

    def _fatal(self, sqlstate: bytes, text: str) -> bytes:
        return self._server.dialect.encode_fatal(sqlstate, text, self._trace_id())

    def _trace_id(self) -> str:
        """The trace of the request whose reply the client waits for, else of the connection."""
        exchange = current(self._session) if self._session is not None else None
        if exchange is not None and (exchange.span or exchange.context) is not None:
            return context_of(exchange).trace_id
        return self.span.trace_id if self.span is not None else ""

    def _session_ended(self, reason: str) -> None:
        assert self._session is not None  # noqa: S101 - a relay has a session
        if self._key is not None:
            self._server.cancel_keys.discard(self._key)
        self.receiver = self._ignored
        self._server.observers.session_closed(self._session, reason)

    def lost(self, reason: Failure) -> None:
        """The client's connection is gone."""
        self._closed = True
        if self._span_link is not None:
            self._span_link.stop()
        if self._connecting is not None:
            self._connecting.cancel()
        if self._cancelling is not None:
            self._cancelling.close()
        if self.relay is not None:
            self.relay.client_lost(reason)
        if self._starting_tls and not reason.check(ConnectionDone, ConnectionLost):
            why = failures.reason_of(reason, failures.Party(APPLICATION))
            self._event(events.TLS_INIT, "TLS with an application failed", error=str(why))
        super().lost(reason)

    @property
    def asks_for_nothing(self) -> bool:
        """See Arrival: for TLS and for nothing else so far."""
        return self._startup.declined or self._starting_tls

    def _silent_at(self, reason: Failure) -> str:
        """See Arrival.  A client whose TLS was declined hears of it from its own program."""
        if self._startup.declined and reason.check(ConnectionDone, ConnectionLost):
            self._server.log.info(
                "{event_text}", event_text=_LEFT, session_id=self.number, peer=self.address
            )
            return DECLINED_TLS
        return super()._silent_at(reason)
