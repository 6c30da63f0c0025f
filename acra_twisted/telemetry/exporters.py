"""Where finished spans go: a bounded queue each, sent in batches, never in the way of data.

A full queue drops and counts; a slow or dead collector costs a bounded queue and nothing else.
What may be retried (no connection, time-out, 429, 502, 503, 504) is, with growing and jittered
pauses; what may not (any other status) is dropped and counted.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred, succeed
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer

from acra_twisted import events
from acra_twisted.interfaces import ISpanExporter
from acra_twisted.telemetry.spans import Span

Encoder = Callable[[Sequence[Span], str], bytes]

_RETRIED = frozenset((429, 502, 503, 504))
_FIRST_PAUSE, _LAST_PAUSE = 0.5, 30.0
_ANSWER_LIMIT = 64 * 1024
_WARN_EVERY = 60.0


class _Refused(Exception):
    """The collector answered with a status that a retry would not change."""


@implementer(IBodyProducer)
class _Body:
    """A request body that is written in one piece.

    Twisted's FileBodyProducer would write it in turns of a cooperator, which stands still while
    the reactor shuts down: what is flushed last would be lost.
    """

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.length = len(body)

    def startProducing(self, consumer: Any) -> Deferred[None]:
        """Twisted: write."""
        consumer.write(self._body)
        return succeed(None)

    def pauseProducing(self) -> None:
        """Twisted: it is written already."""

    def resumeProducing(self) -> None:
        """Twisted: it is written already."""

    def stopProducing(self) -> None:
        """Twisted: it is written already."""


@implementer(ISpanExporter)
class HttpExporter:
    """Posts batches to a collector.

    ``interval``: seconds between sends; ``deadline``: seconds that `stop` may take.
    """

    def __init__(
        self,
        reactor: Any,
        name: str,
        url: str,
        encode: Encoder,
        content_type: str,
        service: str,
        *,
        max_queue: int = 8192,
        max_batch: int = 256,
        interval: float = 1.0,
        timeout: float = 5.0,
        attempts: int = 5,
        deadline: float = 3.0,
        agent: Any = None,
    ) -> None:
        self.name = name
        self.counts = {"sent": 0, "retried": 0, "dropped_queue_full": 0, "dropped_failed": 0}
        self._reactor = reactor
        self._url = url.encode()
        self._encode = encode
        self._content_type = content_type
        self._service = service
        self._queue: deque[Span] = deque()
        self._max_queue, self._max_batch = max_queue, max_batch
        self._interval, self._timeout = interval, timeout
        self._attempts, self._deadline = attempts, deadline
        self._agent = agent
        self._pool: Any = None
        self._timer: Any = None
        self._sending: Deferred[None] | None = None
        self._pause: Deferred[None] | None = None
        self._stopping = False
        self._warned = -_WARN_EVERY
        self._log = Logger()

    @property
    def queued(self) -> int:
        """Spans waiting."""
        return len(self._queue)

    def export(self, span: Span) -> None:
        """Queue a span; drop and count it if the queue is full."""
        if len(self._queue) >= self._max_queue:
            self.counts["dropped_queue_full"] += 1
            return
        self._queue.append(span)

    def start(self) -> None:
        """Begin sending.  The HTTP client is imported here: only who exports pays for it."""
        if self._agent is None:
            from twisted.web.client import Agent, HTTPConnectionPool

            self._pool = HTTPConnectionPool(self._reactor)
            self._agent = Agent(self._reactor, connectTimeout=self._timeout, pool=self._pool)
        self._timer = self._reactor.callLater(self._interval, self._tick)

    def _tick(self) -> None:
        self._timer = self._reactor.callLater(self._interval, self._tick)
        if self._queue and self._sending is None:
            self._send_all()

    def _send_all(self) -> Deferred[None]:
        sending = self._sending = ensureDeferred(self._drain())

        def done(result: Any) -> None:
            self._sending = None
            if result is not None:
                self._log.failure("span export failed", result)

        sending.addBoth(done)
        return sending

    async def _drain(self) -> None:
        while self._queue:
            size = min(self._max_batch, len(self._queue))
            batch = [self._queue.popleft() for _ in range(size)]
            await self._deliver(batch)

    async def _deliver(self, batch: list[Span]) -> None:
        body = self._encode(batch, self._service)
        pause = _FIRST_PAUSE
        for attempt in range(self._attempts):
            try:
                await self._post(body)
            except _Refused as error:
                self._give_up(batch, str(error))
                return
            except Exception as error:
                # While stopping one more try must do: a kept connection may just have gone stale.
                if attempt + 1 == self._attempts or (self._stopping and attempt):
                    self._give_up(batch, type(error).__name__)
                    return
                self.counts["retried"] += len(batch)
                if not self._stopping:
                    await self._wait(pause * random.uniform(0.5, 1.0))  # noqa: S311
                pause = min(pause * 2, _LAST_PAUSE)
            else:
                self.counts["sent"] += len(batch)
                return

    async def _wait(self, seconds: float) -> None:
        self._pause = deferLater(self._reactor, seconds)
        try:
            await self._pause
        except Exception:  # noqa: S110 - stop() cancels the pause to have the last try made now
            pass
        finally:
            self._pause = None

    async def _post(self, body: bytes) -> None:
        from twisted.web.client import readBody
        from twisted.web.http_headers import Headers

        headers = Headers({"content-type": [self._content_type], "user-agent": ["acra-twisted"]})
        request = self._agent.request(b"POST", self._url, headers, _Body(body))
        response = await request.addTimeout(self._timeout, self._reactor)
        if response.length is not None and isinstance(response.length, int):
            if response.length > _ANSWER_LIMIT:
                response._transport.abortConnection()
                raise _Refused("answer too long")
        await readBody(response).addTimeout(self._timeout, self._reactor)
        if response.code in _RETRIED:
            raise ConnectionError(f"status {response.code}")
        if not 200 <= response.code < 300:
            raise _Refused(f"status {response.code}")

    def _give_up(self, batch: list[Span], why: str) -> None:
        self.counts["dropped_failed"] += len(batch)
        now = self._reactor.seconds()
        if now - self._warned >= _WARN_EVERY:
            self._warned = now
            self._log.warn(
                "Spans could not be exported and were dropped",
                code=events.EXPORT_FAILED,
                exporter=self.name,
                spans=len(batch),
                error=why,
            )

    async def _finish(self) -> None:
        self._stopping = True
        if self._pause is not None:
            self._pause.cancel()
        if self._sending is not None:
            await self._sending
        await self._drain()

    def stop(self) -> Deferred[None]:
        """Send what is queued, within the deadline."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

        async def bounded() -> None:
            try:
                await ensureDeferred(self._finish()).addTimeout(self._deadline, self._reactor)
            except Exception:
                self._give_up(list(self._queue), "shutdown deadline")
                self._queue.clear()
            if self._pool is not None:
                await self._pool.closeCachedConnections()

        return ensureDeferred(bounded())


@implementer(ISpanExporter)
class LogExporter:
    """One info line per finished span, with Acra's fields."""

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

    def start(self) -> None:
        """Nothing to begin."""

    def stop(self) -> Deferred[None]:
        """Nothing is queued."""
        return succeed(None)
