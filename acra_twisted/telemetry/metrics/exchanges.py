"""Observers that count the exchanges of one listener.

Source of Acra's names and buckets: acra-observability reference, section 12.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from acra_twisted import events
from acra_twisted.exchange import Exchange, Work
from acra_twisted.pipeline.observers import RunObserver
from acra_twisted.session import Session
from acra_twisted.telemetry.metrics.families import (
    PROCESSING_BUCKETS,
    TIME_BUCKETS,
    ConnectorMetrics,
    ServerMetrics,
)
from acra_twisted.telemetry.metrics.histogram import Durations, DurationsRun
from acra_twisted.verdicts import Deny, Hangup

#: Outcomes of exchanges.
OUTCOMES: Final = ("ok", "error", "denied", "aborted", "lost")
#: Results of logins that point to somebody between a client and this server.
_SUSPICIOUS: Final = ("binding", "downgrade", "replay")
#: Nanoseconds between exchanges whose ids go with their times; those that last long always do.
_EXEMPLARS_APART: Final = 10**7
_UNUSUAL: Final = 10**8


class ConnectorExchanges(RunObserver):
    """Exchanges of one listener as both daemons count them; ``metrics`` are the daemon's, and
    ``listener`` is its name."""

    def __init__(self, metrics: ConnectorMetrics, listener: str = "") -> None:
        self._daemon = metrics
        self._listener = listener
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

    def session_closed(self, session: Session, reason: str) -> None:
        """Its bytes; the connection is counted at close."""
        self._daemon.session_ended(self._listener, session)

    def exchange_closed(self, exchange: Exchange) -> None:
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
        # What is gathered of the exchanges of a run: times of processing, and whole ones.
        self._processing = DurationsRun(PROCESSING_BUCKETS)
        self._whole = DurationsRun(TIME_BUCKETS)
        self._of_request = self._processing.admit(self._request)
        self._of_response = self._processing.admit(self._response)
        self._of_exchange = self._whole.admit(self._exchange)
        self._of_first_byte = self._whole.admit(self._first_byte)
        self._next_exemplars = 0
        # Few: comparing is cheaper than hashing.
        self._by_stage: list[tuple[str, int]] = []
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

    def exchanges_closed(self, exchanges: list[Exchange]) -> None:
        """See RunObserver."""
        super().exchanges_closed(exchanges)
        self._processing.count()
        self._whole.count()

    def exchange_closed(self, exchange: Exchange) -> None:
        """Times as Acra has them and as people ask for them, with exemplars of sampled ones."""
        super().exchange_closed(exchange)
        if exchange.stage_runs is not None:
            for run in exchange.stage_runs:
                self._processing.add(self._stage(run.stage), run.ended - run.started)
        sent = exchange.sent
        if not sent or exchange.outcome == "aborted":
            return
        span, opened, closed = exchange.span, exchange.opened, exchange.closed
        self._processing.add(self._of_request, sent - opened)
        self._processing.add(self._of_response, closed - sent)
        self._whole.add(self._of_exchange, closed - opened)
        if exchange.first_byte >= sent:
            self._whole.add(self._of_first_byte, exchange.first_byte - sent)
        if (
            span is None
            or not span.sampled
            or (closed < self._next_exemplars and closed - opened < _UNUSUAL)
        ):
            return
        self._next_exemplars = closed + _EXEMPLARS_APART
        ids, when = (span.trace_id, span.span_id), closed * 1e-9
        self._request.note(sent - opened, ids, when)
        self._response.note(closed - sent, ids, when)
        self._exchange.note(closed - opened, ids, when)
        if exchange.first_byte >= sent:
            self._first_byte.note(exchange.first_byte - sent, ids, when)

    def _stage(self, name: str) -> int:
        for known, place in self._by_stage:
            if known is name or known == name:
                return place
        place = self._processing.admit(self._server.stage_times.labels(name))
        self._by_stage.append((name, place))
        return place

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
