"""Traces as records: of what is kept, and of what still runs."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any, Final

from acra_twisted.exchange import Exchange
from acra_twisted.session import Session
from acra_twisted.telemetry.pages import sessions as live
from acra_twisted.telemetry.tracing.records import as_record
from acra_twisted.telemetry.tracing.spans import SERVER, Span
from acra_twisted.telemetry.tracing.store import SpanStore

_SPAN_IDS: Final = (1 << 64) - 1
#: Running spans that are looked at between two turns.
_STEP: Final = 32


class KeptTraces:
    """Gives the traces of a daemon; its arguments are those of `TracePages`."""

    def __init__(
        self,
        service: str,
        store: SpanStore,
        running: Callable[[], Iterable[Span]] = tuple,
        sessions: Callable[[], Iterable[Session]] = tuple,
        clock: Callable[[], int] = lambda: 0,
    ) -> None:
        self.service = service
        self.store = store
        self._running = running
        self._sessions = sessions
        self._clock = clock

    def records(self, trace_id: str) -> Generator[str, None, list[dict[str, Any]]]:
        """Return the spans of a trace by their start, in steps; those that still run say so.
        There are none if nothing of it is kept."""
        records: dict[str, dict[str, Any]] = {}
        for span in self.store.trace(trace_id).spans():
            records[span.span_id] = as_record(span, self.service)
            yield ""
        for number, record in enumerate(self._open(trace_id), 1):
            if record is not None:
                records.setdefault(record["span_id"], record)
            if not number % _STEP:
                yield ""
        return sorted(records.values(), key=lambda record: record["start"])

    def _open(self, trace_id: str) -> Iterator[dict[str, Any] | None]:
        """Find what of a trace has begun and not ended: exchanges with their statements, then
        whatever else runs.  None for what is of another trace."""
        now = self._clock()
        for session in self._sessions():
            yield None
            for _, _, exchange, _ in session.outstanding:
                if exchange is None or live.trace_of(session, exchange) != trace_id:
                    yield None
                else:
                    yield self._running_exchange(exchange, now)
        for span in self._running():
            yield self._running_span(span, now) if span.trace_id == trace_id else None

    def _running_span(self, span: Span, now: int) -> dict[str, Any]:
        record = as_record(span, self.service)
        record["name"] = record["name"] or "(exchange)"
        record["end"] = max(now, span.start)
        record["running"] = True
        return record

    def _running_exchange(self, exchange: Exchange, now: int) -> dict[str, Any]:
        record = self._running_span(exchange.span or _unrecorded(exchange), now)
        session, statement = exchange.session, exchange.statement
        known = record["attributes"]
        known["acra.client_id"] = session.identity.client_id
        known["db.namespace"] = session.database.decode("utf-8", "replace")
        known["acra.in_database"] = bool(exchange.sent)
        record["name"] = exchange.kind
        if statement is not None:
            redacted = live.shown(statement, session.language)
            record["name"] = redacted.summary
            known["db.query.text"] = redacted.text
        return record


def _unrecorded(exchange: Exchange) -> Span:
    """Return a span for an exchange that runs and has none: it is not sampled."""
    connection: Span = exchange.session.span
    span = connection.child("", SERVER, exchange.opened)
    # The same each time that it is looked at.
    span.span_id = f"{exchange.opened & _SPAN_IDS:016x}"
    context = exchange.context
    if context is not None:
        span.trace_id = context.trace_id
        span.span_id = context.span_id or span.span_id
    if exchange.remote is not None:
        span.parent_id = exchange.remote.span_id
    return span
