"""Where finished spans wait: a bounded queue, sent in batches, never in the way of data.

A full queue drops and counts; a slow or dead collector costs a bounded queue and nothing else.
What may be retried is, with growing and jittered pauses; what may not is dropped and counted.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import deferLater
from twisted.logger import Logger
from zope.interface import implementer

from acra_twisted import events
from acra_twisted.interfaces import ISpanExporter
from acra_twisted.telemetry.export.resource import Resource
from acra_twisted.telemetry.tracing.processor import SpanQueue
from acra_twisted.telemetry.tracing.recorded import Recorded
from acra_twisted.telemetry.tracing.spans import Span
from acra_twisted.transport.failures import Party, Role, reason_of

_NOBODY = Party(Role("the destination of spans"))
_FIRST_PAUSE, _LAST_PAUSE = 0.5, 30.0
_WARN_EVERY = 60.0


class Payload(NamedTuple):
    """A batch as a destination understands it.

    ``parts`` are bytes, or what else `send` takes.  ``headers`` are HTTP's, for those that speak
    it.  ``skipped``: spans that are in no part because none can hold them.
    """

    parts: Sequence[Any]
    headers: Mapping[str, str] = {}
    skipped: int = 0


#: Spans, or what was made of them, and whose they are to what is sent.
Encoder = Callable[[Sequence[Any], Resource], Payload]


class Refused(Exception):
    """The destination answered what a retry would not change.  The text holds nothing secret."""


class Later(Exception):
    """The destination has asked to be left alone for so many seconds."""

    def __init__(self, seconds: float, text: str) -> None:
        super().__init__(text)
        self.seconds = seconds


class Stale(Exception):
    """A connection that was kept open is gone, as is found out by using it."""


@implementer(ISpanExporter)
class BatchExporter:
    """Subclasses define `send`.

    ``party`` is where spans go, for log lines.  ``interval``: seconds between sends,
    for which half a queue does not wait; ``deadline``: seconds that `stop` may take.  ``piece``
    makes of each span what is queued and, in batches, encoded; None leaves it as it is.
    ``pieces`` does so for all spans of an exchange at once.
    """

    def __init__(
        self,
        reactor: Any,
        name: str,
        encode: Encoder,
        resource: Resource,
        *,
        party: Party = _NOBODY,
        max_queue: int = 8192,
        max_batch: int = 256,
        interval: float = 1.0,
        attempts: int = 5,
        deadline: float = 3.0,
        piece: Callable[[Span], Any] | None = None,
        pieces: Callable[[Recorded], Any] | None = None,
    ) -> None:
        self.name = name
        self.party = party
        self.counts = {"sent": 0, "retried": 0, "dropped_queue_full": 0, "dropped_failed": 0}
        self._reactor = reactor
        self._encode = encode
        self._resource = resource
        #: Where spans wait to be sent.
        self.queue = SpanQueue(
            max_queue, self._half_full, self.counts, piece, self._not_encoded, pieces
        )
        self._max_batch = max_batch
        self._interval = interval
        self._attempts, self._deadline = attempts, deadline
        self._timer: Any = None
        self._sending: Deferred[None] | None = None
        self._pause: Deferred[None] | None = None
        self._stopping = False
        # When the destination may be asked again, if it has said so.
        self._alone_until = 0.0
        # Tries that failed since one succeeded, and whether the log has been told of them.
        self._failures = 0
        self._told = False
        #: Why spans cannot be sent at this moment; empty if they can.
        self.trouble = ""
        self._warned = -_WARN_EVERY
        self._log = Logger()

    async def send(self, payload: Payload) -> None:
        """Send a batch.  Raises Refused, or anything else for what may be retried: Stale if that
        may be at once."""
        raise NotImplementedError

    async def probe(self) -> None:
        """Send an empty batch, once.  Raises what `send` does."""
        await self.send(self._encode([], self._resource))

    def explained(self, error: Exception) -> str:
        """Return the event and its remedy, in words that name no class."""
        if isinstance(error, Refused | Later | Stale):
            return str(error)
        return str(reason_of(error, self.party))

    def open(self) -> None:
        """Get ready to send; called once, after daemonizing."""

    async def close(self) -> None:
        """Release everything."""

    @property
    def limit(self) -> int:
        """Spans that may wait."""
        return self.queue.limit

    @property
    def queued(self) -> int:
        """Spans waiting."""
        return len(self.queue)

    def _not_encoded(self, count: int, error: Exception) -> None:
        """Our own bug, or what a stage has put on a span: lost, counted, and said once a minute."""
        self.counts["dropped_failed"] += count
        if self._may_warn():
            self._warn(
                "Spans could not be encoded and were dropped",
                error=type(error).__name__,
                spans=count,
            )

    def export(self, span: Span) -> None:
        """Queue a span; drop and count it if the queue is full."""
        self.queue.put(span)

    def _half_full(self) -> None:
        """It is not left to wait: it might be full before the interval ends."""
        if self._timer is not None and self._timer.active():
            self._timer.reset(0)

    def start(self) -> None:
        """Begin sending."""
        self.open()
        self._timer = self._reactor.callLater(self._interval, self._tick)

    def _tick(self) -> None:
        self._timer = self._reactor.callLater(self._interval, self._tick)
        if self.queue and self._sending is None:
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
        while self.queue:
            await self._deliver(*self.queue.take(self._max_batch))

    async def _deliver(self, batch: list[Any], spans: int) -> None:
        try:
            payload = self._encode(batch, self._resource)
        except Exception as error:
            self._not_encoded(spans, error)
            return
        pause = _FIRST_PAUSE
        for attempt in range(self._attempts):
            await self._left_alone()
            if self._stopping and self._alone_until > self._reactor.seconds():
                self._lost(spans, "it wants no spans yet, and the program ends")
                return
            try:
                await self.send(payload)
            except Refused as error:
                self._lost(spans, str(error))
                return
            except Exception as error:
                self._failures += 1
                if isinstance(error, Later):
                    self._alone_until = self._reactor.seconds() + error.seconds
                # While stopping one more try must do: a kept connection may just have gone stale.
                if attempt + 1 == self._attempts or (self._stopping and attempt):
                    self._lost(spans, self.explained(error))
                    return
                self.counts["retried"] += spans
                if isinstance(error, Stale) and not attempt:
                    continue
                if self._failures > 1 or self._alone_until > self._reactor.seconds() + _LAST_PAUSE:
                    self._tell_of_failure(self.explained(error))
                if not self._stopping:
                    await self._wait(pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter is no secret
                pause = min(pause * 2, _LAST_PAUSE)
            else:
                self.counts["sent"] += spans - payload.skipped
                self.counts["dropped_failed"] += payload.skipped
                self._tell_of_success()
                return

    async def _left_alone(self) -> None:
        """Wait as long as the destination has asked for.  Meanwhile the queue fills, and drops."""
        seconds = self._alone_until - self._reactor.seconds()
        if seconds > 0 and not self._stopping:
            await self._wait(seconds)

    async def _wait(self, seconds: float) -> None:
        self._pause = deferLater(self._reactor, seconds)
        try:
            await self._pause
        except Exception:  # noqa: S110 - stop() cancels the pause to have the last try made now
            pass
        finally:
            self._pause = None

    def _lost(self, count: int, why: str) -> None:
        self.counts["dropped_failed"] += count
        self._tell_of_failure(why, spans=count)

    def _tell_of_failure(self, why: str, **fields: Any) -> None:
        """Once, until spans are sent again; and once a minute at most if they come and go."""
        self.trouble = why
        if not self._told and self._may_warn():
            self._told = True
            self._warn(
                "Spans cannot be exported: they wait, and are dropped when nothing helps",
                error=why,
                **fields,
            )

    def _tell_of_success(self) -> None:
        self.trouble = ""
        self._failures = 0
        if self._told:
            self._told = False
            dropped = self.counts["dropped_failed"] + self.counts["dropped_queue_full"]
            self._warn("Spans are exported again", dropped_so_far=dropped)

    def _may_warn(self) -> bool:
        now = self._reactor.seconds()
        if now - self._warned < _WARN_EVERY:
            return False
        self._warned = now
        return True

    def _warn(self, text: str, **fields: Any) -> None:
        where = {"destination": self.party.where} if self.party.where else {}
        self._log.warn(
            "{event_text}",
            event_text=text,
            code=events.EXPORT_FAILED,
            exporter=self.name,
            **where,
            **fields,
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
                _, left = self.queue.take(self.queue.limit)
                self._lost(left, "the program ends, and there was no time to send them")
            await self.close()

        return ensureDeferred(bounded())
