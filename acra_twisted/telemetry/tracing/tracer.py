"""The tracer of a request, for stages: spans below the request's, by OpenCensus's names.

OpenCensus's own tracer keeps the current span in a context variable, which is another request's
under Twisted.  Here a span is an object that the stage holds: there is no current span but the
request's.  Nothing is made before a stage asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from acra_twisted.exchange import Exchange
from acra_twisted.telemetry.tracing import spans
from acra_twisted.telemetry.tracing.spans import Span
from acra_twisted.untraced import Untraced
from acra_twisted.wire.link.tracecontext import TraceContext

#: Spans that stages may open below one request.
SPANS_MAX: Final = 32
#: Where an exchange's notes count them.
_OPENED: Final = "tracing.stage_spans"


class Unrecorded(Untraced):
    """The tracer and every span of a request that is not recorded: it has a context all the same,
    so that a service that is asked can be told of the trace."""

    def __init__(self, context_of: Callable[[Exchange], TraceContext], exchange: Exchange) -> None:
        self._context_of = context_of
        self._exchange = exchange

    @property
    def context(self) -> TraceContext:
        """The request's."""
        return self._context_of(self._exchange)

    def span(self, name: str = "span") -> Unrecorded:
        """Return itself."""
        return self

    start_span = span


class _Full(Untraced):
    """Stands for the spans that are too many: its context is that of the span above them."""

    def __init__(self, above: Span) -> None:
        self._above = above

    @property
    def context(self) -> TraceContext:
        """The context of the span above."""
        return self._above.context


class RequestSpan:
    """The request's own span, with the interface of OpenCensus's BaseSpan.  It ends with the
    request.

    Attributes are text, number or truth, 32 at most; others are left out.  Texts are cut at 256
    characters.  Annotations and message events are 32 at most, together; links are 32 at most.

    ``clock`` gives nanoseconds since the epoch; ``finish`` ends a span and hands it on, once.
    """

    children: tuple[Any, ...] = ()

    def __init__(
        self,
        exchange: Exchange,
        record: Span,
        clock: Callable[[], int],
        finish: Callable[[Span], None],
    ) -> None:
        self._exchange = exchange
        self._record = record
        self._clock = clock
        self._finish = finish

    @property
    def name(self) -> str:
        """Its name."""
        return self._record.name

    @property
    def span_id(self) -> str:
        """16 hex digits."""
        return self._record.span_id

    @property
    def context(self) -> TraceContext:
        """Return the context that a propagator of OpenCensus writes into the headers of a
        request."""
        return self._record.context

    def span(self, name: str = "span") -> Any:
        """Return a span below this one, which has begun.  With 32 below one request, what it
        gives records nothing."""
        notes = self._exchange.notes
        opened = notes[_OPENED] = notes.get(_OPENED, 0) + 1
        if opened > SPANS_MAX:
            return _Full(self._record)
        record = self._record.child(name[: spans.NAME_MAX], spans.INTERNAL, self._clock())
        return StageSpan(self._exchange, record, self._clock, self._finish)

    def add_attribute(self, key: str, value: str | int | float) -> None:
        """Put a fact on it: never data, never a literal of a statement."""
        if isinstance(value, (str, int, float)):
            self._exchange.add_attribute(key, spans.bounded(value))

    def add_annotation(self, description: str, **attributes: str | int | float) -> None:
        """Say that something happened now."""
        known = {
            key: spans.bounded(value)
            for key, value in attributes.items()
            if isinstance(value, (str, int, float))
        }
        self._record.add_event((self._clock(), spans.bounded(description), known))

    def add_message_event(self, event: Any) -> None:
        """Say that a message was sent or received now: an OpenCensus MessageEvent."""
        self._record.add_event(spans.message_event(self._clock(), event))

    def add_link(self, link: Any) -> None:
        """Point to another span: an OpenCensus Link."""
        self._record.add_link(link.trace_id, link.span_id, link.type)

    def set_status(self, status: Any) -> None:
        """Take over the code and message of an OpenCensus Status."""
        if status.canonical_code:
            self._record.fail(status.canonical_code, spans.bounded(status.description or ""))

    def start(self) -> None:
        """Do nothing: it has begun."""

    def finish(self) -> None:
        """Do nothing: the request ends it."""

    def __iter__(self) -> Iterator[RequestSpan]:
        yield self


class StageSpan(RequestSpan):
    """A span that a stage has opened, and ends with `finish` or as a context manager.

    One that is never finished is never seen.  It may end after its request.
    """

    @property
    def span_kind(self) -> int:
        """OpenCensus's SpanKind: 0, SERVER (1) or CLIENT (2)."""
        return self._record.kind

    @span_kind.setter
    def span_kind(self, kind: int) -> None:
        self._record.kind = kind

    def add_attribute(self, key: str, value: str | int | float) -> None:
        """Put a fact on it: never data, never a literal of a statement."""
        if isinstance(value, (str, int, float)):
            self._record.add_attribute(key, spans.bounded(value))

    def start(self) -> None:
        """Begin now, not when it was opened."""
        if not self._record.end:
            self._record.start = self._clock()

    def finish(self) -> None:
        """End it.  It is handed on once."""
        self._finish(self._record)

    def __enter__(self) -> StageSpan:
        return self

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        if kind is not None:
            # The error's text may hold data.
            self._record.fail(spans.UNKNOWN, kind.__name__)
        self.finish()


class ExchangeTracer:
    """The part of OpenCensus's Tracer that a stage can use: ``exchange.tracer`` of a request that
    is recorded."""

    def __init__(
        self, exchange: Exchange, clock: Callable[[], int], finish: Callable[[Span], None]
    ) -> None:
        self._span = RequestSpan(exchange, exchange.span, clock, finish)

    @property
    def span_context(self) -> TraceContext:
        """The request's."""
        return self._span.context

    def current_span(self) -> RequestSpan:
        """The request's: a stage may add to it, and cannot end it."""
        return self._span

    def span(self, name: str = "span") -> Any:
        """Open a span below the request's."""
        return self._span.span(name)

    start_span = span

    def add_attribute_to_current_span(self, key: str, value: str | int | float) -> None:
        """Put a fact on the request's span."""
        self._span.add_attribute(key, value)
