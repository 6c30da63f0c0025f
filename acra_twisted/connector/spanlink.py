"""The connector's spans to its server, over a link of their own, for the server's pages.

So one daemon shows the whole trace, without a collector and without the server reaching out to
connectors.  It is an exporter like the others: queued, batched, bounded, never in the way of data.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from acra_twisted.connector.link import Attempt, LinkChannel, begin
from acra_twisted.telemetry.export import otlp
from acra_twisted.telemetry.export.queue import BatchExporter, Payload, Refused
from acra_twisted.telemetry.export.resource import Resource
from acra_twisted.wire.link import lengthprefix
from acra_twisted.wire.link.spanlink import ACCEPTED, KEPT

#: Seconds until a server that takes no spans is asked again.
_ASK_AGAIN = 600.0
_BATCH = 64


class LinkExporter(BatchExporter):
    """``connect`` is AcraConnector's; ``timeout`` is for the link and for each answer; ``offer``
    begins a link, see `IServerDialect`."""

    def __init__(
        self,
        reactor: Any,
        resource: Resource,
        connect: Callable[[Attempt], Deferred[Any]],
        timeout: float,
        offer: bytes,
        **batching: Any,
    ) -> None:
        # A batch is far from the limit of a block, whatever its spans hold.
        batching["max_batch"] = min(batching.get("max_batch", _BATCH), _BATCH)
        super().__init__(reactor, "server", otlp.assemble, resource, piece=otlp.piece, **batching)
        self._connect = connect
        self._timeout = timeout
        self._offer = offer
        self._link: LinkChannel | None = None
        self._answer: Deferred[bytes] | None = None
        self._not_before = 0.0

    async def send(self, payload: Payload) -> None:
        """One block for each part; done when the server says that it has it."""
        if self._link is None:
            await self._open_link()
        for part in payload.parts:
            if await self._ask(lengthprefix.encode(part)) != KEPT:
                self._drop()
                raise Refused("AcraServer did not take the spans")

    async def _open_link(self) -> None:
        if self._reactor.seconds() < self._not_before:
            raise Refused("AcraServer takes no spans")
        link = self._link = await begin(self._connect, self._timeout, self._reactor)
        link.carry(self, self._heard)
        if await self._ask(self._offer) != ACCEPTED:
            self._drop()
            self._not_before = self._reactor.seconds() + _ASK_AGAIN
            raise Refused("AcraServer takes no spans")

    async def _ask(self, data: bytes) -> bytes:
        assert self._link is not None  # noqa: S101 - the callers have one
        answer: Deferred[bytes] = Deferred()
        self._answer = answer
        self._link.write(data)
        try:
            return await answer.addTimeout(self._timeout, self._reactor)
        except Exception:
            self._drop()
            raise

    def _drop(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.let_go()
            link.abort()

    # -- what a LinkChannel tells ------------------------------------------------

    def _heard(self, data: bytes) -> None:
        """The server's answer: one byte, for one question is asked at a time."""
        answer, self._answer = self._answer, None
        if answer is not None:
            answer.callback(data)

    def server_lost(self, reason: Failure) -> None:
        """The link is gone; the next batch opens another."""
        self._link = None
        answer, self._answer = self._answer, None
        if answer is not None:
            answer.errback(reason)

    async def close(self) -> None:
        """Close the link."""
        link, self._link = self._link, None
        if link is not None:
            link.close()
