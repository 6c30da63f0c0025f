"""A connection to the connector's API port: one HTTP request, handed on to AcraServer's API.

The request's head is read first: its ``traceparent`` may have begun the trace, and what is no HTTP
goes no further.  Then the link is made as for a session, the trace context goes before the request,
and what the server answers is copied until it closes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from acra_twisted import events
from acra_twisted.connector.link import LinkChannel, Way, begin
from acra_twisted.errors import ConfigError
from acra_twisted.optionkinds import Address
from acra_twisted.options import Settings
from acra_twisted.session import Identity, Session
from acra_twisted.telemetry.logs.audit import identity_fields
from acra_twisted.telemetry.tracing import spans
from acra_twisted.telemetry.tracing.spans import Span
from acra_twisted.transport.channel import Channel
from acra_twisted.transport.failures import Role, reason_of, tell
from acra_twisted.wire.http import apirequest
from acra_twisted.wire.http.head import HeadReader, Refused
from acra_twisted.wire.link import tracecontext

if TYPE_CHECKING:
    from acra_twisted.connector.context import ConnectorContext

#: An answer longer than this is none of an API's.
_ANSWER_MAX = 1 << 20
_UNREACHABLE = "AcraConnector could not connect to the API of AcraServer"


def api_address(settings: Settings) -> Address:
    """Where AcraServer's API is.  Raises ConfigError if nothing says so."""
    if settings["acraserver_connection_host"]:
        return Address(
            settings["acraserver_connection_host"], settings["acraserver_api_connection_port"]
        )
    address: Address | None = settings["acraserver_api_connection_string"]
    if address is None:
        raise ConfigError(
            "acraserver_api_connection_string: with http_api_enable name the server's API, as "
            "tcp://host:9090"
        )
    return address


def api_role(server: Role) -> Role:
    """The role of AcraServer's API, whose link is protected as that of sessions is."""
    return replace(
        server,
        name=f"the API of {server.name}",
        address="acraserver_api_connection_string",
        speaks={},
    )


class ApiConnection(Channel):
    """``connector`` is what all connections share, ``api`` the way to its server's API."""

    #: See Connections.
    connection_type = "api"
    #: The daemon's own: its API has no name.
    listener = ""
    address = ""
    #: See `daemon.running`: there is no session.
    session: Session | None = None

    def __init__(self, connector: ConnectorContext, number: int, api: Way) -> None:
        self._connector = connector
        self.number = number
        self._api = api
        self._identity = Identity(connector.client_id, "", False)
        self._tracing = connector.tracing
        self.span: Span | None = None
        self._wrap: Span | None = None
        self._loops: list[Span] = []
        self._reader = HeadReader()
        self._request = b""
        self._connecting: Deferred[LinkChannel] | None = None
        self._link: LinkChannel | None = None
        self._answered = 0
        self._lost = False
        self.receiver = self._requested

    def opened(self) -> None:
        """Accepted."""
        connector = self._connector
        self._opened_at = connector.reactor.seconds()
        self._accepted = self._tracing.clock()
        self._identity.locate(self.transport.getPeer())
        connector.connections.admit(self)
        if connector.connections.is_full:
            self._refuse(503, "Service Unavailable", "too many connections")
        elif not connector.admits(self):
            self._refuse(403, "Forbidden", "this user may not connect")

    # -- the request ------------------------------------------------------------------------------

    def _requested(self, data: bytes) -> None:
        """Read the request's head, and drop what follows."""
        if self.span is not None:
            return
        self._request += data
        try:
            self._reader.feed(data)
            head = self._reader.next_head()
        except Refused:
            self._refuse(400, "Bad Request", "incorrect request")
            return
        if head is None:
            return
        if apirequest.is_from_a_page(head):
            self._refuse(403, "Forbidden", "web pages may not give commands")
            return
        self._request = self._request[: len(self._request) - self._reader.waiting]
        self._begin(apirequest.context_of(head))

    def _begin(self, remote: tracecontext.TraceContext | None) -> None:
        """The trace, and the link to the server."""
        connector, tracing = self._connector, self._tracing
        span = self.span = self._root(remote)
        wrap = self._wrap = tracing.child(span, "WrapClient", spans.CLIENT)
        timeout = connector.connect_timeout
        self._attempt = begin(self._api.connect, timeout, connector.reactor, wrap)
        self._connecting = self._attempt
        self._connecting.addCallbacks(self._established, self._unreachable)

    def _root(self, remote: tracecontext.TraceContext | None = None) -> Span:
        span = self._tracing.root("handleConnection", spans.CLIENT, remote)
        span.start = self._accepted
        span.add_attribute("acra.connection_id", self.number)
        return span

    def _established(self, link: LinkChannel) -> None:
        self._connecting = None
        if self._lost:
            link.abort()
            return
        span, wrap = self.span, self._wrap
        assert span is not None and wrap is not None  # noqa: S101 - made in _begin()
        self._tracing.finish(wrap)
        for direction in ("request", "response"):
            loop = self._tracing.child(span, "ProxyWithTracing", spans.INTERNAL)
            loop.add_attribute("acra.direction", direction)
            self._loops.append(loop)
        self._link = link
        link.carry(self, self._heard)
        link.write(tracecontext.encode(span.context, self._connector.mark) + self._request)

    # -- the answer -------------------------------------------------------------------------------

    def _heard(self, data: bytes) -> None:
        """A part of it."""
        self._answered += len(data)
        if self._answered > _ANSWER_MAX:
            self._event(events.CLOSE_CONNECTION, "The answer of AcraServer's API is too long")
            self.abort()
            return
        self.write(data)

    def server_lost(self, reason: Failure) -> None:
        """The server has closed: that is the end of its answer."""
        self._link = None
        if not self._answered:
            self._failed(reason, stood=True)
        else:
            self.close()

    def _unreachable(self, failure: Failure) -> None:
        self._connecting = None
        if not self._lost:
            self._failed(failure)

    def _failed(self, failure: Failure, stood: bool = False) -> None:
        reason = reason_of(failure, self._api.party, stood=stood)
        for span in (self._wrap, self.span):
            if span is not None and not span.end:
                tell(span, spans.UNAVAILABLE, reason)
        if self._wrap is not None:
            self._tracing.finish(self._wrap)
        self._event(
            events.START_CONNECTION,
            "Can't connect to the API of AcraServer",
            error=str(reason),
            local=self._attempt.local or None,
        )
        self._refuse(502, "Bad Gateway", f"{_UNREACHABLE}: {reason.public}")

    def _refuse(self, status: int, reason: str, text: str) -> None:
        if self.span is None:
            self.span = self._root()
            self._event(events.API_CALL, f"HTTP API: {text}")
        self.write(apirequest.refusal(status, reason, text))
        self.close()

    # -- the end ----------------------------------------------------------------------------------

    def lost(self, reason: Failure) -> None:
        """The program that asked is gone, or we are done with it."""
        self._lost = True
        link, self._link = self._link, None
        if link is not None:
            link.let_go()
            link.close()
        if self._connecting is not None:
            self._connecting.cancel()
        for span in (*self._loops, self.span):
            if span is not None:
                self._tracing.finish(span)
        if self.span is None and not self._request:
            self._connector.metrics.left_silently("accepted")
        seconds = self._connector.reactor.seconds() - self._opened_at
        self._connector.connections.release(self, seconds)

    def check(self, now: float) -> None:
        """Called about once a second: a request and its answer take no longer than a handshake."""
        if now - self._opened_at > self._connector.handshake_timeout:
            if self.span is None:
                self.span = self._root()
            self._event(events.DROPPED_BY_TIMEOUT, "A command took too long")
            self.abort()

    def drain(self) -> None:
        """Shutdown: an answer that is awaited may come until the time is up."""
        if self._link is None and self._connecting is None:
            self.close()

    def cut(self) -> None:
        """Shutdown: the time is up."""
        self.abort()

    def _event(self, code: int, text: str, **fields: Any) -> None:
        span = self.span
        if span is not None:
            fields.update(trace_id=span.trace_id, span_id=span.span_id)
        self._connector.event(
            code, text, session_id=self.number, **{**identity_fields(self._identity), **fields}
        )
