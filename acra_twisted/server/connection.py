"""A connection to the database's port, from accept to relay.

1, 2. the link's handshake and the connector's trace context: see `arrival`;
3. the login of the database's protocol, by its dialect: a `Handshake` carries it out, this does
   what it wants of AcraServer, such as connecting to the database (span ``ConnectDatabase``);
4. a `Relay` takes over.

No database connection is opened before a whole, acceptable startup packet is there, unless the
protocol has the database greet first.  All of it must be done within the handshake time limit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.python.failure import Failure

from acra_twisted import events
from acra_twisted.authentication.clientidmap import YES
from acra_twisted.endreason import EndReason, Farewell
from acra_twisted.errors import ForeignProtocol, HandshakeError, WireError
from acra_twisted.loginactions import CLIENT, Cancellable, Connect, Leave, Serve
from acra_twisted.proxy import ends
from acra_twisted.proxy.handshake import Handshake
from acra_twisted.proxy.relay import Relay
from acra_twisted.proxy.valve import Valve
from acra_twisted.server.arrival import DECLINED_TLS, LEFT, Arrival
from acra_twisted.server.authentication import Authentication, Refusal
from acra_twisted.server.reaching import Reaching
from acra_twisted.server.spanlink import SpanLink
from acra_twisted.session import Session
from acra_twisted.telemetry.pages.sessions import current
from acra_twisted.telemetry.tracing import spans
from acra_twisted.telemetry.tracing.exchanges import context_of
from acra_twisted.transport import failures, spoken
from acra_twisted.transport.channel import ignored
from acra_twisted.transport.peers import APPLICATION
from acra_twisted.wire.link import tracecontext
from acra_twisted.wire.link.spanlink import ACCEPTED, DECLINED

if TYPE_CHECKING:
    from acra_twisted.server.context import ServerContext

#: The first bytes of a startup packet, which may be broken.
_NOT_FOREIGN = frozenset(("", spoken.POSTGRESQL, spoken.PLAIN))
_FOR_ANOTHER = "The application is one of another database"
_SAYS_NOTHING = (
    "it says nothing; an application of MySQL waits for a greeting, and this listener serves "
    "PostgreSQL (mysql_enable)"
)


class ServerConnection(Arrival):
    """Is the Host of its `Handshake`.  ``server`` is what all connections share."""

    def __init__(self, server: ServerContext, number: int, address: str) -> None:
        super().__init__(server, number, address)
        self._handshake: Handshake | None = None
        self._reaching: Reaching | None = None
        self._key: Any = None
        self._authentication: Authentication | None = None
        #: The relay of a ready session.
        self.relay: Relay | None = None
        self._span_link: SpanLink | None = None
        self._is_late = False
        # How the application began.
        self._opening = b""

    # -- 3: the login -----------------------------------------------------------------------------

    def linked(self) -> None:
        """See Arrival: a client may wait for the greeting that has never heard of a connector."""
        if self._server.dialect.server_speaks_first and not self._server.link_encrypted:
            self._begin_login()

    @property
    def is_awaiting(self) -> bool:
        """See Arrival: it waits for a greeting, or offers spans."""
        waits = tracecontext.OFFERS | tracecontext.AWAITS
        return self._server.dialect.server_speaks_first or bool(self._mark & waits)

    def begun(self) -> None:
        """See Arrival: begin the login, unless it has begun."""
        self.receiver = self._login_data
        if self._mark & tracecontext.AWAITS and not self._server.dialect.server_speaks_first:
            self._serves_another(spoken.MYSQL)
            self.receiver = ignored
            text = "this listener serves PostgreSQL"
            self.write(self._server.dialect.encode_farewell(EndReason.LOGIN, text))
            self.close()
            return
        if self._mark & tracecontext.OFFERS:
            self._stop()
            self._take_spans()
            return
        if self._handshake is None:
            self._begin_login()
        elif self._reaching is not None:
            self._reaching.trace()
        if self._mark & tracecontext.FOLLOWS and self._handshake is not None:
            login: Any = self._handshake.login  # an IServedLogin
            login.follows(self._startup_parent)

    def _begin_login(self) -> None:
        server = self._server
        authentication = self._authentication = Authentication(server, self, lambda: self._login)
        login = server.dialect.serve(server.login_policy)
        reaching = self._reaching = Reaching(server, self, lambda: self._login, authentication)
        self._handshake = Handshake(
            login,
            self,
            self,
            server.pipeline,
            server.limits,
            server.reactor,
            {
                Connect: lambda wanted: self._reach(reaching, wanted),
                Cancellable: self._cancellable,
                Leave: reaching.leave,
                Serve: lambda wanted: self._take_spans(),
                **authentication.actions,
            },
        )
        self._handshake.begin()

    @property
    def _login(self) -> Handshake:
        assert self._handshake is not None  # noqa: S101 - made when it begins, kept until it ends
        return self._handshake

    @property
    def _carrier(self) -> Handshake | Relay:
        """The session's carrier: its login, and then its relay."""
        return self._login if self.relay is None else self.relay

    def _serves_another(self, protocol: str) -> None:
        """Its application speaks the protocol of another database than this listener's."""
        reason = failures.reason_of(ForeignProtocol(protocol), self._server.peer, stood=True)
        if self.span is not None:
            failures.tell(self.span, spans.UNAVAILABLE, reason)
        self.event(events.REFUSED_CONNECTION, _FOR_ANOTHER, error=str(reason))

    def _login_data(self, data: bytes) -> None:
        self._opening = self._opening or data[: spoken.LOOK]
        login = self._login
        login.from_client(data)
        if not self.asks_for_nothing:
            self._emit_wrap()
            if self.receiver == self._login_data:
                self.receiver = login.from_client

    def failed(self, error: Exception, at_once: bool) -> None:
        """See Host: the client is told why, where it may be told."""
        if isinstance(error, WireError):
            self._refused(error)
        else:
            reason = failures.reason_of(ForeignProtocol(spoken.TLS), self._server.peer)
            self.event(events.TLS_INIT, str(error), error=str(reason))
        if at_once:
            self.abort()
        elif isinstance(error, WireError) and error.reason:
            self.farewell(error.reason, str(error))
        else:
            self.close()

    def _refused(self, error: WireError) -> None:
        protocol, dialect = spoken.spoken(self._first), self._server.dialect
        if dialect.server_speaks_first and spoken.spoken(self._opening) == spoken.POSTGRESQL:
            self._serves_another(spoken.POSTGRESQL)
        elif protocol in _NOT_FOREIGN or protocol == dialect.protocol:
            # What is well-formed and not allowed breaks no protocol.
            refused = error.reason is EndReason.LOGIN
            code = events.REFUSED_CONNECTION if refused else events.UNEXPECTED_PACKET
            self.event(code, str(error))
        else:
            self._ends_foreign(protocol)

    def tls_context(self, leg: str) -> Any:
        """See Host: of a database that does not speak first TLS begins before its channel is handed
        out."""
        return self._server.client_tls if leg == CLIENT else self._server.database.creator

    def tls_started(self) -> None:
        """TLS inside the database protocol is complete."""
        self.facts = self.facts._replace(tls=YES)
        if self.certificate is not None:
            try:
                self._shown(self.certificate)
            except HandshakeError as error:
                self.event(events.TLS_INIT, str(error))
                self.abort()
                return
        self._login.tls_started(CLIENT)

    # -- spans of a connector ---------------------------------------------------------------------

    def _take_spans(self) -> None:
        """Only over a link that has proven who is there."""
        self._emit_wrap()
        client_id, intake = self._identity.client_id, self._server.intake
        encrypted = self._handshake is not None and self._handshake.login.encrypted
        if intake is None or not client_id or encrypted:
            self.receiver = ignored
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
        self.receiver = ignored
        self.event(events.UNEXPECTED_PACKET, str(error))
        self.abort()

    def _reach(self, reaching: Reaching, wanted: Connect) -> None:
        if self.span is not None:
            self._emit_wrap()
        reaching.reach(wanted)

    @property
    def may_bind(self) -> bool:
        """See reaching.Client."""
        return self._login.login.encrypted or self._identity.from_connector

    # -- the end of a login -----------------------------------------------------------------------

    def turn_away(self, refused: Refusal) -> None:
        """End a client that gets no session, or loses it."""
        self.event(refused.code, refused.event, error=refused.why)
        if self.session is not None:
            self._carrier.finish(refused.event, (refused.reason, refused.text))
        else:
            self.farewell(refused.reason, refused.text)

    def _stop(self) -> None:
        """Stop what goes on for a client that gets no session."""
        if self._authentication is not None:
            self._authentication.stop()
        if self._reaching is not None:
            self._reaching.stop()

    def make_session(self) -> Session:
        """See Host."""
        server = self._server
        session = Session(self.number, self._identity, server.observers, self._tracing.clock)
        session.span = self.span
        self.session = session
        if self._reaching is not None:
            self._reaching.session_opened()
        return session

    def session_ready(self, relay: Relay) -> None:
        """See Host: nothing of the login is kept."""
        reaching = self._reaching
        assert reaching is not None  # noqa: S101 - it has reached the database
        assert reaching.database is not None  # noqa: S101 - it has let the client in
        reaching.database.on_lost = relay.database_lost
        self.relay = relay
        self._handshake = self._authentication = self._reaching = None

    def _cancellable(self, action: Cancellable) -> None:
        self._key = action.key
        self._server.cancel_keys.add(action.key)

    # -- 4: the end -------------------------------------------------------------------------------

    def check(self, now: float) -> None:
        """Called about once a second."""
        is_late = now - self._opened_at > self._server.handshake_timeout
        if self.relay is not None:
            self.relay.check(now)
        elif is_late and not self._is_late and self._span_link is None:
            self._is_late = True
            text = "The handshake took too long"
            self.event(events.DROPPED_BY_TIMEOUT, text, error=self._says_nothing or None)
            self.cut("handshake timeout", ends.HANDSHAKE)

    @property
    def _says_nothing(self) -> str:
        """Say who has not begun to speak, if that is it."""
        if self._reaching is not None and self._reaching.says_nothing:
            return self._reaching.says_nothing
        if self._server.dialect.server_speaks_first or self._has_begun or self._buffer:
            return ""
        return _SAYS_NOTHING if self._wrap is not None and self._wrap.end else ""

    @property
    def _is_awaited(self) -> bool:
        """True if a client has sent its first packet, and nothing has come of it yet."""
        reaching, authentication = self._reaching, self._authentication
        return bool(
            reaching and reaching.in_progress or authentication and authentication.in_progress
        )

    def drain(self) -> None:
        """Shutdown: end as soon as no work is lost by it."""
        if self.session is not None:
            self._carrier.drain()
        elif self._is_awaited:
            self.farewell(*ends.SHUTDOWN)
        else:
            self.close()

    def cut(self, reason: str = "shutdown", farewell: Farewell = ends.SHUTDOWN) -> None:
        """See Arrival."""
        if self.session is not None:
            self._carrier.finish(reason, farewell)
        elif self._is_awaited:
            self.farewell(*farewell)
        else:
            self.abort()

    def farewell(self, reason: EndReason, text: str) -> None:
        """Refuse a client that has sent its startup packet."""
        if self.span is None and self._wrap is not None:
            # It waits for the greeting, and nothing will be known of it any more.
            self._begin(None, False)
        if self.span is not None:
            self.span.fail(spans.UNAVAILABLE, text)
        self.receiver = ignored
        self._stop()
        self._login.refuse(reason, text, self._trace_id())

    def fatal(self, reason: EndReason, text: str, number: int) -> bytes:
        """See Host."""
        return self._server.dialect.encode_farewell(reason, text, self._trace_id(), number)

    def _trace_id(self) -> str:
        """The trace of the request whose reply the client waits for, else of the connection."""
        exchange = current(self.session) if self.session is not None else None
        if exchange is not None and (exchange.span or exchange.context) is not None:
            return context_of(exchange).trace_id
        return self.span.trace_id if self.span is not None else ""

    def session_ended(self, reason: str) -> None:
        """See Host."""
        assert self.session is not None  # noqa: S101 - it has one
        if self._key is not None:
            self._server.cancel_keys.discard(self._key)
        self.receiver = ignored
        self._server.observers.session_closed(self.session, reason)

    def lost(self, reason: Failure) -> None:
        """The client's connection is gone."""
        if self._span_link is not None:
            self._span_link.stop()
        self._stop()
        if self.session is not None:
            self._carrier.client_lost(reason)
        elif self._reaching is not None:
            self._reaching.close()
        if self._starting_tls and not reason.check(ConnectionDone, ConnectionLost):
            why = failures.reason_of(reason, failures.Party(APPLICATION))
            self.event(events.TLS_INIT, "TLS with an application failed", error=str(why))
        super().lost(reason)

    @property
    def asks_for_nothing(self) -> bool:
        """See Arrival: for TLS and for nothing else so far."""
        return self._declined or self._starting_tls

    @property
    def _declined(self) -> bool:
        return self._handshake is not None and self._handshake.login.declined

    def _silent_at(self, reason: Failure) -> str:
        """See Arrival.  A client whose TLS was declined hears of it from its own program."""
        if self._declined and reason.check(ConnectionDone, ConnectionLost):
            self._server.log.info(
                "{event_text}", event_text=LEFT, session_id=self.number, peer=self.address
            )
            return DECLINED_TLS
        return super()._silent_at(reason)
