"""One application connection: trace root, link to the server, then bytes both ways.

The application is not read before the link stands and the trace context has been sent on it.
Then the login of its protocol follows what it says (see `Handshake`), until bytes are copied and
nothing is parsed; or, with ``tracing_scope = request`` and where a session is to be seen, until a
`Relay` follows the protocol: each request gets a span of its own, whose context goes with it.
Back-pressure works in both directions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.python.failure import Failure

from acra_twisted import events
from acra_twisted.connector.copying import Copying
from acra_twisted.connector.greeting import Greeting
from acra_twisted.connector.link import LinkChannel
from acra_twisted.connector.reaching import Reaching
from acra_twisted.connector.record import ConnectionRecord
from acra_twisted.endreason import EndReason
from acra_twisted.errors import WireError
from acra_twisted.loginactions import CANCEL, CLIENT, UNKNOWN_SERVER, Carry, Copy
from acra_twisted.proxy import ends
from acra_twisted.proxy.handshake import Handshake
from acra_twisted.proxy.relay import Relay
from acra_twisted.proxy.valve import CONNECTING, Valve
from acra_twisted.session import Identity, Session
from acra_twisted.telemetry.tracing import spans
from acra_twisted.transport.channel import Channel, ignored
from acra_twisted.transport.failures import Party, Reason, reason_of
from acra_twisted.transport.peers import APPLICATION
from acra_twisted.wire.link import tracecontext

if TYPE_CHECKING:
    from acra_twisted.connector.context import ConnectorContext

_FAREWELL_TIME = 5.0
#: How far an application came that has gone without asking for anything.
ACCEPTED, DECLINED_TLS = "accepted", "declined_tls"


class ApplicationConnection(Channel):
    """Is the Host of its `Handshake`, and the Application of its `Reaching`.  ``connector`` is what
    all connections share."""

    #: See Connections.
    connection_type = "db"
    address = ""

    def __init__(self, connector: ConnectorContext, number: int) -> None:
        self._connector = connector
        self.number = number
        self.listener = connector.listener
        self.identity = Identity(connector.client_id, "", False)
        # The id of the span of the session's startup, if the application brings a context for it.
        follows = connector.mark & tracecontext.FOLLOWS
        span = self._startup_span = spans.new_span_id() if follows else ""
        tls, exposed = connector.application_tls, connector.link_exposed
        self._login = connector.dialect.follow(
            tls, reads=bool(follows), startup_span=span, exposed=exposed
        )
        self._handshake = Handshake(
            self._login,
            self,
            self,
            connector.pipeline,
            connector.limits,
            connector.reactor,
            {Carry: self._carry, Copy: self._copy},
        )
        #: The relay of a ready session that is followed; the login carries it before.
        self.relay: Relay | None = None
        self._carrier: Handshake | Relay = self._handshake
        self._link: LinkChannel | None = None
        self._farewell_until = 0.0
        self._early = b""
        self._spoken = False
        self._is_cut = False
        #: What is followed, or would be if it could be read.
        self.session: Session | None = None
        # Its bytes are carried unread.
        self._is_carried = False
        self.receiver = self._early_data
        self._lost = False
        self._copying: Copying | None = None
        self._greeting = Greeting(connector.reactor, self._server_data)

    def opened(self) -> None:
        """Accepted: begin the trace and reach the server."""
        connector = self._connector
        self._opened_at = connector.reactor.seconds()
        self.identity.locate(self.transport.getPeer())
        self._record = ConnectionRecord(connector, self.number, self.identity)
        self._reaching = Reaching(connector, self, self._record, self._startup_span)
        self.span = self.parent_span = self._record.span
        self._valve = Valve(lambda: self.transport, connector.reactor.seconds)
        self._valve.close(CONNECTING)
        connector.connections.admit(self)
        if connector.connections.is_full:
            self._record.event(events.REFUSED_CONNECTION, "Too many connections")
            self._say_farewell("sorry, too many clients already", EndReason.TOO_MANY)
            return
        if not connector.admits(self):
            self._record.event(events.REFUSED_CONNECTION, "Whose process it is may not connect")
            self._say_farewell("this user may not connect", EndReason.LOGIN)
            return
        self._reaching.begin()

    def reached(self, link: LinkChannel) -> None:
        """See Application: let bytes flow."""
        self._link = link
        link.carry(self, self._first_server_data)
        self.receiver = self._application_data
        self._handshake.attach(link)
        self._handshake.begin()
        self._valve.open(CONNECTING)
        early, self._early = self._early, b""
        if early:
            self.receiver(early)

    def _early_data(self, data: bytes) -> None:
        self._spoken = True
        self._early += data

    # -- the login --------------------------------------------------------------------------------

    def _application_data(self, data: bytes) -> None:
        self._spoken = True
        if self._is_carried:
            self._record.hand_on_wrap()
        self._reaching.note_opening(data)
        self._greeting.release()
        self._handshake.from_client(data)

    def _first_server_data(self, data: bytes) -> None:
        if self._greeting.is_held or self._reaching.is_early(data):
            self._greeting.add(data)
            return
        if self._link is not None:
            self._link.receiver = self._server_data
        self._server_data(data)

    def _server_data(self, data: bytes) -> None:
        said = self._login.said
        strange = None if said is None else self._reaching.strange(data, said)
        if strange is None:
            self._handshake.from_database(data)
        else:
            self._turn_from(strange)

    def tls_context(self, leg: str) -> Any:
        """See Host: the link has its own protection."""
        self._record.hand_on_wrap()
        return self._connector.application_context

    def tls_started(self) -> None:
        """TLS with the application is complete."""
        self._handshake.tls_started(CLIENT)

    def failed(self, error: Exception, at_once: bool) -> None:
        """See Host: the application may not go on so."""
        code = events.UNEXPECTED_PACKET if isinstance(error, WireError) else events.TLS_INIT
        self._record.event(code, str(error))
        if at_once:
            self.abort()
            return
        self.receiver = ignored
        link = self._link
        if link is not None:
            link.receiver = ignored
        if isinstance(error, WireError) and error.reason:
            self._handshake.refuse(error.reason, str(error))
        else:
            self.close()
        if link is not None:
            link.close()

    def _turn_from(self, reason: Reason) -> None:
        """End it: what has answered is not AcraServer, or not one for this application."""
        farewell = f"AcraConnector could not connect to AcraServer: {reason.public}"
        if self._is_followed:
            self._handshake.finish("not AcraServer", (EndReason.DATABASE, farewell))
        else:
            link, self._link = self._link, None
            if link is not None:
                link.let_go()
                link.abort()
            self._record.end_loops()
            self._say_farewell(farewell)

    # -- what is carried -------------------------------------------------------------------------

    def make_session(self) -> Session:
        """See Host."""
        self._record.hand_on_wrap()
        connector = self._connector
        session = Session(self.number, self.identity, connector.observers, connector.tracing.clock)
        session.span = self.span
        self.session = session
        return session

    @property
    def _is_followed(self) -> bool:
        return self.session is not None and not self._is_carried

    def session_ready(self, relay: Relay) -> None:
        """See Host: nothing of the login is kept."""
        self.relay = self._carrier = relay

    def _carry(self, action: Carry) -> None:
        """Its bytes are carried unread from here on."""
        self._is_carried = True
        link, handshake = self._link, self._handshake
        assert link is not None  # noqa: S101 - nothing is carried to nobody
        seconds = self._connector.reactor.seconds
        self._copying = Copying(self, link, handshake.valves, self._valve, seconds)
        if action.why:
            self._record.hand_on_wrap()
        # Its requests are not traced here, if they should be.
        if self._login.reads and action.why != CANCEL:
            session = self.session or self.make_session()
            session.unread = action.why
            self.span.add_attribute("acra.unread", action.why)
            self._connector.carries_unread(self, action.why)

    def _copy(self, action: Copy) -> None:
        """See Copying."""
        self._handshake.let_go()
        assert self._copying is not None  # noqa: S101 - Carry comes before
        self._copying.begin(action.from_client, action.from_database)

    def fatal(self, reason: EndReason, text: str, number: int) -> bytes:
        """See Host."""
        return self._connector.dialect.encode_farewell(reason, text, number=number)

    def session_ended(self, reason: str) -> None:
        """See Host."""
        self.receiver = ignored
        if self._link is not None:
            self._link.receiver = ignored
        self._connector.observers.session_closed(self.session, reason)

    # -- ends -------------------------------------------------------------------------------------

    def broken(self, failure: Failure) -> None:
        """See Application."""
        self._connector.log.failure("internal error", failure)
        self.abort()

    def unreachable(self, reason: Reason) -> None:
        """See Application."""
        self._say_farewell(f"AcraConnector could not connect to AcraServer: {reason.public}")

    def _say_farewell(self, text: str, reason: EndReason = EndReason.DATABASE) -> None:
        self._farewell_until = self._connector.reactor.seconds() + _FAREWELL_TIME
        self.receiver = self._handshake.from_client
        self._valve.open(CONNECTING)
        self._handshake.refuse(reason, text)
        early, self._early = self._early, b""
        if early:
            self._handshake.from_client(early)

    def server_lost(self, reason: Failure) -> None:
        """The link is gone: what came last is passed on."""
        self._greeting.release()
        self._record.end_loops()
        unanswered = not self._lost and self._login.unanswered
        has_ended = self._is_followed and self._carrier.finished
        why = self._reaching.lost(reason, unanswered, has_ended)
        farewell = f"AcraConnector lost AcraServer before it answered: {why.public}"
        self._link = None
        if self._is_followed:
            self.receiver = ignored
            self._carrier.database_lost(reason, (EndReason.DATABASE, farewell))
        elif self._lost:
            return
        elif unanswered:
            self._say_farewell(farewell)
        else:
            self.receiver = ignored
            self.close()

    def lost(self, reason: Failure) -> None:
        """The application is gone."""
        self._lost = True
        self._greeting.drop()
        silent = self._silent_at(reason)
        self._explain(reason)
        link, self._link = self._link, None
        if link is not None:
            link.let_go()
            if self._is_followed:
                self._carrier.client_lost(reason)
            else:
                link.close()
        self._reaching.leave()
        if silent:
            self._connector.metrics.left_silently(silent)
        else:
            self._record.finish()
        session = self.session
        if session is not None and session.unread == UNKNOWN_SERVER:
            self._connector.observers.session_closed(session, "carried unread to its end")
        elif not self._is_followed:
            self._record.not_followed(silent)
        if not self._reaching.in_progress:
            self.abandoned()
        elif self._is_cut:
            self._reaching.cancel()

    def abandoned(self) -> None:
        """See Application: neither it nor a link that is being made holds anything any more."""
        connector = self._connector
        connector.connections.release(self, connector.reactor.seconds() - self._opened_at)

    def _explain(self, reason: Failure) -> None:
        """Say why, where TLS with the application may be the reason."""
        if self._starting_tls:
            self._record.tls_failed(reason_of(reason, Party(APPLICATION)))
        elif self._login.declined:
            self._record.declined()

    def _silent_at(self, reason: Failure) -> str:
        """How far an application came that has gone without asking for anything; empty if it has
        asked, or if it was sent away."""
        if self._farewell_until or not reason.check(ConnectionDone, ConnectionLost):
            return ""
        if self._login.declined:
            return DECLINED_TLS
        return "" if self._spoken else ACCEPTED

    def check(self, now: float) -> None:
        """Called about once a second."""
        if self._farewell_until and now > self._farewell_until:
            self.abort()
        if self.relay is not None:
            self.relay.check(now)
        elif self._logs_in and now - self._opened_at > self._connector.handshake_timeout:
            self._drop()
        else:
            self._check_writes(now)

    @property
    def _logs_in(self) -> bool:
        """True if the link is ready, and the application has not begun its session."""
        waits = self._is_carried or self._farewell_until or self._handshake.is_over
        return self._link is not None and not waits

    def _check_writes(self, now: float) -> None:
        """End what is copied to a peer that does not read."""
        limit = self._connector.write_timeout
        side = self._copying.unread(now, limit) if limit and self._copying else ""
        if side:
            self._record.event(events.NETWORK_WRITE, f"The {side} does not read")
            self._abort_both()

    def _drop(self) -> None:
        """It took too long to get ready."""
        self._record.event(events.DROPPED_BY_TIMEOUT, "The handshake took too long")
        if self._is_followed:
            self._handshake.finish("handshake timeout", ends.HANDSHAKE)
        else:
            self._abort_both()

    def _abort_both(self) -> None:
        if self._link is not None:
            self._link.abort()
        self.abort()

    def drain(self) -> None:
        """Shutdown: what is carried and not understood may go on until the time is up."""
        if self._is_followed:
            self._carrier.drain()

    def cut(self) -> None:
        """Shutdown: the time is up."""
        self._is_cut = True
        if self._lost and self._reaching.in_progress:
            self._reaching.cancel()
            return
        if self._is_followed:
            self._carrier.finish("shutdown", ends.SHUTDOWN)
            return
        if self._link is not None:
            self._link.close()
        self.close()
