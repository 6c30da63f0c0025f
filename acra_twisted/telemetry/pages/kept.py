"""Traces as records: of what is kept in memory, of what still runs, and of the history."""

from __future__ import annotations

from collections.abc import Callable, Container, Generator, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from acra_twisted.exchange import Exchange
from acra_twisted.session import Session
from acra_twisted.telemetry.pages import sessions as live
from acra_twisted.telemetry.pages.rendering import Piece
from acra_twisted.telemetry.tracing.records import as_record
from acra_twisted.telemetry.tracing.spans import SERVER, Span
from acra_twisted.telemetry.tracing.store import SpanStore

if TYPE_CHECKING:
    from acra_twisted.telemetry.pages.past import Past

#: Said of what is not kept any more.
NOT_KEPT: Final = "Not found: only recent traces are kept"
_SPAN_IDS: Final = (1 << 64) - 1
#: Running spans that are looked at between two turns.
_STEP: Final = 32
#: The same of spans of which records are made.
_FEW: Final = 4


class KeptTraces:
    """Gives the traces of a daemon; its arguments are those of `TracePages`.  ``past`` asks the
    history, where there is one."""

    def __init__(
        self,
        service: str,
        store: SpanStore,
        running: Callable[[], Iterable[Span]] = tuple,
        sessions: Callable[[], Iterable[Session]] = tuple,
        clock: Callable[[], int] = lambda: 0,
        past: Past | None = None,
    ) -> None:
        self.past = past
        self.service = service
        self.store = store
        self._running = running
        self._sessions = sessions
        self._clock = clock

    def records(self, trace_id: str) -> Generator[Piece, None, list[dict[str, Any]]]:
        """Return the spans of a trace by their start, in steps; those that still run say so.
        A trace that is neither in memory nor runs is looked for in the history.  There are none if
        nothing of it is kept."""
        return (yield from self.some([trace_id]))[trace_id]

    def some(
        self, trace_ids: Sequence[str]
    ) -> Generator[Piece, None, dict[str, list[dict[str, Any]]]]:
        """Return the same of each of these traces, by their ids."""
        found: dict[str, dict[str, dict[str, Any]]] = {}
        looked = 0
        for trace_id, kept in self.store.some(trace_ids).items():
            records = found[trace_id] = {}
            for span in kept.spans():
                records[span.span_id] = as_record(span, self.service)
                looked += 1
                if not looked % _FEW:
                    yield ""
        for number, record in enumerate(self._open(found), 1):
            if record is not None:
                found[record["trace_id"]].setdefault(record["span_id"], record)
            if not number % _STEP:
                yield ""
        whole = {}
        for trace_id, records in found.items():
            if not records and self.past is not None:
                whole[trace_id] = list((yield from self.past.trace(trace_id)).rows)
            else:
                whole[trace_id] = sorted(records.values(), key=lambda record: record["start"])
        return whole

    def why_missing(self) -> str:
        """Say why there is nothing of a trace that was just looked for."""
        if self.past is None:
            return f"{NOT_KEPT}, and trace_store_file keeps more of them"
        if self.past.trouble:
            return f"{NOT_KEPT} in memory, and {self.past.trouble}"
        return f"{NOT_KEPT} in memory, and the history does not have it"

    def _open(self, trace_ids: Container[str]) -> Iterator[dict[str, Any] | None]:
        """Find what of some traces has begun and not ended: exchanges with their statements, then
        whatever else runs.  None for what is of another trace."""
        now = self._clock()
        for session in self._sessions():
            yield None
            for _, _, exchange, _ in session.outstanding:
                if exchange is None or live.trace_of(session, exchange) not in trace_ids:
                    yield None
                else:
                    yield self._running_exchange(exchange, now)
        for span in self._running():
            yield self._running_span(span, now) if span.trace_id in trace_ids else None

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
