"""Metrics of sessions, exchanges, stages and the database, counted by an observer.

Source of Acra's names and buckets: acra-observability reference, section 12.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from prometheus_client import Counter
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from acra_twisted import events
from acra_twisted.exchange import Exchange, Work
from acra_twisted.pipeline.baseobserver import BaseObserver
from acra_twisted.session import Session, Traffic
from acra_twisted.telemetry.metrics.columns import ColumnMetrics
from acra_twisted.telemetry.metrics.daemon import Counts, CountsBy, DaemonMetrics, Total
from acra_twisted.telemetry.metrics.histogram import Durations, DurationsBy
from acra_twisted.telemetry.metrics.stagefailures import StageFailures
from acra_twisted.verdicts import Deny, Hangup

PROCESSING_BUCKETS: Final = (
    *(n / 1e6 for n in (1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 500)),
    *(1e-3, 5e-3, 1e-2, 1, 3, 5, 10),
)
#: From 50 us to 10 s, three to a decade.
TIME_BUCKETS: Final = (
    *(n * ten / 1e6 for ten in (10, 100, 1000, 10**4, 10**5) for n in (5, 10, 25)),
    10.0,
)
_OUTCOMES: Final = ("ok", "error", "denied", "aborted", "lost")
#: Results of logins that point to somebody between a client and this server.
_SUSPICIOUS: Final = ("binding", "downgrade", "replay")
#: States of a session.
STATES: Final = (
    "starting",
    "idle",
    "active",
    "in_transaction",
    "failed_transaction",
    "unread",
)
#: Attributes of Traffic.
_DIRECTIONS: Final = ("from_client", "to_client", "to_database", "from_database")
#: Sessions that are looked at between two turns.
_STEP: Final = 16
#: Nanoseconds between exchanges whose ids go with their times; those that last long always do.
_EXEMPLARS_APART: Final = 10**7
_UNUSUAL: Final = 10**8


def session_state(session: Session) -> str:
    """One of `STATES`."""
    if session.unread:
        return "unread"
    if not session.ready:
        return "starting"
    if session.outstanding:
        return "active"
    return session.transaction


class _Count:
    """One look at all sessions, a few at a step; some may end meanwhile."""

    __slots__ = ("states", "traffic", "_taken")

    def __init__(self) -> None:
        self.states = dict.fromkeys(STATES, 0)
        self.traffic = Traffic()
        self._taken: dict[Session, Traffic] = {}

    def add(self, session: Session) -> None:
        """A session of the moment."""
        self.states[session_state(session)] += 1
        taken = self._taken[session] = Traffic() + session.traffic
        self.traffic = self.traffic + taken

    def ended(self, session: Session) -> None:
        """Its bytes are those of an ended one now: else they would be there twice."""
        taken = self._taken.pop(session, None)
        if taken is not None:
            self.traffic = self.traffic - taken


class _Sessions:
    """Sessions by state, and the bytes of all there are and were, read when scraped."""

    def __init__(self, sessions: Callable[[], Iterable[Session]]) -> None:
        self._sessions = sessions
        self._ended = Traffic()
        # The one that is going on, if there is one.
        self._count: _Count | None = None
        # Counts for the next scrape.
        self._counted: tuple[dict[str, int], Traffic] | None = None

    def ended(self, session: Session) -> None:
        """A session is over."""
        self._ended += session.traffic
        if self._count is not None:
            self._count.ended(session)
        # It may be seen once more before it is forgotten.
        session.traffic = Traffic()

    def count(self) -> Iterator[None]:
        """Look at every session, a few at a step, for the next `collect`.

        One that begins meanwhile takes this one's place: only one is told of sessions that end.
        """
        count = self._count = _Count()
        for looked_at, session in enumerate(self._sessions(), 1):
            count.add(session)
            if looked_at % _STEP == 0:
                yield None
        if self._goes_on(count):
            self._count = None
            self._counted = (count.states, count.traffic + self._ended)

    def _goes_on(self, count: _Count) -> bool:
        return self._count is count

    def collect(self) -> Any:
        """prometheus-client: in the thread that serves the scrape, which is the reactor's."""
        if self._counted is None:
            for _ in self.count():
                pass
        assert self._counted is not None  # noqa: S101 - counted just now, or before
        counts, traffic = self._counted
        self._counted = None
        carried = CounterMetricFamily(
            "acra_bytes", "Bytes of the database protocol", labels=["direction"]
        )
        for direction in _DIRECTIONS:
            carried.add_metric([direction], getattr(traffic, direction))
        yield carried
        gauge = GaugeMetricFamily("acra_sessions", "Sessions by what they do", labels=["state"])
        for state, count in counts.items():
            gauge.add_metric([state], count)
        yield gauge

    def describe(self) -> Any:
        """Nothing in advance."""
        return []


class ConnectorMetrics(DaemonMetrics, BaseObserver):
    """Metrics of exchanges that both daemons have if they follow the protocol."""

    def __init__(self, service: str) -> None:
        super().__init__(service)
        self._sessions: _Sessions | None = None
        # Plain integers: a counter's inc() takes 0.45 us, and these are for every exchange.
        self._went_well = 0
        self._others = dict.fromkeys(_OUTCOMES[1:], 0)
        self.registry.register(
            Counts(("acra_exchanges", "Requests by outcome"), "outcome", self._by_outcome)
        )
        self._continued = 0
        self._contexts.watch(lambda: self._continued, "comment", "continued")
        self._rows = 0
        self.registry.register(
            Total(("acra_rows", "Rows returned or changed, as replies say"), lambda: self._rows)
        )
        self._unread: dict[str, int] = {}
        self.registry.register(
            Counts(
                ("acra_unread_sessions", "Sessions carried unread, so not traced here, by why"),
                "reason",
                lambda: self._unread,
            )
        )
        self.failures = StageFailures(self.registry)

    def carries_unread(self, why: str) -> None:
        """A session is carried that cannot be read."""
        self._unread[why] = self._unread.get(why, 0) + 1

    def _by_outcome(self) -> dict[str, int]:
        return {_OUTCOMES[0]: self._went_well, **self._others}

    def watch_sessions(self, sessions: Callable[[], Iterable[Session]]) -> None:
        """Expose the sessions of the moment by state; read when scraped."""
        self._sessions = _Sessions(sessions)
        self.registry.register(self._sessions)

    def count_sessions(self) -> Iterable[None]:
        """Steps that are to be gone through before the registry is asked."""
        return () if self._sessions is None else self._sessions.count()

    def session_closed(self, session: Session, reason: str) -> None:
        """Its bytes; the connection is counted at close."""
        if self._sessions is not None:
            self._sessions.ended(session)

    def exchange_closed(self, exchange: Exchange) -> None:
        """Count it by outcome and by presence of a trace context."""
        outcome = exchange.outcome or _OUTCOMES[0]
        if outcome == _OUTCOMES[0]:
            self._went_well += 1
        else:
            self._others[outcome] += 1
            if outcome == "denied" and not exchange.denied_by:
                # No stage has: a limit of our own.
                self.event(exchange.code)
        if exchange.rows > 0:
            self._rows += exchange.rows
        if exchange.remote is not None:
            self._continued += 1
        elif (
            exchange.attributes is not None and "acra.traceparent_malformed" in exchange.attributes
        ):
            self.trace_context("comment", "malformed")

    def stage_failed(self, stage: str, work: Work, failure: Any) -> None:
        """Count it by stage."""
        self.failures.failed(stage, work.exchange.opened)
        self.event(events.STAGE_FAILED)

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


class ServerMetrics(ConnectorMetrics):
    """AcraServer's metrics.  ``database`` is what its database is called, ``refusals`` are the
    reasons for which that refuses logins."""

    def __init__(self, database: str, refusals: Iterable[str] = ()) -> None:
        super().__init__("acraserver")
        registry = self.registry

        def durations(name: str, text: str, buckets: tuple[float, ...]) -> Durations:
            return DurationsBy(registry, name, text, ["db"], buckets).labels(database)

        self._request = durations(
            "acraserver_request_processing_seconds",
            "Time from reading a request to sending it to the database",
            PROCESSING_BUCKETS,
        )
        self._response = durations(
            "acraserver_response_processing_seconds",
            "Time from sending a request to the database to the end of its reply",
            PROCESSING_BUCKETS,
        )
        self._first_byte = durations(
            "acra_database_first_byte_seconds",
            "Time from sending a request to the database to the first byte of its reply",
            TIME_BUCKETS,
        )
        self._exchange = durations(
            "acra_exchange_seconds",
            "Time from reading a request to the end of its reply",
            TIME_BUCKETS,
        )
        self._next_exemplars = 0
        self._stage_times = DurationsBy(
            registry,
            "acra_stage_seconds",
            "Time a stage took over a statement, or all rows of a request; without trace pages "
            "only of sampled requests",
            ["stage"],
            PROCESSING_BUCKETS,
        )
        # Few: comparing is cheaper than hashing.
        self._by_stage: list[tuple[str, Durations]] = []
        self._stages = Counter(
            "acra_stage_verdicts_total",
            "Verdicts of stages other than pass",
            ["stage", "verdict"],
            registry=registry,
        )
        self._denials = Counter(
            "acra_censor_denials_total",
            "Statements that AcraCensor refused, by what decided",
            ["by"],
            registry=registry,
        )
        # Without children made beforehand: Acra exports only what has happened.
        self._structs = Counter(
            "acra_acrastruct_decryptions_total",
            "Containers in results, as Acra up to 0.94 counts them",
            ["status"],
            registry=registry,
        )
        self._decryptions = Counter(
            "acra_decryptions_total", "Containers in results", ["status", "type"], registry=registry
        )
        self._refusals = Counter(
            "acra_login_refusals_total",
            "Logins that were refused, or could not pass, by reason",
            ["reason"],
            registry=registry,
        )
        logins = (
            "acra_logins",
            "Ended logins by result, by the proof, and by whether it holds for one TLS connection",
        )
        self._logins = CountsBy(registry, logins, ["result", "mechanism", "bound"])
        # An alert on the first of its kind needs the zero before it.
        for result in _SUSPICIOUS:
            for bound in ("yes", "no"):
                self._logins.expose(result, "scram", bound)
        self._logins.expose("limit", "none", "no")
        for reason in refusals:
            self._refusals.labels(reason)
        self._poison = Counter(
            "acra_poison_records_total", "Poison records recognized in results", registry=registry
        )
        self._columns = ColumnMetrics(registry)

    def login(self, result: str, mechanism: str, bound: bool) -> None:
        """A login has ended; ``mechanism`` is empty if it came to none."""
        self._logins.count(result, mechanism or "none", "yes" if bound else "no")

    def exchange_closed(self, exchange: Exchange) -> None:
        """Times as Acra has them and as people ask for them, with exemplars of sampled ones."""
        super().exchange_closed(exchange)
        if exchange.stage_runs is not None:
            for run in exchange.stage_runs:
                self._stage(run.stage).count(run.ended - run.started)
        sent = exchange.sent
        if not sent or exchange.outcome == "aborted":
            return
        span, opened, closed = exchange.span, exchange.opened, exchange.closed
        if (
            span is None
            or not span.sampled
            or (closed < self._next_exemplars and closed - opened < _UNUSUAL)
        ):
            self._request.count(sent - opened)
            self._response.count(closed - sent)
            self._exchange.count(closed - opened)
            if exchange.first_byte >= sent:
                self._first_byte.count(exchange.first_byte - sent)
            return
        self._next_exemplars = closed + _EXEMPLARS_APART
        ids, when = (span.trace_id, span.span_id), closed * 1e-9
        self._request.observe(sent - opened, ids, when)
        self._response.observe(closed - sent, ids, when)
        self._exchange.observe(closed - opened, ids, when)
        if exchange.first_byte >= sent:
            self._first_byte.observe(exchange.first_byte - sent, ids, when)

    def _stage(self, name: str) -> Durations:
        for known, times in self._by_stage:
            if known is name or known == name:
                return times
        self._by_stage.append((name, self._stage_times.labels(name)))
        return self._by_stage[-1][1]

    def containers_read(self, exchange: Exchange, kind: str, opened: int, failed: int) -> None:
        """Under Acra's old name and its new one."""
        for status, count in (("success", opened), ("fail", failed)):
            if count:
                self._structs.labels(status).inc(count)
                self._decryptions.labels(status, kind).inc(count)

    def column_values(self, exchange: Exchange, counts: Mapping[tuple[Any, str], int]) -> None:
        """Count them by column and by what became of them."""
        self._columns.values(counts)

    def stage_refused(self, stage: str, work: Work, verdict: Deny | Hangup) -> None:
        """Count it by stage and verdict.  The names of stages are few."""
        self._stages.labels(stage, type(verdict).__name__.lower()).inc()
        code = getattr(verdict, "code", events.QUERY_NOT_ALLOWED)
        # `stage_failed` has counted a stage that failed.
        if code != events.STAGE_FAILED:
            self.event(code)
        if type(verdict) is Deny and verdict.rule and not self._columns.refused(verdict):
            self._denials.labels(verdict.rule).inc()

    def event(self, code: int) -> None:
        """An event of the security log; of poison records Acra counts each."""
        if code == events.POISON_RECORD:
            self._poison.inc()
        super().event(code)

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
            self._refusals.labels(fields.get("rule", "other")).inc()
        self._columns.event(code, fields)
        super().security_event(code, text, session, exchange, **fields)
