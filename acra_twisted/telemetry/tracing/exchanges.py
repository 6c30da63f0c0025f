"""Spans of connections, exchanges, stages and the database: what is recorded when.

Below a connection's ``handleConnection``: one SERVER span per exchange, under it an INTERNAL span
per stage that ran and a CLIENT span for the database.  Exchange spans are objects on the exchange;
there is no current span anywhere.

An exchange that is not sampled carries only its timestamps.  They are enough to make its spans
when it turns out to be denied, failed or slow, which are always kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from acra_twisted.exchange import Exchange, Work
from acra_twisted.pipeline.observers import RunObserver
from acra_twisted.session import Session
from acra_twisted.telemetry.tracing import spans
from acra_twisted.telemetry.tracing.backpressure import Backpressure
from acra_twisted.telemetry.tracing.columnvalues import describe
from acra_twisted.telemetry.tracing.recorded import (
    DATABASE,
    Recorded,
    Recorder,
)
from acra_twisted.telemetry.tracing.sampling import AUTO, EVERYBODY, Decision, Sampler
from acra_twisted.telemetry.tracing.spans import Span
from acra_twisted.telemetry.tracing.store import SpanStore
from acra_twisted.telemetry.tracing.tracer import ExchangeTracer, Unrecorded
from acra_twisted.verdicts import Deny, Hangup
from acra_twisted.wire.link.tracecontext import TraceContext

if TYPE_CHECKING:
    from mypy_extensions import i64

#: Exchanges of one connection in its own trace; each further one begins a trace of its own.
EXCHANGES_PER_TRACE: Final = 1000
#: Where a session's notes count its exchanges.
_EXCHANGES: Final = "tracing.exchanges"
#: Why an exchange is kept that the sampler did not want.
KEPT_REASONS: Final = ("denied", "error", "lost", "slow", "event")


class Tracing:
    """Makes spans and hands finished ones to ``sink``, sampled or not (see Span.sampled).

    ``recorded`` gets exchanges as a whole, of which it makes spans when it wants to; without it
    ``sink`` gets their spans.
    """

    def __init__(
        self,
        sampler: Decision,
        clock: Callable[[], int],
        sink: Callable[[Span], None],
        trust: str = AUTO,
        by_client: Mapping[str, Decision] | None = None,
        recorded: Callable[[Recorded], None] | None = None,
    ) -> None:
        self._sampler = sampler
        # The same where it is ours: between compiled modules it is called in a fifth of the time.
        self._own_sampler = sampler if isinstance(sampler, Sampler) else None
        self._by_client = by_client or {}
        self.clock = clock
        #: Hands on a span whose end is set.
        self.emit = sink
        #: Hands on an exchange.
        self.emit_recorded = recorded
        self._trust = trust
        #: Whether anybody takes what is recorded.  If not, what the sampler decides is carried on
        #: all the same.
        self.recording = True
        #: Decides if destinations take one more sampled request; None: they take all.
        self.backpressure: Backpressure | None = None
        self._sampled = 0
        self._not_sampled = 0
        self._kept = dict.fromkeys((f"kept_{reason}" for reason in KEPT_REASONS), 0)

    def decide(
        self, remote: TraceContext | None, client_id: str = "", decides: bool = True
    ) -> tuple[str, bool]:
        """The id of a trace that begins here or goes on here, and whether it is sampled.

        What was set for a client id holds against everybody's wish; else the peer's decision does
        where peers are trusted.  ``decides``: the peer has made one, and does not say "sampled" of
        every trace.
        """
        trace_id = remote.trace_id if remote is not None else spans.new_trace_id()
        override = self._by_client.get(client_id) if self._by_client else None
        if override is not None:
            sampled = override(trace_id, None)
        else:
            trusted = decides if self._trust == AUTO else self._trust == EVERYBODY
            decided, own = remote if trusted else None, self._own_sampler
            sampled = (
                self._sampler(trace_id, decided) if own is None else own.decide(trace_id, decided)
            )
        if sampled:
            self._sampled += 1
        else:
            self._not_sampled += 1
        return trace_id, sampled

    def reconsider(self, span: Span, client_id: str) -> None:
        """Have the sampler of a client id, if it has its own, decide about a trace that began
        before the id was known.  Spans that have ended are as they were."""
        override = self._by_client.get(client_id) if self._by_client else None
        if override is not None:
            span.sampled = override(span.trace_id, None)

    def counts(self) -> dict[str, int]:
        """Return the numbers of the sampler's decisions, and of exchanges kept against them by
        reason."""
        thinned = self.backpressure.thinned if self.backpressure is not None else 0
        return {
            "sampled": self._sampled,
            "not_sampled": self._not_sampled,
            "thinned": thinned,
            **self._kept,
        }

    def admits(self) -> bool:
        """Tell whether the destinations of spans can take one more sampled request."""
        return self.backpressure is None or self.backpressure.admits()

    def count_kept(self, reason: str) -> None:
        """One was, for one of `KEPT_REASONS`."""
        self._kept[f"kept_{reason}"] += 1

    def root(
        self,
        name: str,
        kind: int,
        remote: TraceContext | None = None,
        client_id: str = "",
        decides: bool = True,
    ) -> Span:
        """A span that begins a trace, or continues a remote one; see `decide`."""
        trace_id, sampled = self.decide(remote, client_id, decides)
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

    def finish_exchange(self, recorded: Recorded) -> None:
        """Hand on one that has ended."""
        if self.emit_recorded is not None:
            self.emit_recorded(recorded)
        else:
            for span in recorded.spans():
                self.emit(span)


class ExchangeTracing(RunObserver):
    """Observer that makes exchange, stage and database spans.

    ``scope``: ``"connection"`` or ``"request"`` (each exchange is its own trace, linked both
    ways).  ``slow`` in nanoseconds, 0 for never.  ``server`` is where the database is; None in a
    connector, which sees a database nowhere: its exchanges are CLIENT spans, with AcraServer's
    below.  ``store`` is that of the trace pages, which may want an exchange that is not sampled
    all the same.
    """

    slow: i64

    def __init__(
        self,
        tracing: Tracing,
        *,
        scope: str = "connection",
        slow: int = 0,
        server: tuple[str, int] | None = ("", 0),
        store: SpanStore | None = None,
    ) -> None:
        self._tracing = tracing
        self._recorder = Recorder(server, slow)
        self._per_request = scope == "request"
        self.slow = slow
        self._kind = spans.SERVER if server is not None else spans.CLIENT
        self._store = store
        # A connector gives AcraServer a context with every request.
        self._hands_on = server is None

    def session_opened(self, session: Session) -> None:
        """The connection's span exists already; its exchanges are counted from here."""
        session.notes[_EXCHANGES] = 0
        session.tracer = self.tracer

    def tracer(self, exchange: Exchange) -> Any:
        """Return the object that stages receive as ``exchange.tracer``."""
        if exchange.span is None:
            return Unrecorded(self.context, exchange)
        return ExchangeTracer(exchange, self._tracing.clock, self._tracing.finish)

    def exchange_opened(self, exchange: Exchange) -> None:
        """Give a sampled exchange its span."""
        session = exchange.session
        remote: TraceContext | None = exchange.remote
        own_trace = self._per_request
        if not own_trace:
            count = session.notes[_EXCHANGES] = session.notes[_EXCHANGES] + 1
            own_trace = count > EXCHANGES_PER_TRACE
        if remote is None and (not own_trace or exchange.kind == "startup"):
            connection: Span = session.span
            if not self._tracing.recording:
                return
            if session.notices or (connection.sampled and self._tracing.admits()):
                exchange.span = connection.child("", self._kind, exchange.opened)
                exchange.span.sampled = True
                if exchange.linked is not None:
                    _link_origin(exchange.span, exchange.linked)
                connection.kept = connection.kept or session.notices
            return
        decides = remote is None or remote.decides
        trace_id, sampled = self._tracing.decide(remote, session.identity.client_id, decides)
        sampled = sampled or session.notices
        if sampled and self._tracing.recording:
            if session.notices or self._tracing.admits():
                exchange.span = self._own(exchange, trace_id, True)
                return
            # Else what is recorded elsewhere below it would have no parent.
            sampled = False
        given = exchange.context
        span_id = "" if given is None else given.span_id
        if self._hands_on and not span_id:
            span_id = spans.new_span_id()
        exchange.context = TraceContext(trace_id, span_id, sampled)

    def _own(self, exchange: Exchange, trace_id: str, sampled: bool) -> Span:
        """The span of an exchange that is not in its connection's trace, linked with it."""
        span = self._tracing.begin(
            "", self._kind, trace_id, exchange.remote, exchange.opened, sampled
        )
        given = exchange.context
        if given is not None and given.span_id:
            span.span_id = given.span_id
        self._link(span, exchange.session.span)
        if exchange.linked is not None:
            _link_origin(span, exchange.linked)
        return span

    def context(self, exchange: Exchange) -> TraceContext:
        """The context of an exchange, sampled or not: what others may be given."""
        if exchange.span is None and exchange.context is None:
            session = exchange.session
            # Where spans are recorded, a sampled one would have its span.
            sampled = not self._tracing.recording and (session.span.sampled or session.notices)
            exchange.context = TraceContext(session.span.trace_id, "", sampled)
        return context_of(exchange)

    def database_context(self, exchange: Exchange) -> TraceContext | None:
        """The context of the database's part of a sampled exchange; else None."""
        span = exchange.span
        if span is None:
            context = self.context(exchange)
            # Nobody records the database's part: it is below the exchange itself.
            return context if context.sampled else None
        span_id = exchange.notes[DATABASE] = spans.new_span_id()
        return TraceContext(span.trace_id, span_id, span.sampled)

    @staticmethod
    def _link(span: Span, connection: Span) -> None:
        span.add_link(connection.trace_id, connection.span_id)
        connection.add_link(span.trace_id, span.span_id)

    def exchange_closed(self, exchange: Exchange) -> None:
        """End the exchange's spans; make them now if it must be kept and was not sampled."""
        if not self._tracing.recording:
            pass
        elif exchange.span is not None or self._tells(exchange):
            self._closed(exchange)
        if exchange.sent:
            exchange.session.answered = exchange.closed

    def _tells(self, exchange: Exchange) -> bool:
        """Return True if an exchange that is not sampled still needs spans."""
        closed: i64 = exchange.closed
        took: i64 = closed - exchange.opened
        if exchange.outcome != "ok" or exchange.attributes or 0 < self.slow <= took:
            if self._kept(exchange):
                return True
        # The trace pages may lack a sample of one that took as long.
        store = self._store
        if store is None:
            return False
        turns = store.turns
        # As the store would say of nearly all, without being asked.
        if closed < turns.until and turns.least <= took and took < turns.most:
            return False
        return store.wants(took, closed)

    def _closed(self, exchange: Exchange) -> None:
        span = exchange.span
        if span is None:
            reason = self._kept(exchange)
            connection: Span = exchange.session.span
            span = self._late(exchange, connection)
            if reason:
                # With its connection, which ends later: else it would hang in the air.
                span.sampled = connection.kept = True
                self._tracing.count_kept(reason)
        describe(exchange)
        self._tracing.finish_exchange(self._recorder.record(exchange, span))

    def _late(self, exchange: Exchange, connection: Span) -> Span:
        """The span of an exchange for which none was made when it began."""
        given: TraceContext | None = exchange.context
        if given is not None and (
            exchange.remote is not None or given.trace_id != connection.trace_id
        ):
            return self._own(exchange, given.trace_id, False)
        span = connection.child("", self._kind, exchange.opened)
        if exchange.linked is not None:
            _link_origin(span, exchange.linked)
        if given is not None and given.span_id:
            span.span_id = given.span_id
        return span

    def _kept(self, exchange: Exchange) -> str:
        """Why an exchange must be told of; empty if it need not."""
        if exchange.outcome in ("denied", "error", "lost"):
            return exchange.outcome
        if exchange.attributes is not None and "acra.event_code" in exchange.attributes:
            return "event"
        slow = self.slow and exchange.closed - exchange.opened >= self.slow
        return "slow" if slow else ""

    def stage_refused(self, stage: str, work: Work, verdict: Deny | Hangup) -> None:
        """A connection that a stage ends says why."""
        if type(verdict) is Hangup:
            connection: Span = work.exchange.session.span
            connection.fail(spans.PERMISSION_DENIED, verdict.reason)

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


def context_of(exchange: Exchange) -> TraceContext:
    """Return the trace context of an exchange that has a span or a context."""
    if exchange.span is not None:
        recorded: TraceContext = exchange.span.context
        return recorded
    context: TraceContext = exchange.context
    if not context.span_id:
        context = TraceContext(context.trace_id, spans.new_span_id(), context.sampled)
        exchange.context = context
    return context


def _link_origin(span: Span, origin: TraceContext) -> None:
    """To the context that its statement was prepared with."""
    span.add_link(origin.trace_id, origin.span_id)
