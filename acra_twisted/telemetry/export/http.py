"""Exporters over HTTP, and into the log."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import wrapClientTLS
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.logger import Logger
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from acra_twisted.interfaces import ISpanExporter
from acra_twisted.optionkinds import Address
from acra_twisted.telemetry.export.queue import (
    BatchExporter,
    Encoder,
    Later,
    Payload,
    Refused,
    Stale,
)
from acra_twisted.telemetry.export.resource import Resource
from acra_twisted.telemetry.tracing.spans import Span
from acra_twisted.transport.credentials import collector_context
from acra_twisted.transport.endpoints import client_endpoint
from acra_twisted.transport.failures import Party
from acra_twisted.transport.httpclient import AnswerBody, AnswerTooLong, RequestBody, cause
from acra_twisted.transport.keepalive import KeepAlive
from acra_twisted.transport.peers import collector
from acra_twisted.wire.http import retryafter

_RETRIED = frozenset((429, 502, 503, 504))
_ANSWER_LIMIT = 64 * 1024
#: Settings behind answers that mean a wrong setting.
_HINTS = {
    401: ": a token or password is wrong or missing",
    403: ": a token or password is wrong or missing",
    404: ": nothing takes spans there, is the URL's path right?",
    405: ": nothing takes spans there, is the URL's path right?",
    415: ": it takes no such spans, is the URL that of this kind of collector?",
}


@implementer(IAgentEndpointFactory)
class HttpExporter(BatchExporter):
    """Sends batches to a collector with one request each.

    ``headers`` go with every request; they may hold a token and are never shown.  ``compress``:
    bodies are gzip.  ``trust``: CA certificates for an https URL, None for the system's.
    ``setting`` is the option that names the URL, ``now`` the time of day.
    """

    def __init__(
        self,
        reactor: Any,
        name: str,
        url: str,
        encode: Encoder,
        resource: Resource,
        *,
        method: bytes = b"POST",
        headers: Mapping[str, str] | None = None,
        compress: bool = False,
        trust: Any = None,
        timeout: float = 5.0,
        agent: Any = None,
        keepalive: KeepAlive = KeepAlive(),  # noqa: B008 - it cannot be changed
        setting: str = "",
        now: Callable[[], float] = time.time,
        **batching: Any,
    ) -> None:
        party = Party(collector(setting), url)
        super().__init__(reactor, name, encode, resource, party=party, **batching)
        self._url = url.encode()
        self._method = method
        self._headers = {"user-agent": "acra-twisted", **(headers or {})}
        self._compress = compress
        self._trust = trust
        self._timeout = timeout
        self._agent = agent
        self._keepalive = keepalive
        self._now = now
        self._pool: Any = None

    def open(self) -> None:
        """Make the HTTP client.  It is imported here: only who exports pays for it."""
        if self._agent is None:
            from twisted.web.client import Agent, HTTPConnectionPool

            self._pool = HTTPConnectionPool(self._reactor)
            self._agent = Agent.usingEndpointFactory(self._reactor, self, self._pool)

    def endpointForURI(self, uri: Any) -> Any:
        """Twisted's IAgentEndpointFactory: how the collector is reached."""
        host, port = uri.host.decode("ascii"), int(uri.port)
        endpoint = client_endpoint(
            self._reactor, Address(host, port), self._timeout, self._keepalive
        )
        if uri.scheme == b"https":
            endpoint = wrapClientTLS(collector_context(self._trust, host).creator, endpoint)
        return endpoint

    async def close(self) -> None:
        """Close what connections are kept."""
        if self._pool is not None:
            await self._pool.closeCachedConnections()

    def explained(self, error: Exception) -> str:
        """See BatchExporter."""
        return super().explained(cause(error))

    async def send(self, payload: Payload) -> None:
        """One request for each part."""
        for part in payload.parts:
            await self._post(part, payload.headers)

    async def _post(self, body: bytes, own: Mapping[str, str]) -> None:
        from twisted.web.client import ResponseNeverReceived
        from twisted.web.http_headers import Headers

        headers = Headers({name: [text] for name, text in {**self._headers, **own}.items()})
        if self._compress:
            # Level 1: 0.4 us a span for a sixth of the bytes.
            packer = zlib.compressobj(1, wbits=31)
            body = packer.compress(body) + packer.flush()
            headers.setRawHeaders("content-encoding", ["gzip"])
        request = self._agent.request(self._method, self._url, headers, RequestBody(body))
        try:
            response = await request.addTimeout(self._timeout, self._reactor)
        except ResponseNeverReceived as error:
            # So does a request end that was given up: a slow collector is not asked at once.
            if not any(reason.check(ConnectionDone, ConnectionLost) for reason in error.reasons):
                raise
            # Half a second's pause, and a busy daemon's queue would be full.
            raise Stale("the collector has closed the connection") from error
        answer = AnswerBody(_ANSWER_LIMIT)
        response.deliverBody(answer)
        try:
            await answer.over.addTimeout(self._timeout, self._reactor)
        except AnswerTooLong as error:
            raise Refused("its answer is too long: is it a collector?") from error
        if response.code in _RETRIED:
            raise Later(self._wanted_pause(response), f"it answers with status {response.code}")
        if not 200 <= response.code < 300:
            hint = _HINTS.get(response.code, "")
            raise Refused(f"it answers with status {response.code}{hint}")

    def _wanted_pause(self, response: Any) -> float:
        texts = response.headers.getRawHeaders("retry-after", ())
        return max((retryafter.seconds(text, self._now()) for text in texts), default=0.0)


@implementer(ISpanExporter)
class LogExporter:
    """One info line per finished span, with Acra's fields, and one for each of its annotations."""

    name = "log"
    queued = 0

    def __init__(self) -> None:
        self.counts = {"sent": 0}
        self._log = Logger(namespace="acra.span")

    def export(self, span: Span) -> None:
        """Write the line."""
        fields: dict[str, Any] = {
            **{key.replace(".", "_"): value for key, value in span.attributes.items()},
            "trace_id": span.trace_id,
            "span_id": span.span_id,
            "span_name": span.name,
            "duration": f"{(span.end - span.start) // 1_000_000 / 1000:.3f}",
        }
        if span.parent_id:
            fields["parent_span_id"] = span.parent_id
        if span.status:
            fields["status_code"] = span.status
            fields["status_message"] = span.message
        for place, (trace_id, span_id, kind) in enumerate(span.links):
            fields[f"link_trace_id_{place}"] = trace_id
            fields[f"link_span_id_{place}"] = span_id
            fields[f"link_span_type_{place}"] = kind
        self.counts["sent"] += 1
        self._log.info("{span_name}", **fields)
        for _, text, known in span.events:
            self._log.info(
                "{span_name}: {annotation}",
                span_name=span.name,
                annotation=text,
                trace_id=span.trace_id,
                span_id=span.span_id,
                **{key.replace(".", "_"): value for key, value in known.items()},
            )

    def start(self) -> None:
        """Nothing to begin."""

    def stop(self) -> Deferred[None]:
        """Nothing is queued."""
        return succeed(None)
