"""OpenCensus's exporters: those that others made, and one that takes what its tracer records.

Those of others are named by dotted path and run on a thread of their own.  They block, and some
raise: our bounded queue stands between, one batch at a time is with them, and what they raise is
counted and said once a minute.
"""

from __future__ import annotations

import importlib
import queue
import threading
from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from acra_twisted.errors import ConfigError
from acra_twisted.telemetry.export.queue import BatchExporter, Payload, Refused
from acra_twisted.telemetry.export.resource import Resource
from acra_twisted.telemetry.export.spandata import from_span_data, to_span_data
from acra_twisted.telemetry.tracing.spans import Span


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


def receiving(hand_on: Callable[[Span], None], reactor: Any) -> Any:
    """Return an OpenCensus Exporter: ``hand_on`` gets each span that it is given, on the reactor's
    thread.  It may be given spans on any thread."""
    from opencensus.trace.base_exporter import Exporter

    class Receiving(Exporter):  # type: ignore[misc]
        """Hands on what OpenCensus's own tracer has recorded."""

        def export(self, span_datas: Iterable[Any]) -> None:
            """Take finished spans."""
            reactor.callFromThread(take, [from_span_data(data) for data in span_datas])

        # A transport calls this, for an exporter that sends by itself.
        emit = export

    def take(spans: Iterable[Span]) -> None:
        for span in spans:
            hand_on(span)

    return Receiving()


class OpenCensusExporter(BatchExporter):
    """``make`` gives an object with ``emit(list of SpanData)``; it is called on our thread."""

    def __init__(self, reactor: Any, name: str, make: Any, **batching: Any) -> None:
        nobody = Resource("")
        super().__init__(reactor, name, lambda spans, resource: Payload(spans), nobody, **batching)
        self._make = make
        #: Spans to emit and what is told of it; None ends the thread.
        self._work: queue.SimpleQueue[tuple[Payload, Deferred[None]] | None] = queue.SimpleQueue()

    def open(self) -> None:
        """Begin the thread; the program does not wait for it at its end."""
        threading.Thread(target=self._run, name=self.name, daemon=True).start()

    async def close(self) -> None:
        """End the thread, once it is back from what it does."""
        self._work.put(None)

    async def send(self, payload: Payload) -> None:
        """Have it emitted.  Raises Refused: what another's code raises, a retry need not change."""
        done: Deferred[None] = Deferred()
        self._work.put((payload, done))
        try:
            await done
        except Exception as error:
            raise Refused(type(error).__name__) from None

    def _run(self) -> None:
        target: Any = None
        while (work := self._work.get()) is not None:
            payload, done = work
            try:
                target = self._make() if target is None else target
                target.emit([to_span_data(span) for span in payload.parts])
            except Exception:
                self._reactor.callFromThread(done.errback, Failure())
            else:
                self._reactor.callFromThread(done.callback, None)
