"""Exporters that others made for OpenCensus, named by dotted path, on a thread of their own.

They block, and some raise: a bounded queue stands between them and us, and what they raise is
counted and said once a minute.
"""

from __future__ import annotations

import importlib
import queue
import threading
import time
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.threadpool import ThreadPool
from zope.interface import implementer

from acra_twisted import events
from acra_twisted.errors import ConfigError
from acra_twisted.interfaces import ISpanExporter
from acra_twisted.telemetry.spans import Span, to_span_data

_WARN_EVERY = 60.0
_STOP = None


def load(path: str) -> Any:
    """The class that a dotted path names.  Raises ConfigError."""
    module, _, name = path.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(f"tracing_exporters: cannot import {path!r}: {error}") from None
    if not callable(found) or not hasattr(found, "emit"):
        raise ConfigError(
            f"tracing_exporters: {path!r} is no OpenCensus exporter (a class with a method emit)"
        )
    return found


@implementer(ISpanExporter)
class ForeignExporter:
    """``make`` gives an object with ``emit(list of SpanData)``; it is called on our thread."""

    def __init__(
        self,
        reactor: Any,
        name: str,
        make: Any,
        *,
        max_queue: int = 8192,
        max_batch: int = 256,
        interval: float = 1.0,
        deadline: float = 3.0,
    ) -> None:
        self.name = name
        self.counts = {"sent": 0, "dropped_queue_full": 0, "dropped_failed": 0}
        self._reactor = reactor
        self._make = make
        self._queue: queue.Queue[Span | None] = queue.Queue(max_queue)
        self._max_batch, self._interval, self._deadline = max_batch, interval, deadline
        self._thread: threading.Thread | None = None
        self._warned = -_WARN_EVERY
        self._log = Logger()

    @property
    def queued(self) -> int:
        """Spans waiting."""
        return self._queue.qsize()

    def export(self, span: Span) -> None:
        """Queue a span; drop and count it if the queue is full."""
        try:
            self._queue.put_nowait(span)
        except queue.Full:
            self.counts["dropped_queue_full"] += 1

    def start(self) -> None:
        """Begin the thread."""
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        target: Any = None
        while True:
            batch, ends = self._batch()
            if batch:
                try:
                    target = self._make() if target is None else target
                    target.emit([to_span_data(span) for span in batch])
                except Exception as error:
                    self.counts["dropped_failed"] += len(batch)
                    self._reactor.callFromThread(self._warn, type(error).__name__)
                else:
                    self.counts["sent"] += len(batch)
            if ends:
                return

    def _batch(self) -> tuple[list[Span], bool]:
        """What has come within the interval, and whether it is the last."""
        first = self._queue.get()
        if first is _STOP:
            return [], True
        batch = [first]
        until = time.monotonic() + self._interval
        while len(batch) < self._max_batch:
            try:
                one = self._queue.get(timeout=max(until - time.monotonic(), 0))
            except queue.Empty:
                break
            if one is _STOP:
                return batch, True
            batch.append(one)
        return batch, False

    def _warn(self, why: str) -> None:
        now = self._reactor.seconds()
        if now - self._warned >= _WARN_EVERY:
            self._warned = now
            self._log.warn(
                "Spans could not be exported and were dropped",
                code=events.EXPORT_FAILED,
                exporter=self.name,
                error=why,
            )

    def stop(self) -> Deferred[None]:
        """Send what is queued, within the deadline."""
        pool = ThreadPool(0, 1, "exporter's end")
        pool.start()
        ended: Deferred[None] = deferToThreadPool(self._reactor, pool, self._end)
        return ended.addBoth(lambda _: pool.stop())

    def _end(self) -> None:
        until = time.monotonic() + self._deadline
        try:
            self._queue.put(_STOP, timeout=self._deadline)
        except queue.Full:
            return
        if self._thread is not None:
            self._thread.join(max(until - time.monotonic(), 0))
