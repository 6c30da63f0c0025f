"""How every connection to AcraServer begins, whatever comes on it then.

1. the link's handshake (span ``WrapServer``), which gives the client id;
2. the connector's trace context, if there is one; the connection's own span begins;
3. the first byte of what the connection is for.

A peer that goes before that is counted and otherwise left alone: balancers and watchdogs probe a
port every few seconds.  One that goes in the middle of a handshake is an event.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.python.failure import Failure

from acra_twisted import events
from acra_twisted.authentication.clientidmap import NO, YES, LoginFacts
from acra_twisted.endreason import EndReason, Farewell
from acra_twisted.errors import ForeignProtocol, HandshakeError
from acra_twisted.loginactions import CLIENT, Action, Write
from acra_twisted.proxy import ends
from acra_twisted.session import Identity, Session
from acra_twisted.telemetry.logs.audit import identity_fields
from acra_twisted.telemetry.tracing import spans
from acra_twisted.telemetry.tracing.spans import Span
from acra_twisted.transport import failures, identity, spoken
from acra_twisted.transport.channel import Channel
from acra_twisted.transport.endings import PeerSilent
from acra_twisted.transport.verifier import CertificateRefused
from acra_twisted.wire.link import lengthprefix, tracecontext

if TYPE_CHECKING:
    from acra_twisted.server.context import ServerContext

#: How far a peer came that has said nothing of what it wants.
ACCEPTED, LINKED, DECLINED_TLS = "accepted", "linked", "declined_tls"

#: Is logged of a client that was told that there is no TLS here.
LEFT = (
    "An application asked for TLS, was told that there is none (tls: no certificates configured), "
    "and left: it may have sslmode=require. Let its connector end TLS (application_tls_cert "
    "there), or set tls_cert and client_tls = allow here; through a connector requests are not "
    "traced there then"
)
_WRONG_PORT = "this port is for AcraConnector: connect to the connector's port"


class Arrival(Channel):
    """``server`` is what all connections share.  Those who inherit say in `begun` what is to be
    done with bytes from then on."""

    #: The label of its metrics.
    connection_type = "db"
    #: Name of the connection's span.
    span_name = "handleConnection"

    def __init__(self, server: ServerContext, number: int, address: str) -> None:
        self._server = server
        self.number = number
        self.address = address
        #: The name of the listener that accepted it, empty for the server's own address.
        self.listener = server.listener
        self.receiver = self._link_data
        self._buffer = b""
        self._first = b""
        self._tracing = server.tracing
        self._wrap: Span | None = None
        self.span: Span | None = None
        self._identity = Identity("", address, False)
        #: The user whose secret the client has proven to know, empty if none.
        self.secret_of = b""
        #: What is known so far of the login to come.
        self.facts = LoginFacts(protocol=server.dialect.name)
        self._opened_at = server.reactor.seconds()
        self.session: Session | None = None
        # What its connector says of itself, and the id of its span for the session's startup.
        self._mark = 0
        self._startup_parent = ""
        self._has_begun = False

    # -- for those who inherit --------------------------------------------------------------------

    def begun(self) -> None:
        """The first byte is there, and the connection's span: set `receiver`."""
        raise NotImplementedError

    def linked(self) -> None:
        """The link's handshake is complete."""

    @property
    def is_awaiting(self) -> bool:
        """True if the peer waits for us to speak first."""
        return False

    # -- 1: the link ------------------------------------------------------------------------------

    def opened(self) -> None:
        """The socket is there; limits are checked before anything else is done for it."""
        server = self._server
        peer = self.transport.getPeer()
        self._identity.locate(peer)
        self.facts = self.facts._replace(
            address=getattr(peer, "host", "") or "", tls=YES if server.link_encrypted else NO
        )
        self._wrap = self.parent_span = self._tracing.root("WrapServer", spans.SERVER)
        if not server.connections.admit(self):
            self.event(events.REFUSED_CONNECTION, "Too many connections")
            self.abort()

    def peer_authenticated(self, certificate: bytes | None, client_id: str = "") -> None:
        """The link's handshake is complete."""
        assert self._wrap is not None  # noqa: S101 - made in opened()
        try:
            link = self._shown(certificate, client_id)
        except HandshakeError as error:
            self._not_wrapped(Failure(error), self._wrap)
            self._wrap.end = self._tracing.clock()
            self.abort()
            return
        self.facts = self.facts._replace(link=link)
        self._wrap.end = self._tracing.clock()
        self.receiver = self._context_data
        self.linked()
        if self._buffer:
            data, self._buffer = self._buffer, b""
            self.receiver(data)

    def _shown(self, certificate: bytes | None, client_id: str = "") -> str:
        """Take what the peer has proven in a handshake: its certificate, or its client id, which is
        returned, empty if it has proven none.  Raises HandshakeError."""
        server = self._server
        if certificate is not None:
            self._identity.certificate = identity.subject_of(certificate)
            self.facts = self.facts._replace(certificate=certificate)
            if server.id_from_certificate:
                client_id = client_id or identity.client_id_of(
                    certificate, server.id_from_certificate
                )
        self._identity.client_id = client_id or server.client_id
        return client_id

    @property
    def client_id(self) -> str:
        """The client id, empty if there is none."""
        return self._identity.client_id

    def identified(self, client_id: str, line: int = 0) -> None:
        """Take another client id; ``line`` is that of the map that gives it, if one does."""
        self._identity.client_id = client_id
        if self.span is not None:
            self.span.add_attribute("acra.client_id", client_id)
            if line:
                self._tracing.reconsider(self.span, client_id)
                self.span.add_attribute("acra.client_id_line", line)

    def _link_data(self, data: bytes) -> None:
        self._buffer += data

    # -- 2: trace context -------------------------------------------------------------------------

    def _context_data(self, data: bytes) -> None:
        data = self._buffer + data
        metrics = self._server.metrics
        if len(data) < 4 and data[:1] != b"\x16":
            self._buffer = data
            return
        self._buffer = b""
        self._first = data[: spoken.LOOK]
        remote, blob, offers = None, b"", False
        from_connector = tracecontext.looks_framed(data[:4])
        if from_connector:
            block = lengthprefix.decode(data, tracecontext.LIMIT)
            if block is None:
                self._buffer = data
                return
            blob, end = block
            data = data[end:]
            remote = tracecontext.decode(blob)
            offers = bool(tracecontext.mark_of(blob) & tracecontext.OFFERS)
            # Two blocks in a row are Secure Session: the startup will say so.
            if not (remote or offers) and blob and not tracecontext.looks_framed(data[:4]):
                self.event(events.CANNOT_READ_TRACE, "The connector's trace context is unusable")
        malformed = from_connector and not offers
        result = "continued" if remote else "malformed" if malformed else "absent"
        metrics.trace_context("link", result)
        self._mark, self._startup_parent = tracecontext.mark_of(blob), tracecontext.startup_of(blob)
        self._begin(remote, from_connector)
        if data:
            self.receiver(data)

    def _begin(self, remote: tracecontext.TraceContext | None, from_connector: bool) -> None:
        """The connection's span: in the connector's trace, with the handshake's beside it."""
        tracing, wrap = self._tracing, self._wrap
        assert wrap is not None  # noqa: S101 - made in opened()
        span = self.span = self.parent_span = tracing.root(
            self.span_name,
            spans.SERVER,
            remote,
            self._identity.client_id,
            bool(self._mark & tracecontext.DECIDES),
        )
        self._identity.from_connector = from_connector
        span.add_attribute("from_connector", from_connector)
        span.add_attribute("acra.client_id", self._identity.client_id)
        if self._identity.certificate:
            span.add_attribute("tls.client.subject", self._identity.certificate)
        span.add_attribute("acra.session_id", self.number)
        if self.listener:
            span.add_attribute("acra.listener", self.listener)
        tracing.joins(wrap, span, remote)
        if remote is None:
            # Without a connector the handshake is the beginning of the connection.
            span.start = min(span.start, wrap.start)
        self.receiver = self._first_data
        if self.is_awaiting:
            self._begin_with()

    def _begin_with(self) -> None:
        self._has_begun = True
        self.begun()
        if not self.asks_for_nothing:
            self._emit_wrap()

    def _first_data(self, data: bytes) -> None:
        self._has_begun = True
        self.begun()
        self.receiver(data)
        if not self.asks_for_nothing:
            self._emit_wrap()

    @property
    def asks_for_nothing(self) -> bool:
        """True if the bytes so far ask for nothing."""
        return False

    def _emit_wrap(self) -> None:
        wrap, self._wrap = self._wrap, None
        if wrap is not None:
            wrap.end = wrap.end or self._tracing.clock()
            self._tracing.emit(wrap)

    # -- an application without a connector -------------------------------------------------------

    def misdirected(self, transport: Any) -> None:
        """An application speaks where a connector's handshake should begin: it is told so in its
        own protocol, over ``transport``, and nothing else is done for it."""
        self.transport = transport
        self._ends_foreign(spoken.POSTGRESQL)
        self._emit_wrap()
        self._has_begun = True
        login = self._server.dialect.send_away(EndReason.LOGIN, _WRONG_PORT)
        self.receiver = lambda data: self._tell(login.feed(CLIENT, data))
        self._tell(login.begin())

    def _tell(self, actions: Sequence[Action]) -> None:
        for action in actions:
            if isinstance(action, Write):
                self.write(action.data)
            else:
                # A login that has refused its client asks for nothing else.
                self.close()

    # -- the end ----------------------------------------------------------------------------------

    def check(self, now: float) -> None:
        """Called about once a second: what is not done by now takes too long."""
        if now - self._opened_at > self._server.handshake_timeout:
            self.event(events.DROPPED_BY_TIMEOUT, "The handshake took too long")
            self.abort()

    def drain(self) -> None:
        """Shutdown: nothing is lost by going."""
        self.close()

    def cut(self, reason: str = "shutdown", farewell: Farewell = ends.SHUTDOWN) -> None:
        """End now: the time of a shutdown is up, or for another ``reason``; a session is told."""
        self.abort()

    def revoked(self, why: Failure) -> None:
        """See Channel."""
        if self.session is None:
            super().revoked(why)
        else:
            self.cut("certificate revoked", ends.REVOKED)

    def lost(self, reason: Failure) -> None:
        """The client's connection is gone."""
        silent = self._silent_at(reason)
        if silent:
            self._server.metrics.left_silently(silent)
        else:
            if self._wrap is not None and not self._wrap.end:
                self._not_wrapped(reason, self._wrap)
            self._emit_wrap()
            if self.span is not None:
                self._tracing.finish(self.span)
        if self.session is None:
            log = self._server.log.debug if silent else self._server.log.info
            log(
                "Finished processing client's connection",
                reason="it asked for nothing" if silent else "no session began",
                session_id=self.number,
                peer=self.address,
                client_id=self._identity.client_id,
            )
        self._server.connections.release(self, self._server.reactor.seconds() - self._opened_at)

    def _silent_at(self, reason: Failure) -> str:
        """How far a peer came that has gone without asking for anything; empty if it has asked, or
        if it was sent away."""
        if reason.check(PeerSilent):
            return ACCEPTED
        if self._has_begun or self._wrap is None or not self._wrap.end or self._buffer:
            return ""
        return LINKED if reason.check(ConnectionDone, ConnectionLost) else ""

    def _ends_foreign(self, protocol: str) -> None:
        """The peer speaks something else than this port understands."""
        self._not_wrapped(Failure(ForeignProtocol(protocol)), self._wrap)

    def _not_wrapped(self, failure: Failure, wrap: Span | None) -> None:
        """Why the link's handshake was never done; who it claimed to be has not been proven."""
        reason = failures.reason_of(failure, self._server.peer)
        for span in (wrap, self.span):
            if span is not None:
                failures.tell(span, spans.UNAVAILABLE, reason)
        claimed = getattr(self.transport, "claimed", "") or None
        if isinstance(failure.value, CertificateRefused):
            self._identity.certificate = failure.value.subject
        self.event(
            events.WRAP_CONNECTION,
            "Can't wrap connection",
            error=str(reason),
            claimed_client_id=claimed,
        )

    def event(self, code: int, text: str, **fields: Any) -> None:
        if self.session is None:
            span = self.span or self._wrap
            if span is not None:
                fields.update(trace_id=span.trace_id, span_id=span.span_id)
            fields = {**identity_fields(self._identity), "session_id": self.number, **fields}
        self._server.observers.security_event(code, text, self.session, None, **fields)
