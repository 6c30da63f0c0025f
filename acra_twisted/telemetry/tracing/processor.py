"""Finished spans on their way out: to the trace pages, and into the queue of every exporter.

Three or four of every request that is sampled pass here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from acra_twisted.fast.compiled import mypyc_attr
from acra_twisted.telemetry.tracing.recorded import Recorded
from acra_twisted.telemetry.tracing.spans import Span
from acra_twisted.telemetry.tracing.store import SpanStore

#: Shares of a queue: what is left when fewer requests are recorded, and when none is.
_THINNED: Final = 0.25
_RESERVED: Final = 0.05


@mypyc_attr(allow_interpreted_subclasses=True)
class History:
    """Keeps what has ended in a file, or not, as it decides itself."""

    def add(self, span: Span) -> None:
        """Take a span that is no request."""

    def add_received(self, span: Span) -> None:
        """Take a span of another daemon."""

    def add_recorded(self, recorded: Recorded) -> None:
        """Take a request."""


class SpanProcessor:
    """To ``store``, if there are pages, goes every span; to ``exporters`` (see ISpanExporter) what
    is sampled or kept.  ``history`` is told of every span; None where nothing is kept in a
    file."""

    def __init__(
        self,
        store: SpanStore | None,
        exporters: Iterable[Any],
        history: History | None = None,
    ) -> None:
        self._store = store
        self._history = history
        self._queues: list[SpanQueue] = []
        self._exports: list[Callable[[Span], None]] = []
        for exporter in exporters:
            self.add(exporter)

    def add(self, exporter: Any) -> None:
        """One more.  Straight into its queue, where it has one: a call less for each span."""
        queue = getattr(exporter, "queue", None)
        if queue is None:
            self._exports.append(exporter.export)
        else:
            self._queues.append(queue)

    def room(self) -> float:
        """Return the share of sampled requests that exporters can take, from 0 to 1.

        It is less than 1 if the queue of each is fuller than three quarters: a destination that is
        dead costs the others nothing.
        """
        if self._exports or not self._queues:
            return 1.0
        found = 0.0
        for queue in self._queues:
            found = max(found, queue.room())
        return found

    def put(self, span: Span) -> None:
        """Hand a finished span on, one that is no part of an exchange."""
        if self._history is not None:
            self._history.add(span)
        self._put(span)

    def add_received(self, span: Span) -> None:
        """Hand on a span of another daemon, which exports it itself."""
        if self._store is not None:
            self._store.add_received(span)
        if self._history is not None:
            self._history.add_received(span)

    def _put(self, span: Span) -> None:
        if self._store is not None:
            self._store.add(span)
        if span.sampled or span.kept:
            for queue in self._queues:
                queue.put(span)
            for export in self._exports:
                export(span)

    def put_recorded(self, recorded: Recorded) -> None:
        """Hand the spans of an exchange on, as they were recorded if it is a usual one."""
        if self._history is not None:
            self._history.add_recorded(recorded)
        if not recorded.plain:
            for span in recorded.spans():
                self._put(span)
            return
        if self._store is not None:
            self._store.add_recorded(recorded)
        if recorded.span.sampled:
            for queue in self._queues:
                queue.put_recorded(recorded)
            for export in self._exports:
                for span in recorded.spans():
                    export(span)


class SpanQueue:
    """At most ``limit`` spans; what is beyond is dropped, and counted in ``counts``.

    ``half_full`` is called when half of it has just been taken: who waits longer may be too late.
    What is queued is what ``piece`` makes of a span: made while the span is in the processor's
    caches, and a fifth of its size.  ``pieces`` makes one piece of all spans of an exchange, or
    None if it cannot.  ``failed`` is told of how many spans something was raised, and what.
    """

    def __init__(
        self,
        limit: int,
        half_full: Callable[[], None],
        counts: dict[str, int],
        piece: Callable[[Span], Any] | None = None,
        failed: Callable[[int, Exception], None] = lambda spans, error: None,
        pieces: Callable[[Recorded], Any] | None = None,
    ) -> None:
        self.limit = limit
        self._counts = counts
        self._early = max(limit // 2, 1)
        self._half_full = half_full
        self._piece = piece
        self._pieces = pieces
        self._failed = failed
        self._size = 0
        self._waiting: list[Any] = []
        # How many spans each of them is.
        self._sizes: list[int] = []

    def __len__(self) -> int:
        """Spans."""
        return self._size

    def room(self) -> float:
        """Return 1 up to three quarters of the limit, then less, down to 0 some way before it: what
        is left is for what must be kept."""
        left = 1.0 - self._size / self.limit
        return min(max((left - _RESERVED) / (_THINNED - _RESERVED), 0.0), 1.0)

    def put(self, span: Span) -> None:
        """Queue a span."""
        if self._size >= self.limit:
            self._counts["dropped_queue_full"] += 1
        elif self._piece is None:
            self._put(span, 1)
        else:
            try:
                made = self._piece(span)
            except Exception as error:
                self._failed(1, error)
            else:
                self._put(made, 1)

    def put_recorded(self, recorded: Recorded) -> None:
        """Queue the spans of an exchange."""
        if self._pieces is not None:
            count = len(recorded.ids) // 8 + 1
            if self._size + count > self.limit:
                self._counts["dropped_queue_full"] += count
                return
            try:
                made = self._pieces(recorded)
            except Exception as error:
                self._failed(count, error)
                return
            if made is not None:
                self._put(made, count)
                return
        for span in recorded.spans():
            self.put(span)

    def _put(self, made: Any, size: int) -> None:
        before = self._size
        self._size += size
        self._waiting.append(made)
        self._sizes.append(size)
        if before < self._early <= self._size:
            self._half_full()

    def take(self, count: int) -> tuple[list[Any], int]:
        """The first ones, about ``count`` spans of them, and how many they are.  They are in the
        queue no more."""
        taken = spans = 0
        for size in self._sizes:
            if spans + size > count and spans:
                break
            taken += 1
            spans += size
        made = self._waiting[:taken]
        self._waiting = self._waiting[taken:]
        self._sizes = self._sizes[taken:]
        self._size -= spans
        return made, spans
