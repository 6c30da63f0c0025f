"""Spans of connections, exchanges, stages and the database: what is recorded when.

Below a connection's ``handleConnection``: one SERVER span per exchange, under it an INTERNAL span
per stage that ran and a CLIENT span for the database.  Exchange spans are objects on the exchange;
there is no current span anywhere.

An exchange that is not sampled carries only its timestamps.  They are enough to make its spans
when it turns out to be denied, failed or slow, which are always kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from acra_twisted.model import ROWS, STATEMENT, Exchange, Session, Work
from acra_twisted.sql.redact import redact
from acra_twisted.telemetry import spans
from acra_twisted.telemetry.sampling import Sampler
from acra_twisted.telemetry.spans import Span
from acra_twisted.telemetry.watcher import Watcher
from acra_twisted.telemetry.zstore import SpanStore
from acra_twisted.verdicts import PASS, Deny, Hangup, Replace
from acra_twisted.wire.tracecontext import TraceContext

#: Exchanges of one connection in its own trace; each further one begins a trace of its own.
EXCHANGES_PER_TRACE: Final = 1000
#: Where a session's notes count its exchanges.
_EXCHANGES: Final = "tracing.exchanges"
_FAILED: Final = {
    "error": spans.UNKNOWN,
    "denied": spans.PERMISSION_DENIED,
    "lost": spans.UNAVAILABLE,
    "aborted": spans.ABORTED,
}
#: Why an exchange is kept that the sampler did not want.
KEPT_REASONS: Final = ("denied", "error", "lost", "slow", "event")
_KINDS: Final = {"startup": "startup", "call": "FunctionCall"}


class Tracing:
    """Makes spans and hands finished ones to ``sink``, sampled or not (see Span.sampled)."""

    def __init__(
        self,
        sampler: Sampler,
        clock: Callable[[], int],
        sink: Callable[[Span], None],
        trusts_remote: bool = True,
        by_client: Mapping[str, Sampler] | None = None,
    ) -> None:
        self._sampler = sampler
        self._by_client = by_client or {}
        self.clock = clock
        #: Hands on a span whose end is set.
        self.emit = sink
        self._trusts_remote = trusts_remote
        #: What the sampler decided, and exchanges that were kept against it, by why.
        self.counts = dict.fromkeys(
            ("sampled", "not_sampled", *(f"kept_{reason}" for reason in KEPT_REASONS)), 0
        )

    def decide(self, remote: TraceContext | None, client_id: str = "") -> tuple[str, bool]:
        """The id of a trace that begins here or goes on here, and whether it is sampled.

        What was set for a client id holds against everybody's wish; else the peer's decision does
        where peers are trusted.
        """
        trace_id = remote.trace_id if remote is not None else spans.new_trace_id()
        override = self._by_client.get(client_id) if self._by_client else None
        if override is not None:
            sampled = override(trace_id, None)
        else:
            sampled = self._sampler(trace_id, remote if self._trusts_remote else None)
        self.counts["sampled" if sampled else "not_sampled"] += 1
        return trace_id, sampled

    def root(
        self, name: str, kind: int, remote: TraceContext | None = None, client_id: str = ""
    ) -> Span:
        """A span that begins a trace, or continues a remote one."""
        trace_id, sampled = self.decide(remote, client_id)
        return self.begin(name, kind, trace_id, remote, self.clock(), sampled)

    @staticmethod
    def begin(
        name: str, kind: int, trace_id: str, remote: TraceContext | None, start: int, sampled: bool
    ) -> Span:
        """The first span of a trace in this process."""
        parent_id = remote.span_id if remote is not None else ""
        return Span(name, trace_id, parent_id, kind, start, sampled, remote is not None)

    def joins(self, span: Span, connection: Span, remote: TraceContext | None) -> None:
        """Move a handshake span, recorded before the context was known, into its trace."""
        connection.add_link(span.trace_id, span.span_id, spans.LINK_PARENT)
        span.trace_id = connection.trace_id
        span.parent_id = remote.span_id if remote is not None else connection.span_id
        span.sampled = connection.sampled
        span.remote_parent = remote is not None
        # The link names the span where it can be found now.
        connection.links = (
            *connection.links[:-1],
            (span.trace_id, span.span_id, spans.LINK_PARENT),
        )

    def child(self, parent: Span, name: str, kind: int = spans.INTERNAL) -> Span:
        """A span below ``parent``, beginning now."""
        return parent.child(name, kind, self.clock())

    def finish(self, span: Span) -> None:
        """End a span, once, and hand it on."""
        if not span.end:
            span.end = self.clock()
            self.emit(span)


#: Where an exchange's spans of stages that look at rows wait for its end.
_ROW_SPANS: Final = "tracing.rows"
#: The id of the database's span, where it was handed on before there was one.
_DATABASE: Final = "tracing.database"


class ExchangeTracing(Watcher):
    """Observer that makes exchange, stage and database spans.

    ``scope``: ``"connection"`` or ``"request"`` (each exchange is its own trace, linked both
    ways).  ``slow`` in nanoseconds, 0 for never.  ``server`` is where the database is; None in a
    connector, which sees a database nowhere: its exchanges are CLIENT spans, with AcraServer's
    below.  ``store`` is that of the trace pages, which may want an exchange that is not sampled
    all the same.
    """

    def __init__(
        self,
        tracing: Tracing,
        *,
        system: str,
        scope: str = "connection",
        slow: int = 0,
        server: tuple[str, int] | None = ("", 0),
        store: SpanStore | None = None,
    ) -> None:
        self._tracing = tracing
        self._system = system
        self._per_request = scope == "request"
        self.slow = slow
        self._server = server
        self._kind = spans.SERVER if server is not None else spans.CLIENT
        self._store = store

    def session_opened(self, session: Session) -> None:
        """The connection's span exists already; its exchanges are counted from here."""
        session.notes[_EXCHANGES] = 0

    def exchange_opened(self, exchange: Exchange) -> None:
        """Give a sampled exchange its span."""
        session = exchange.session
        remote = exchange.remote
        own_trace = self._per_request
        if not own_trace:
            count = session.notes[_EXCHANGES] = session.notes[_EXCHANGES] + 1
            own_trace = count > EXCHANGES_PER_TRACE
        if remote is None and (not own_trace or exchange.kind == "startup"):
            connection: Span = session.span
            if connection.sampled or session.notices:
                exchange.span = connection.child("", self._kind, exchange.opened)
                exchange.span.sampled = True
                connection.kept = connection.kept or session.notices
            return
        trace_id, sampled = self._tracing.decide(remote, session.identity.client_id)
        if sampled or session.notices:
            exchange.span = self._own(exchange, trace_id, True)
        else:
            exchange.unsampled = trace_id

    def _own(self, exchange: Exchange, trace_id: str, sampled: bool) -> Span:
        """The span of an exchange that is not in its connection's trace, linked with it."""
        span = self._tracing.begin(
            "", self._kind, trace_id, exchange.remote, exchange.opened, sampled
        )
        self._link(span, exchange.session.span)
        return span

    def context(self, exchange: Exchange) -> TraceContext:
        """The context of an exchange, sampled or not: what others may be given."""
        span = exchange.span
        if span is not None:
            known: TraceContext = span.context
            return known
        if exchange.given is None:
            trace_id = exchange.unsampled or exchange.session.span.trace_id
            exchange.given = TraceContext(trace_id, spans.new_span_id(), False)
        context: TraceContext = exchange.given
        return context

    def database_context(self, exchange: Exchange) -> TraceContext | None:
        """The context of the database's part of a sampled exchange; else None."""
        span = exchange.span
        if span is None:
            return None
        span_id = exchange.notes[_DATABASE] = spans.new_span_id()
        return TraceContext(span.trace_id, span_id, span.sampled)

    @staticmethod
    def _link(span: Span, connection: Span) -> None:
        span.add_link(connection.trace_id, connection.span_id)
        connection.add_link(span.trace_id, span.span_id)

    def exchange_closed(self, exchange: Exchange) -> None:
        """End the exchange's spans; make them now if it must be kept and was not sampled."""
        if exchange.span is not None or self._tells(exchange):
            self._closed(exchange)
        if exchange.sent:
            exchange.session.answered = exchange.closed

    def _tells(self, exchange: Exchange) -> bool:
        """Whether spans are made of an exchange that is not sampled."""
        took = exchange.closed - exchange.opened
        if exchange.outcome != "ok" or exchange.attributes or 0 < self.slow <= took:
            if self._kept(exchange):
                return True
        # The trace pages may lack a sample of one that took as long.
        return self._store is not None and self._store.wants(took, exchange.closed)

    def _closed(self, exchange: Exchange) -> None:
        span = exchange.span
        if span is None:
            reason = self._kept(exchange)
            connection: Span = exchange.session.span
            span = self._late(exchange, connection)
            if reason:
                # With its connection, which ends later: else it would hang in the air.
                span.sampled = connection.kept = True
                self._tracing.counts[f"kept_{reason}"] += 1
        self._describe(span, exchange)
        span.end = exchange.closed
        row_spans = exchange.take_note(_ROW_SPANS, None)
        if row_spans is not None:
            for rows in row_spans.values():
                self._tracing.emit(rows)
        if self._server is not None and exchange.sent and exchange.outcome != "aborted":
            database = span.child(f"{self._system} {span.name}"[:255], spans.CLIENT, exchange.sent)
            database.span_id = exchange.take_note(_DATABASE, database.span_id)
            known = database.attributes = {
                "db.system.name": self._system,
                "server.address": self._server[0],
                "server.port": self._server[1],
            }
            if exchange.first_byte >= exchange.sent:
                waited = exchange.first_byte - exchange.sent
                known["acra.time.first_byte_ms"] = milliseconds(waited)
            before = exchange.session.answered
            if before > exchange.sent:
                known["acra.time.waiting_ms"] = milliseconds(before - exchange.sent)
            if exchange.outcome == "error":
                database.fail(spans.UNKNOWN, exchange.sqlstate)
            database.end = exchange.closed
            self._tracing.emit(database)
        self._tracing.emit(span)

    def _late(self, exchange: Exchange, connection: Span) -> Span:
        """The span of an exchange for which none was made when it began."""
        if exchange.unsampled:
            span = self._own(exchange, exchange.unsampled, False)
        else:
            span = connection.child("", self._kind, exchange.opened)
        if exchange.given is not None:
            span.span_id = exchange.given.span_id
        return span

    def _kept(self, exchange: Exchange) -> str:
        """Why an exchange must be told of; empty if it need not."""
        if exchange.outcome in ("denied", "error", "lost"):
            return exchange.outcome
        if exchange.attributes is not None and "acra.event_code" in exchange.attributes:
            return "event"
        slow = self.slow and exchange.closed - exchange.opened >= self.slow
        return "slow" if slow else ""

    def _describe(self, span: Span, exchange: Exchange) -> None:
        session = exchange.session
        # One dict, filled at once: a call for each attribute would take as long as all the rest.
        known = span.attributes = {
            "db.system.name": self._system,
            "db.namespace": session.database.decode("utf-8", "replace"),
            "acra.client_id": session.identity.client_id,
        }
        statement = exchange.statement
        if statement is not None:
            shown = redact(statement.text, session.conforming)
            span.name = known["db.query.summary"] = shown.summary
            known["db.query.text"] = shown.text
        else:
            span.name = _KINDS.get(exchange.kind, exchange.kind)
        if exchange.kind == "prepare":
            span.name = f"prepare {span.name}"[:255]
        outcome = exchange.outcome or "ok"
        if exchange.denied_by:
            known["acra.denied_by"] = exchange.denied_by
        if exchange.rows >= 0:
            known["db.response.returned_rows"] = exchange.rows
        if outcome != "ok":
            known["error.type"] = exchange.sqlstate or outcome
            span.fail(_FAILED[outcome], exchange.reason or exchange.sqlstate or outcome)
        if exchange.sqlstate:
            known["db.response.status_code"] = exchange.sqlstate
        total = exchange.closed - exchange.opened
        if exchange.judged:
            known["acra.time.parse_ms"] = milliseconds(exchange.judged - exchange.opened)
        if self._server is not None:
            in_database = exchange.closed - exchange.sent if exchange.sent else 0
            known["acra.verdict"] = "deny" if outcome == "denied" else "allow"
            known["acra.time.database_ms"] = milliseconds(in_database)
            known["acra.time.proxy_ms"] = milliseconds(total - in_database)
        if self.slow and total >= self.slow:
            known["acra.slow"] = True
        if exchange.attributes:
            known.update(exchange.attributes)

    def stage_ran(self, stage: str, work: Work, verdict: Any, started: int, ended: int) -> None:
        """One INTERNAL span for each stage of a sampled exchange."""
        parent: Span | None = work.exchange.span
        if parent is None or not started:
            return
        exchange = work.exchange
        if not exchange.judged and work.kind == STATEMENT:
            exchange.judged = started
        if work.kind == ROWS:
            self._rows_ran(parent, stage, work, verdict, started, ended)
            return
        # As parent.child() would make it; there are more of these than of all others.
        span = Span(
            "stage " + stage,
            parent.trace_id,
            parent.span_id,
            spans.INTERNAL,
            started,
            parent.sampled,
            False,
            {"acra.stage": stage, "acra.verdict": "pass"},
        )
        if verdict is not PASS:
            self._describe_stage(span, stage, verdict)
        span.end = ended
        self._tracing.emit(span)

    def _rows_ran(
        self, parent: Span, stage: str, work: Work, verdict: Any, started: int, ended: int
    ) -> None:
        """One span for all runs of a result's rows: it begins with the first and lasts as long
        as all of them together."""
        kept = work.exchange.notes.setdefault(_ROW_SPANS, {})
        span = kept.get(stage)
        if span is None:
            span = kept[stage] = parent.child(f"stage {stage} rows", spans.INTERNAL, started)
            span.end = started
            span.attributes["acra.runs"] = 0
        span.attributes["acra.runs"] += 1
        span.end += ended - started
        if verdict is not PASS or "acra.verdict" not in span.attributes:
            self._describe_stage(span, stage, verdict)

    def _describe_stage(self, span: Span, stage: str, verdict: Any) -> None:
        known = span.attributes
        known["acra.stage"] = stage
        known["acra.verdict"] = verdict_name(verdict)
        if type(verdict) in (Deny, Hangup):
            span.fail(spans.PERMISSION_DENIED, verdict.reason)

    def stage_failed(self, stage: str, work: Work, failure: Any) -> None:
        """The type of what was raised; its text may hold data."""
        work.exchange.add_attribute("acra.stage_failed", f"{stage}: {failure.type.__name__}")

    def security_event(
        self,
        code: int,
        text: str,
        session: Session | None,
        exchange: Exchange | None,
        **fields: Any,
    ) -> None:
        """The event's code on the exchange's span."""
        if exchange is not None:
            exchange.add_attribute("acra.event_code", code)


def milliseconds(nanoseconds: int) -> float:
    """To the microsecond; three times as fast as `round`."""
    return nanoseconds // 1000 / 1000


def verdict_name(verdict: Any) -> str:
    """``pass``, ``replace``, ``deny`` or ``hangup``."""
    if verdict is PASS:
        return "pass"
    return {Replace: "replace", Deny: "deny", Hangup: "hangup"}[type(verdict)]
