"""Finished spans on their way out: to the trace pages, and into the queue of every exporter.

Three or four of every request that is sampled pass here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from acra_twisted.telemetry.spans import Span
from acra_twisted.telemetry.zstore import SpanStore


class Outlet:
    """To ``store``, if there are pages, goes every span; to ``exporters`` (see ISpanExporter) what
    is sampled or kept."""

    def __init__(self, store: SpanStore | None, exporters: Iterable[Any]) -> None:
        self._store = store
        self._exports: list[Callable[[Span], None]] = []
        for exporter in exporters:
            self.add(exporter)

    def add(self, exporter: Any) -> None:
        """One more.  Straight into its queue, where it has one: a call less for each span."""
        queue = getattr(exporter, "queue", None)
        self._exports.append(exporter.export if queue is None else queue.put)

    def put(self, span: Span) -> None:
        """Hand a finished span on."""
        if self._store is not None:
            self._store.add(span)
        if span.sampled or span.kept:
            for export in self._exports:
                export(span)


class SpanQueue:
    """At most ``limit`` spans; what is beyond is dropped, and counted in ``counts``.

    ``half_full`` is called when half of it has just been taken: who waits longer may be too late.
    What is queued is what ``piece`` makes of a span: made while the span is in the processor's
    caches, and a fifth of its size.  ``failed`` is told what it raised.
    """

    def __init__(
        self,
        limit: int,
        half_full: Callable[[], None],
        counts: dict[str, int],
        piece: Callable[[Span], Any] | None = None,
        failed: Callable[[Exception], None] = lambda error: None,
    ) -> None:
        self.limit = limit
        self._counts = counts
        self._early = max(limit // 2, 1)
        self._half_full = half_full
        self._piece = piece
        self._failed = failed
        self._waiting: list[Any] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, span: Span) -> None:
        """Queue a span."""
        size = len(self._waiting)
        if size >= self.limit:
            self._counts["dropped_queue_full"] += 1
            return
        if self._piece is None:
            self._waiting.append(span)
        else:
            try:
                self._waiting.append(self._piece(span))
            except Exception as error:
                self._failed(error)
                return
        if size + 1 == self._early:
            self._half_full()

    def take(self, count: int) -> list[Any]:
        """The first ones, which are in the queue no more."""
        taken = self._waiting[:count]
        self._waiting = self._waiting[count:]
        return taken
