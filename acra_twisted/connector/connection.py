"""One application connection: trace root, link to the server, then bytes both ways.

The application is not read before the link stands and the trace context has been sent on it.
Then its request for TLS, if it makes one, is answered (`StartupWatch`).
From then on chunks are copied and nothing is parsed; or, with ``tracing_scope = request`` and
where a PostgreSQL session is to be seen, a `Relay` follows the protocol and each request gets a
span of its own, whose context goes with it.  Back-pressure works in both directions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.python.failure import Failure

from acra_twisted import events
from acra_twisted.connector.answer import judge
from acra_twisted.connector.farewell import Farewell, asks_to_cancel
from acra_twisted.connector.link import LinkChannel, begin
from acra_twisted.connector.watch import CANCEL, FOREIGN, PASS, StartupWatch
from acra_twisted.dialects.postgresql.startup import ALPN
from acra_twisted.errors import WireError
from acra_twisted.proxy.relay import HANDSHAKE, SHUTDOWN, Relay
from acra_twisted.proxy.valve import CONNECTING, Valve
from acra_twisted.session import Identity, Session
from acra_twisted.telemetry.logs.audit import identity_fields
from acra_twisted.telemetry.tracing import spans
from acra_twisted.telemetry.tracing.spans import Span
from acra_twisted.transport.channel import Channel
from acra_twisted.transport.failures import Party, reason_of, tell
from acra_twisted.transport.peers import APPLICATION
from acra_twisted.wire.link import tracecontext
from acra_twisted.wire.postgres import backend
from acra_twisted.wire.postgres.frames import (
    GSSENC_REQUEST_PACKET,
    SSL_REQUEST_PACKET,
    StartupPacket,
)

if TYPE_CHECKING:
    from acra_twisted.connector.context import ConnectorContext

_FAREWELL_TIME = 5.0
#: So much of what an application has said is kept until the server answers.
_SAID_LIMIT = 16 * 1024
#: How far an application came that has gone without asking for anything.
ACCEPTED, DECLINED_TLS = "accepted", "declined_tls"
_REQUESTS = (SSL_REQUEST_PACKET, GSSENC_REQUEST_PACKET)
_LEFT = (
    "An application asked for TLS, was told that there is none, and left: it may have "
    "sslmode=require. Set application_tls_cert and application_tls_key, or sslmode=prefer. A "
    "certificate: openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj /CN=localhost "
    "-addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout app.key -out app.pem"
)


class ApplicationConnection(Channel):
    """``connector`` is what all connections share."""

    #: See Connections.
    connection_type = "db"
    address = ""

    def __init__(self, connector: ConnectorContext, number: int) -> None:
        self._connector = connector
        self.number = number
        self.identity = Identity(connector.client_id, "", False)
        self._tracing = connector.tracing
        self._link: LinkChannel | None = None
        self._connecting: Deferred[LinkChannel] | None = None
        self._farewell: Farewell | None = None
        self._farewell_until = 0.0
        self._early = b""
        # What the application has said and has no answer to; None once the server has answered.
        self._said: bytes | None = b""
        self._spoken = False
        self._wrap: Span | None = None
        self._is_cut = False
        # The id of the span of the session's startup, if the application brings a context for it.
        self._startup_span = ""
        self._watch: StartupWatch | None = None
        self.relay: Relay | None = None
        #: The session of what is carried unread although requests were to be traced.
        self.unread: Session | None = None
        self.receiver = self._early_data
        self._lost = False
        self._loops: list[Span] = []
        self._valves: tuple[tuple[Valve, str], ...] = ()

    def opened(self) -> None:
        """Accepted: begin the trace and reach the server."""
        connector = self._connector
        self._opened_at = connector.reactor.seconds()
        self.identity.locate(self.transport.getPeer())
        self.span = self._tracing.root("handleConnection", spans.CLIENT)
        self.span.add_attribute("acra.connection_id", self.number)
        self._valve = Valve(lambda: self.transport, connector.reactor.seconds)
        self._valve.close(CONNECTING)
        connector.connections.admit(self)
        if connector.connections.is_full:
            self._event(events.REFUSED_CONNECTION, "Too many connections")
            self._say_farewell("sorry, too many clients already", b"53300")
            return
        if not connector.admits(self):
            self._event(events.REFUSED_CONNECTION, "Whose process it is may not connect")
            self._say_farewell("this user may not connect", b"28000")
            return
        self._wrap = self._tracing.child(self.span, "WrapClient", spans.CLIENT)
        self._attempt = begin(connector.connect, connector.connect_timeout, connector.reactor)
        self._connecting = self._attempt
        self._connecting.addCallbacks(self._established, self._unreachable)
        self._connecting.addErrback(self._broken)

    def _established(self, link: LinkChannel) -> None:
        """The link stands: hand the trace on, then let bytes flow."""
        self._connecting = None
        if self._lost:
            # The server's handshake is complete: to go now is nothing to speak of.
            link.close()
            self._ended()
            return
        tracing = self._tracing
        assert self._wrap is not None  # noqa: S101 - nothing was carried yet
        self._wrap.end = tracing.clock()
        mark = self._connector.mark
        if mark & tracecontext.FOLLOWS:
            self._startup_span = spans.new_span_id()
        link.write(tracecontext.encode(self.span.context, mark, self._startup_span))
        self._link = link
        link.carry(self, self.write)
        self._loops = [
            tracing.child(self.span, "ProxyWithTracing", spans.INTERNAL) for _ in range(2)
        ]
        for loop, direction in zip(self._loops, ("request", "response"), strict=True):
            loop.add_attribute("acra.direction", direction)
        connector = self._connector
        if connector.dialect is not None or connector.application_tls != PASS:
            self._watch = StartupWatch(connector.application_tls)
            self.receiver = self._watch_application
            link.receiver = self._watch_server
        else:
            self._copy(link)
        self._valve.open(CONNECTING)
        early, self._early = self._early, b""
        if early:
            self.receiver(early)

    def _heard(self, data: bytes) -> None:
        """The application says something that has no answer yet."""
        self._spoken = True
        if self._said is not None:
            self._said += data
            if len(self._said) > _SAID_LIMIT:
                self._said = None

    def _emit_wrap(self) -> None:
        """Hand on the span of the link's handshake, now that it was made for something."""
        wrap, self._wrap = self._wrap, None
        if wrap is not None:
            wrap.end = wrap.end or self._tracing.clock()
            self._tracing.emit(wrap)

    def _early_data(self, data: bytes) -> None:
        self._spoken = True
        self._early += data

    def _ignored(self, data: bytes) -> None:
        """Ignore bytes that arrive after the end."""

    # -- what is carried -------------------------------------------------------------------------

    def _copy(self, link: LinkChannel) -> None:
        """Chunk by chunk, unread."""
        if self._said is None:
            self._copy_on(link)
        else:
            self.receiver = lambda data: self._pass(data, link)
            link.receiver = lambda data: self._first_answer(data, link)
        reader = Valve(lambda: link.transport, self._connector.reactor.seconds)
        self._valves = ((reader, "application"), (self._valve, "server"))
        self.register(reader)
        link.register(self._valve)

    def _copy_on(self, link: LinkChannel) -> None:
        """With no method of ours between."""
        self.receiver, link.receiver = link.sender, self.sender

    def _pass(self, data: bytes, link: LinkChannel) -> None:
        """To a server that has not answered yet."""
        self._heard(data)
        self._emit_wrap()
        link.write(data)

    def _first_answer(self, data: bytes, link: LinkChannel) -> None:
        if data == b"N" and self._said in _REQUESTS:
            self._said = b""
        elif self._speaks_otherwise(data):
            return
        else:
            self._said = None
            self._copy_on(link)
        self.write(data)

    def _speaks_otherwise(self, data: bytes) -> bool:
        """Return True if the first answer is not AcraServer's; this also logs an error."""
        wrong, refusal = judge(data, self._said or b"")
        if refusal:
            self._event(
                events.START_CONNECTION,
                "AcraServer refused the session",
                error=refusal,
                local=self._attempt.local or None,
            )
        if wrong is None:
            return False
        reason = reason_of(wrong, self._connector.server)
        tell(self.span, spans.UNAVAILABLE, reason)
        self._event(
            events.WRAP_CONNECTION,
            "Can't wrap connection",
            error=str(reason),
            local=self._attempt.local or None,
        )
        farewell = f"AcraConnector could not connect to AcraServer: {reason.public}"
        if self.relay is not None:
            self.relay.finish("not AcraServer", (b"08006", farewell))
        else:
            link, self._link = self._link, None
            if link is not None:
                link.let_go()
                link.abort()
            self._end_loops()
            self._say_farewell(farewell, b"08006")
        return True

    def _watch_application(self, data: bytes) -> None:
        assert self._watch is not None  # noqa: S101 - there is one in this phase
        self._heard(data)
        try:
            passed = self._watch.from_application(data)
        except WireError as error:
            self._refuse(error)
        else:
            self._watched(passed)

    def _watch_server(self, data: bytes) -> None:
        assert self._watch is not None  # noqa: S101 - there is one in this phase
        if self._speaks_otherwise(data):
            return
        try:
            self._said = b"" if data == b"N" and self._said in _REQUESTS else None
            passed = self._watch.from_server(data)
        except WireError as error:
            self._refuse(error)
        else:
            self._watched(passed)
            self.write(data)

    def _watched(self, data: bytes) -> None:
        watch, link = self._watch, self._link
        assert watch is not None and link is not None  # noqa: S101 - both, in this phase
        if watch.reply:
            self.write(watch.reply)
            watch.reply = self._said = b""
        if data:
            link.write(data)
        if watch.begins_tls or watch.opaque or watch.startup is not None:
            self._emit_wrap()
        if watch.begins_tls:
            self._said = b""
            self.start_tls(self._connector.application_context, False, watch.client_hello)
        elif watch.opaque:
            self._watch = None
            self._copy(link)
            self._carry_unread(watch.opaque)
        elif watch.startup is not None:
            self._watch = None
            self._begin_session(watch, watch.startup, link)

    def tls_started(self) -> None:
        """TLS with the application is complete."""
        begun: Any = self._farewell or self._watch
        if begun.client_hello and self.transport.negotiatedProtocol != ALPN:
            self._event(events.TLS_INIT, "Direct TLS without ALPN postgresql")
            self.abort()
            return
        begun.tls_started()

    def _refuse(self, error: WireError) -> None:
        """The application may not go on so."""
        self._event(events.UNEXPECTED_PACKET, str(error))
        self._watch = None
        self.receiver = self._ignored
        if error.sqlstate:
            self.write(backend.encode_error(b"FATAL", error.sqlstate, str(error)))
        if self._link is not None:
            self._link.receiver = self._ignored
            self._link.close()
        self.close()

    def _begin_session(
        self, watch: StartupWatch, startup: StartupPacket, link: LinkChannel
    ) -> None:
        if self._connector.dialect is None:
            self._copy(link)
            link.write(watch.packet + watch.rest)
            return
        session = self._session()
        self._follow(session, startup, link)
        link.write(watch.packet)
        if watch.rest:
            assert self.relay is not None  # noqa: S101 - made just now
            self.relay.first_from_client(watch.rest)

    def _session(self) -> Session:
        connector = self._connector
        session = Session(self.number, self.identity, connector.observers, self._tracing.clock)
        session.span = self.span
        return session

    def _carry_unread(self, why: str) -> None:
        """Say that its requests are not traced here, if they should be."""
        if self._connector.dialect is None or why == CANCEL:
            return
        self._carry_on_unread(self._session(), why)

    def _carry_on_unread(self, session: Session, why: str) -> None:
        self.unread = session
        session.unread = why
        self.span.add_attribute("acra.unread", why)
        self._connector.carries_unread(self, why)

    def _follow(self, session: Session, startup: StartupPacket, link: LinkChannel) -> None:
        """A session: each request gets a span, and takes its context along."""
        connector = self._connector
        flows = request, response = connector.dialect.follow_session(
            session, startup, self._startup_span
        )
        relay = self.relay = Relay(
            session,
            self,
            link,
            flows,
            connector.pipeline,
            connector.limits,
            fatal=connector.dialect.encode_fatal,
            seconds=connector.reactor.seconds,
            later=connector.reactor.callLater,
            ended=self._session_ended,
            ready=lambda: None if response.announced else self._unfollow(link),
        )
        relay.begin()
        link.receiver = self._first_of_session

    def _first_of_session(self, data: bytes) -> None:
        """The server's first answer to the startup of a session that is followed."""
        assert self.relay is not None and self._link is not None  # noqa: S101 - made in _follow()
        self._link.receiver = self.relay.first_from_database
        if not self._speaks_otherwise(data):
            self.relay.first_from_database(data)

    def _unfollow(self, link: LinkChannel) -> None:
        """The session is ready, and the server is none that knows what could be told to it."""
        relay = self.relay
        assert relay is not None  # noqa: S101 - it says so itself
        self.relay = self._said = None
        said, answered = relay.let_go()
        self._valves = ((relay.database_valve, "application"), (relay.client_valve, "server"))
        self._copy_on(link)
        if answered:
            self.write(answered)
        if said:
            link.write(said)
        self._carry_on_unread(relay.session, FOREIGN)

    def _session_ended(self, reason: str) -> None:
        assert self.relay is not None  # noqa: S101 - it says so itself
        self.receiver = self._ignored
        if self._link is not None:
            self._link.receiver = self._ignored
        self._connector.observers.session_closed(self.relay.session, reason)

    # -- ends -------------------------------------------------------------------------------------

    def _broken(self, failure: Failure) -> None:
        self._connector.log.failure("internal error", failure)
        self.abort()

    def _unreachable(self, failure: Failure) -> None:
        self._connecting = None
        if self._lost:
            self._ended()
            return
        reason = reason_of(failure, self._connector.server)
        reached = bool(self._attempt.local)
        assert self._wrap is not None  # noqa: S101 - nothing was carried yet
        tell(self._wrap, spans.UNAVAILABLE, reason)
        self._wrap.end = self._tracing.clock()
        self._emit_wrap()
        code = events.WRAP_CONNECTION if reached else events.START_CONNECTION
        self.span.fail(spans.UNKNOWN, "" if reached else "Can't connect to AcraServer")
        text = "Can't wrap connection" if reached else "Can't connect to AcraServer"
        self._event(code, text, error=str(reason), local=self._attempt.local or None)
        self._say_farewell(
            f"AcraConnector could not connect to AcraServer: {reason.public}", b"08006"
        )

    def _say_farewell(self, text: str, sqlstate: bytes) -> None:
        tls, begun = self._connector.application_tls, self._watch
        self._farewell = Farewell(text, sqlstate, tls, begun)
        self._watch = None
        self._farewell_until = self._connector.reactor.seconds() + _FAREWELL_TIME
        self.receiver = self._feed_farewell
        self._valve.open(CONNECTING)
        unanswered = self._early or self._said
        self._early, self._said = b"", None
        if unanswered:
            self._feed_farewell(unanswered)

    def _feed_farewell(self, data: bytes) -> None:
        assert self._farewell is not None  # noqa: S101 - the callers have checked
        reply, ends = self._farewell.feed(data)
        if reply:
            self.write(reply)
        if ends:
            self.close()
        elif self._farewell.begins_tls:
            self.start_tls(self._connector.application_context, False, self._farewell.client_hello)

    def server_lost(self, reason: Failure) -> None:
        """The link is gone: what came last has been passed on."""
        self._end_loops()
        relay = self.relay
        unanswered = self._is_unanswered()
        why = reason_of(reason, self._connector.server, stood=True, unanswered=unanswered)
        if unanswered or not (reason.check(ConnectionDone) or (relay and relay.finished)):
            tell(self.span, spans.UNKNOWN, why)
            self._event(
                events.CLOSE_CONNECTION,
                "Lost AcraServer",
                error=str(why),
                local=self._attempt.local or None,
            )
        farewell = f"AcraConnector lost AcraServer before it answered: {why.public}"
        self._link = None
        if relay is not None:
            self.receiver = self._ignored
            relay.database_lost(reason, (b"08006", farewell))
        elif self._lost:
            return
        elif unanswered:
            self._say_farewell(farewell, b"08006")
        else:
            self.receiver = self._ignored
            self.close()

    def _is_unanswered(self) -> bool:
        """Return True if the application waits for the server's first word, or is going to."""
        if self._lost:
            return False
        if self.relay is not None:
            return self.relay.unanswered
        return self._said is not None and not asks_to_cancel(self._said)

    def lost(self, reason: Failure) -> None:
        """The application is gone."""
        self._lost = True
        silent = self._silent_at(reason)
        self._explain(reason)
        link, self._link = self._link, None
        if link is not None:
            link.let_go()
            if self.relay is not None:
                self.relay.client_lost(reason)
            else:
                link.close()
        # A link that is being made goes on until it stands: for the server, who goes in the middle
        # of a handshake is worth a warning.
        if silent:
            self._connector.metrics.left_silently(silent)
        else:
            self._emit_wrap()
            self._end_loops()
            self._tracing.finish(self.span)
        if self.unread is not None and self.unread.unread == FOREIGN:
            self._connector.observers.session_closed(self.unread, "carried unread to its end")
        elif self.relay is None:
            log = self._connector.log.debug if silent else self._connector.log.info
            log(
                "Finished processing client's connection",
                reason="it asked for nothing" if silent else "nothing was followed",
                session_id=self.number,
                trace_id=self.span.trace_id,
                span_id=self.span.span_id,
            )
        if self._connecting is None:
            self._ended()
        elif self._is_cut:
            self._connecting.cancel()

    def _ended(self) -> None:
        """Neither the application nor a link that is being made holds anything any more."""
        connector = self._connector
        connector.connections.release(self, connector.reactor.seconds() - self._opened_at)

    def _explain(self, reason: Failure) -> None:
        """Say why, where TLS with the application may be the reason."""
        begun: Any = self._farewell or self._watch
        if begun is not None and begun.begins_tls:
            text = "TLS with an application failed"
            why = reason_of(reason, Party(APPLICATION))
            self._event(events.TLS_INIT, text, error=str(why))
        elif self._watch is not None and self._watch.declined:
            self._connector.log.info("{event_text}", event_text=_LEFT, session_id=self.number)

    def _silent_at(self, reason: Failure) -> str:
        """How far an application came that has gone without asking for anything; empty if it has
        asked, or if it was sent away."""
        if self._farewell is not None or not reason.check(ConnectionDone, ConnectionLost):
            return ""
        if self._watch is not None and self._watch.declined:
            return DECLINED_TLS
        return "" if self._spoken else ACCEPTED

    def _end_loops(self) -> None:
        for span in self._loops:
            self._tracing.finish(span)

    def check(self, now: float) -> None:
        """Called about once a second."""
        if self._farewell is not None and now > self._farewell_until:
            self.abort()
        relay = self.relay
        if self._watch is not None or (relay is not None and not relay.session.ready):
            if now - self._opened_at > self._connector.handshake_timeout:
                self._drop()
            return
        if relay is not None:
            relay.check(now)
            return
        limit = self._connector.write_timeout
        if not limit or self._link is None:
            return
        for valve, side in self._valves:
            since = valve.blocked_since
            if since is not None and now - since > limit:
                self._event(events.NETWORK_WRITE, f"The {side} does not read")
                self._link.abort()
                self.abort()
                return

    def _drop(self) -> None:
        """It took too long to get ready."""
        if self.relay is not None and self.relay.finished:
            return
        self._event(events.DROPPED_BY_TIMEOUT, "The handshake took too long")
        if self.relay is not None:
            self.relay.finish("handshake timeout", HANDSHAKE)
            return
        self._watch = None
        if self._link is not None:
            self._link.abort()
        self.abort()

    def drain(self) -> None:
        """Shutdown: what is carried and not understood may go on until the time is up."""
        if self.relay is not None:
            self.relay.drain()

    def cut(self) -> None:
        """Shutdown: the time is up."""
        self._is_cut = True
        if self._lost and self._connecting is not None:
            self._connecting.cancel()
            return
        if self.relay is not None:
            self.relay.finish("shutdown", SHUTDOWN)
            return
        if self._link is not None:
            self._link.close()
        self.close()

    def _event(self, code: int, text: str, **fields: Any) -> None:
        self._connector.event(
            code,
            text,
            trace_id=self.span.trace_id,
            span_id=self.span.span_id,
            session_id=self.number,
            **{**identity_fields(self.identity), **fields},
        )
