"""A connection to AcraServer's HTTP API: one request, which the peer's client id may make.

Its spans are ``handleCommandsConnection`` (as Acra's), below it ``processHTTPConnection`` for the
request and ``HandleSession`` for the command.  What the connector, or else the request's own
``traceparent``, has begun goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from acra_twisted import events
from acra_twisted.errors import ConfigError
from acra_twisted.optionkinds import Address
from acra_twisted.options import Settings
from acra_twisted.server.arrival import Arrival
from acra_twisted.telemetry.tracing import spans
from acra_twisted.telemetry.tracing.spans import Span
from acra_twisted.transport.channel import ignored
from acra_twisted.wire.http import apirequest
from acra_twisted.wire.http.head import Head, HeadReader, Refused

if TYPE_CHECKING:
    from acra_twisted.server.context import ServerContext

#: The path in spans where it is none of ours: what it was is a stranger's text.
_UNDEFINED = "undefined"


def check_api(settings: Settings, link_proves: bool) -> None:
    """Raises ConfigError if anybody at all could give commands."""
    address: Address = settings["incoming_connection_api_string"]
    if settings["http_api_enable"] and not link_proves and not address.is_local:
        raise ConfigError(
            f"http_api_enable: whoever reaches {address} could give commands, for the link proves "
            "nobody; use Secure Session or TLS with certificates, or listen on loopback "
            "(incoming_connection_api_string)"
        )


class ApiConnection(Arrival):
    """``commands`` are called by the path of a request; ``clients`` are the ids that may, all if
    it is empty."""

    connection_type = "api"
    span_name = "handleCommandsConnection"

    def __init__(
        self,
        server: ServerContext,
        number: int,
        address: str,
        commands: Mapping[str, Callable[[], None]],
        clients: frozenset[str],
    ) -> None:
        super().__init__(server, number, address)
        self._commands = commands
        self._clients = clients
        self._reader = HeadReader()
        self._began = 0
        self._answered = False

    def begun(self) -> None:
        """See Arrival."""
        self.receiver = self._request_data

    def _request_data(self, data: bytes) -> None:
        self._began = self._began or self._tracing.clock()
        try:
            self._reader.feed(data)
            head = self._reader.next_head()
        except Refused as refused:
            self.event(events.API_CALL, f"HTTP API: {refused.refusal.text}")
            self._end(apirequest.refusal(400, "Bad Request", "incorrect request"))
        else:
            if head is not None:
                self._handle(head)

    def _handle(self, head: Head) -> None:
        path = head.path if head.path in self._commands else _UNDEFINED
        span = self._begin_request(head, path)
        answer = self._judge(head, path, span)
        status = apirequest.status_of(answer)
        span.add_attribute("http.response.status_code", status)
        if status >= 500:
            span.fail(spans.UNKNOWN, "the command failed")
        self._end(answer)
        self._tracing.finish(span)

    def _begin_request(self, head: Head, path: str) -> Span:
        connection = self.span
        assert connection is not None  # noqa: S101 - it has begun
        remote = None if connection.remote_parent else apirequest.context_of(head)
        if remote is None:
            span = self._tracing.child(connection, "processHTTPConnection", spans.SERVER)
        else:
            span = self._tracing.root(
                "processHTTPConnection", spans.SERVER, remote, self._identity.client_id
            )
            span.add_link(connection.trace_id, connection.span_id)
            connection.add_link(span.trace_id, span.span_id)
        span.start = self._began
        span.add_attribute("http.request.method", apirequest.method_of(head))
        span.add_attribute("url.path", path)
        span.add_attribute("acra.client_id", self._identity.client_id)
        return span

    def _judge(self, head: Head, path: str, request: Span) -> bytes:
        """The answer, after the command has been carried out."""
        client_id = self._identity.client_id
        if not client_id or (self._clients and client_id not in self._clients):
            self.event(events.API_CALL, f"HTTP API: {path}: this client id may not give commands")
            return apirequest.refusal(403, "Forbidden", "this client id may not give commands")
        if path == _UNDEFINED or apirequest.is_from_a_page(head):
            self.event(events.API_CALL, f"HTTP API: {path}: incorrect request")
            return apirequest.INCORRECT
        session = self._tracing.child(request, "HandleSession")
        session.add_attribute("http.url", path)
        try:
            self._commands[path]()
        except Exception:
            self._server.log.failure("HTTP API: {path} failed", path=path)
            session.fail(spans.UNKNOWN, "the command failed")
            self.event(events.API_CALL, f"HTTP API: {path}: failed")
            return apirequest.FAILED
        finally:
            self._tracing.finish(session)
        self.event(
            events.API_CALL,
            f"HTTP API: {path}: done",
            action=events.ALLOWED,
            outcome=events.SUCCESS,
        )
        return apirequest.OK

    def _end(self, answer: bytes) -> None:
        self.receiver = ignored
        self._answered = True
        self.write(answer)
        self.close()

    def check(self, now: float) -> None:
        """See Arrival; a peer that does not take its answer is not told of."""
        if not self._answered:
            super().check(now)
        elif now - self._opened_at > self._server.handshake_timeout:
            self.abort()
