"""Spans of connections, exchanges, stages and the database: what is recorded when.

Below a connection's ``handleConnection``: one SERVER span per exchange, under it an INTERNAL span
per stage that ran and a CLIENT span for the database.  Exchange spans are objects on the exchange;
there is no current span anywhere.

An exchange that is not sampled carries only its timestamps.  They are enough to make its spans
when it turns out to be denied, failed or slow, which are always kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zope.interface import implementer

from acra_twisted.interfaces import IPipelineObserver
from acra_twisted.model import ROWS, Exchange, Session, Work
from acra_twisted.sql.redact import redact
from acra_twisted.telemetry import spans
from acra_twisted.telemetry.sampling import Sampler
from acra_twisted.telemetry.spans import Span
from acra_twisted.telemetry.zstore import SpanStore
from acra_twisted.verdicts import PASS, Deny, Hangup, Replace
from acra_twisted.wire.tracecontext import TraceContext

#: Exchanges of one connection in its own trace; each further one begins a trace of its own.
EXCHANGES_PER_TRACE = 1000
_NS_PER_MS = 1e6
#: Where a session's notes count its exchanges.
_EXCHANGES = "tracing.exchanges"
_FAILED = {
    "error": spans.UNKNOWN,
    "denied": spans.PERMISSION_DENIED,
    "lost": spans.UNAVAILABLE,
    "aborted": spans.ABORTED,
}
#: Why an exchange is kept that the sampler did not want.
KEPT_REASONS = ("denied", "error", "lost", "slow", "event")
_KINDS = {"startup": "startup", "call": "FunctionCall"}


class Tracing:
    """Makes spans and hands finished ones to ``sink``, sampled or not (see Span.sampled)."""

    def __init__(
        self,
        sampler: Sampler,
        clock: Callable[[], int],
        sink: Callable[[Span], None],
        trusts_remote: bool = True,
    ) -> None:
        self._sampler = sampler
        self.clock = clock
        self._sink = sink
        self._trusts_remote = trusts_remote
        #: What the sampler decided, and exchanges that were kept against it, by why.
        self.counts = dict.fromkeys(
            ("sampled", "not_sampled", *(f"kept_{reason}" for reason in KEPT_REASONS)), 0
        )

    def _decide(self, trace_id: str, remote: TraceContext | None) -> bool:
        sampled = self._sampler(trace_id, remote)
        self.counts["sampled" if sampled else "not_sampled"] += 1
        return sampled

    def root(self, name: str, kind: int, remote: TraceContext | None = None) -> Span:
        """A span that begins a trace, or continues a remote one."""
        if remote is None:
            trace_id = spans.new_trace_id()
            sampled = self._decide(trace_id, None)
            return Span(name, trace_id, "", kind, self.clock(), sampled)
        sampled = self._decide(remote.trace_id, remote if self._trusts_remote else None)
        return Span(name, remote.trace_id, remote.span_id, kind, self.clock(), sampled, True)

    def sampled_root(self, name: str, kind: int, remote: TraceContext | None) -> Span | None:
        """As `root`; None, and no span made, where the trace is not sampled."""
        if remote is not None:
            span = self.root(name, kind, remote)
            return span if span.sampled else None
        trace_id = spans.new_trace_id()
        if not self._decide(trace_id, None):
            return None
        return Span(name, trace_id, "", kind, self.clock(), True)

    def joins(self, span: Span, connection: Span, remote: TraceContext | None) -> None:
        """Move a handshake span, recorded before the context was known, into its trace."""
        connection.add_link(span.trace_id, span.span_id, spans.LINK_PARENT)
        span.trace_id = connection.trace_id
        span.parent_id = remote.span_id if remote is not None else connection.span_id
        span.sampled = connection.sampled
        span.remote_parent = remote is not None
        # The link names the span where it can be found now.
        connection.links[-1] = (span.trace_id, span.span_id, spans.LINK_PARENT)

    def child(self, parent: Span, name: str, kind: int = spans.INTERNAL) -> Span:
        """A span below ``parent``, beginning now."""
        return parent.child(name, kind, self.clock())

    def finish(self, span: Span) -> None:
        """End a span, once, and hand it on."""
        if not span.end:
            span.end = self.clock()
            self._sink(span)

    def emit(self, span: Span) -> None:
        """Hand on a span whose end is set."""
        self._sink(span)


#: Where an exchange's spans of stages that look at rows wait for its end.
_ROW_SPANS = "tracing.rows"


@implementer(IPipelineObserver)
class ExchangeTracing:
    """Observer that makes exchange, stage and database spans.

    ``scope``: ``"connection"`` or ``"request"`` (each exchange is its own trace, linked both
    ways).  ``slow`` in nanoseconds, 0 for never.  ``store`` is that of the trace pages, which may
    want an exchange that is not sampled all the same.
    """

    def __init__(
        self,
        tracing: Tracing,
        *,
        system: str,
        scope: str = "connection",
        slow: int = 0,
        server: tuple[str, int] = ("", 0),
        store: SpanStore | None = None,
    ) -> None:
        self._tracing = tracing
        self._system = system
        self._per_request = scope == "request"
        self._slow = slow
        self._server = server
        self._store = store

    def session_opened(self, session: Session) -> None:
        """The connection's span exists already; its exchanges are counted from here."""
        session.notes[_EXCHANGES] = 0

    def session_closed(self, session: Session, reason: str) -> None:
        """Nothing to do: whoever made the connection's span ends it."""

    def exchange_opened(self, exchange: Exchange) -> None:
        """Give a sampled exchange its span."""
        session = exchange.session
        connection: Span = session.span
        remote = exchange.remote
        count = session.notes[_EXCHANGES] = session.notes[_EXCHANGES] + 1
        own_trace = exchange.kind != "startup" and (
            self._per_request or count > EXCHANGES_PER_TRACE
        )
        if remote is None and not own_trace:
            if connection.sampled:
                exchange.span = connection.child("", spans.SERVER, exchange.opened)
            return
        span = self._tracing.sampled_root("", spans.SERVER, remote)
        if span is not None:
            span.start = exchange.opened
            self._link(span, connection)
            exchange.span = span

    @staticmethod
    def _link(span: Span, connection: Span) -> None:
        span.add_link(connection.trace_id, connection.span_id)
        connection.add_link(span.trace_id, span.span_id)

    def exchange_closed(self, exchange: Exchange) -> None:
        """End the exchange's spans; make them now if it must be kept and was not sampled."""
        span = exchange.span
        if span is None:
            reason = self._kept(exchange)
            if not reason and not self._wanted(exchange):
                return
            connection: Span = exchange.session.span
            span = connection.child("", spans.SERVER, exchange.opened)
            if reason:
                # With its connection, which ends later: else it would hang in the air.
                span.sampled = connection.kept = True
                self._tracing.counts[f"kept_{reason}"] += 1
        self._describe(span, exchange)
        span.end = exchange.closed
        for rows in exchange.notes.pop(_ROW_SPANS, {}).values():
            self._tracing.emit(rows)
        if exchange.sent and exchange.outcome != "aborted":
            database = span.child(f"{self._system} {span.name}"[:255], spans.CLIENT, exchange.sent)
            database.add_attribute("db.system.name", self._system)
            database.add_attribute("server.address", self._server[0])
            database.add_attribute("server.port", self._server[1])
            if exchange.first_byte >= exchange.sent:
                waited = (exchange.first_byte - exchange.sent) / _NS_PER_MS
                database.add_attribute("acra.time.first_byte_ms", round(waited, 3))
            if exchange.outcome == "error":
                database.fail(spans.UNKNOWN, exchange.sqlstate)
            database.end = exchange.closed
            self._tracing.emit(database)
        self._tracing.emit(span)

    def _kept(self, exchange: Exchange) -> str:
        """Why an exchange must be told of; empty if it need not."""
        if exchange.outcome in ("denied", "error", "lost"):
            return exchange.outcome
        if exchange.attributes is not None and "acra.event_code" in exchange.attributes:
            return "event"
        slow = self._slow and exchange.closed - exchange.opened >= self._slow
        return "slow" if slow else ""

    def _wanted(self, exchange: Exchange) -> bool:
        """Whether the trace pages lack a sample of an exchange like this one."""
        store = self._store
        return store is not None and store.wants(exchange.closed - exchange.opened)

    def _describe(self, span: Span, exchange: Exchange) -> None:
        session = exchange.session
        put = span.add_attribute
        statement = exchange.statement
        put("db.system.name", self._system)
        put("db.namespace", session.database.decode("utf-8", "replace"))
        if statement is not None:
            shown = redact(statement.text, session.conforming)
            span.name = shown.summary
            put("db.query.summary", shown.summary)
            put("db.query.text", shown.text)
        else:
            span.name = _KINDS.get(exchange.kind, exchange.kind)
        if exchange.kind == "prepare":
            span.name = f"prepare {span.name}"[:255]
        put("acra.client_id", session.identity.client_id)
        outcome = exchange.outcome or "ok"
        put("acra.verdict", "deny" if outcome == "denied" else "allow")
        if exchange.denied_by:
            put("acra.denied_by", exchange.denied_by)
        if exchange.rows >= 0:
            put("db.response.returned_rows", exchange.rows)
        if outcome != "ok":
            put("error.type", exchange.sqlstate or outcome)
            span.fail(_FAILED[outcome], exchange.reason or exchange.sqlstate or outcome)
        if exchange.sqlstate:
            put("db.response.status_code", exchange.sqlstate)
        total = exchange.closed - exchange.opened
        in_database = exchange.closed - exchange.sent if exchange.sent else 0
        put("acra.time.database_ms", round(in_database / _NS_PER_MS, 3))
        put("acra.time.proxy_ms", round((total - in_database) / _NS_PER_MS, 3))
        if self._slow and total >= self._slow:
            put("acra.slow", True)
        if exchange.attributes:
            span.attributes.update(exchange.attributes)

    def stage_ran(self, stage: str, work: Work, verdict: Any, started: int, ended: int) -> None:
        """One INTERNAL span for each stage of a sampled exchange."""
        parent: Span | None = work.exchange.span
        if parent is None or not started:
            return
        if work.kind == ROWS:
            self._rows_ran(parent, stage, work, verdict, started, ended)
            return
        span = parent.child(f"stage {stage}", spans.INTERNAL, started)
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
            span.add_attribute("acra.runs", 0)
        span.attributes["acra.runs"] += 1
        span.end += ended - started
        if verdict is not PASS or "acra.verdict" not in span.attributes:
            self._describe_stage(span, stage, verdict)

    def _describe_stage(self, span: Span, stage: str, verdict: Any) -> None:
        span.add_attribute("acra.stage", stage)
        span.add_attribute("acra.verdict", verdict_name(verdict))
        if type(verdict) in (Deny, Hangup):
            span.fail(spans.PERMISSION_DENIED, verdict.reason)

    def containers_read(self, exchange: Exchange, kind: str, opened: int, failed: int) -> None:
        """The stages put their counts on the exchange."""

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


def verdict_name(verdict: Any) -> str:
    """``pass``, ``replace``, ``deny`` or ``hangup``."""
    if verdict is PASS:
        return "pass"
    return {Replace: "replace", Deny: "deny", Hangup: "hangup"}[type(verdict)]
