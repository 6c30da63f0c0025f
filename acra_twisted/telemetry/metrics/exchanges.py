"""Observers that count the exchanges of one listener.

Source of Acra's names and buckets: acra-observability reference, section 12.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from acra_twisted import events
from acra_twisted.exchange import Exchange, Work
from acra_twisted.session import Session
from acra_twisted.telemetry.figures.runs import RunCounter, Series, StageSeries
from acra_twisted.telemetry.metrics.families import ConnectorMetrics, ServerMetrics
from acra_twisted.telemetry.metrics.histogram import Durations
from acra_twisted.telemetry.tracing.spans import Span
from acra_twisted.verdicts import Deny, Hangup

#: Outcomes of exchanges.
OUTCOMES: Final = ("ok", "error", "denied", "aborted", "lost")
#: Results of logins that point to somebody between a client and this server.
_SUSPICIOUS: Final = ("binding", "downgrade", "replay")
#: Nanoseconds between exchanges whose ids go with their times; those that last long always do.
_EXEMPLARS_APART: Final = 10**7
_UNUSUAL: Final = 10**8


class ConnectorExchanges(RunCounter):
    """Exchanges of one listener as both daemons count them; ``metrics`` are the daemon's, and
    ``listener`` is its name."""

    def __init__(self, metrics: ConnectorMetrics, listener: str = "") -> None:
        super().__init__()
        self._daemon = metrics
        self._listener = listener
        #: Whether another observer, which is told as well, counts the times of requests by
        #: `Session.series`.
        self.shares_times = False
        # Plain integers: a counter's inc() takes 0.45 us, and these are for every exchange.
        self.went_well = 0
        self.others = dict.fromkeys(OUTCOMES[1:], 0)
        self.continued = 0
        self.rows = 0
        value = self._value = metrics.by_listener.value(listener)
        metrics.outcomes.watch(lambda: self.went_well, OUTCOMES[0], *value)
        for outcome in OUTCOMES[1:]:
            metrics.outcomes.watch(partial(self.others.__getitem__, outcome), outcome, *value)
        metrics.rows.watch(lambda: self.rows, *value)
        metrics.continued.append(lambda: self.continued)

    def share_times(self) -> None:
        """Leave the times of requests to another observer; to be called before any session."""
        self.shares_times = True

    def session_closed(self, session: Session, reason: str) -> None:
        """Its bytes; the connection is counted at close."""
        self._daemon.session_ended(self._listener, session)

    def take(self, exchange: Exchange) -> None:
        """Count it by outcome and by presence of a trace context."""
        outcome = exchange.outcome or OUTCOMES[0]
        if outcome == OUTCOMES[0]:
            self.went_well += 1
        else:
            self.others[outcome] += 1
            if outcome == "denied" and not exchange.denied_by:
                # No stage has: a limit of our own.
                self.event(exchange.code)
        if exchange.rows > 0:
            self.rows += exchange.rows
        if exchange.remote is not None:
            self.continued += 1
        elif (
            exchange.attributes is not None and "acra.traceparent_malformed" in exchange.attributes
        ):
            self._daemon.trace_context("comment", "malformed")

    def stage_failed(self, stage: str, work: Work, failure: Any) -> None:
        """Count it by stage."""
        self._daemon.failures.failed(stage, work.exchange.opened, self._listener)
        self.event(events.STAGE_FAILED)

    def event(self, code: int) -> None:
        """Count an event of the security log."""
        self._daemon.event(code)

    def security_event(
        self,
        code: int,
        text: str,
        session: Session | None,
        exchange: Exchange | None,
        **fields: Any,
    ) -> None:
        """Count it by code."""
        self.event(code)


class ServerExchanges(ConnectorExchanges):
    """Exchanges of one of AcraServer's listeners.  ``database`` is what its database is called,
    ``refusals`` are the reasons for which that refuses logins."""

    def __init__(
        self,
        metrics: ServerMetrics,
        database: str,
        refusals: Sequence[str] = (),
        listener: str = "",
    ) -> None:
        super().__init__(metrics, listener)
        self._server = metrics
        self._columns = metrics.columns.of(listener)
        labels = (database, *self._value)
        self._request: Durations = metrics.request.labels(*labels)
        self._response: Durations = metrics.response.labels(*labels)
        self._first_byte: Durations = metrics.first_byte.labels(*labels)
        self._exchange: Durations = metrics.exchange.labels(*labels)
        series = (self._exchange, self._first_byte, self._response, self._request)
        self._series = Series([one.counts for one in series])
        self._next_exemplars = 0
        # Few: comparing is cheaper than hashing.
        self._by_stage: list[tuple[str, StageSeries]] = []
        # An alert on the first of its kind needs the zero before it.
        for result in _SUSPICIOUS:
            for bound in ("yes", "no"):
                metrics.logins.expose(result, "scram", bound, *self._value)
        metrics.logins.expose("limit", "none", "no", *self._value)
        for reason in refusals:
            metrics.refusals.labels(reason, *self._value)

    def login(self, result: str, mechanism: str, bound: bool) -> None:
        """A login has ended; ``mechanism`` is empty if it came to none."""
        is_bound = "yes" if bound else "no"
        self._server.logins.count(result, mechanism or "none", is_bound, *self._value)

    def session_opened(self, session: Session) -> None:
        """Have the times of its requests counted, if another one does so."""
        if self.shares_times:
            session.series = self._series

    def take(self, exchange: Exchange) -> None:
        """Times as Acra has them and as people ask for them, with exemplars of sampled ones."""
        super().take(exchange)
        if exchange.stage_runs is not None:
            for run in exchange.stage_runs:
                self._stage(run.stage).add(run.ended - run.started, self.run)
        span: Span | None = exchange.span
        if span is None and self.shares_times:
            return
        if not exchange.sent or exchange.outcome == "aborted":
            return
        if span is not None and span.sampled:
            self._note(exchange, span)
        if not self.shares_times:
            self._series.serve(exchange, self.run)

    def _note(self, exchange: Exchange, span: Span) -> None:
        opened, sent, closed = exchange.opened, exchange.sent, exchange.closed
        if closed < self._next_exemplars and closed - opened < _UNUSUAL:
            return
        self._next_exemplars = closed + _EXEMPLARS_APART
        ids, when = (span.trace_id, span.span_id), closed * 1e-9
        self._request.note(sent - opened, ids, when)
        self._response.note(closed - sent, ids, when)
        self._exchange.note(closed - opened, ids, when)
        if exchange.first_byte >= sent:
            self._first_byte.note(exchange.first_byte - sent, ids, when)

    def _stage(self, name: str) -> StageSeries:
        for known, times in self._by_stage:
            if known is name or known == name:
                return times
        # Listeners share a stage's histogram; what is gathered for it is each one's own.
        found = StageSeries([self._server.stage_times.labels(name).counts])
        self._by_stage.append((name, found))
        return found

    def containers_read(self, exchange: Exchange, kind: str, opened: int, failed: int) -> None:
        """Under Acra's old name and its new one."""
        for status, count in (("success", opened), ("fail", failed)):
            if count:
                self._server.structs.labels(status).inc(count)
                self._server.decryptions.labels(status, kind).inc(count)

    def column_values(self, exchange: Exchange, counts: Mapping[tuple[Any, str], int]) -> None:
        """Count them by column and by what became of them."""
        self._columns.values(counts)

    def stage_refused(self, stage: str, work: Work, verdict: Deny | Hangup) -> None:
        """Count it by stage and verdict.  The names of stages are few."""
        kind = type(verdict).__name__.lower()
        self._server.verdicts.labels(stage, kind, *self._value).inc()
        code = getattr(verdict, "code", events.QUERY_NOT_ALLOWED)
        # `stage_failed` has counted a stage that failed.
        if code != events.STAGE_FAILED:
            self.event(code)
        if type(verdict) is Deny and verdict.rule and not self._columns.refused(verdict):
            self._server.denials.labels(verdict.rule, *self._value).inc()

    def security_event(
        self,
        code: int,
        text: str,
        session: Session | None,
        exchange: Exchange | None,
        **fields: Any,
    ) -> None:
        """Count it by code, and some by what else is known of them."""
        if code == events.LOGIN_REFUSED:
            self._server.refusals.labels(fields.get("rule", "other"), *self._value).inc()
        self._columns.event(code, fields)
        super().security_event(code, text, session, exchange, **fields)
