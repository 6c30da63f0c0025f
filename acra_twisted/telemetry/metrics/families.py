"""The metrics of both daemons: what is counted of sessions, exchanges, stages and the database.

Source of Acra's names and buckets: acra-observability reference, section 12.  Each listener has an
observer that counts (`exchanges`); all of them count in these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import Counter

from acra_twisted import events
from acra_twisted.session import Session
from acra_twisted.telemetry.figures.buckets import PROCESSING_BUCKETS, TIME_BUCKETS
from acra_twisted.telemetry.metrics.collectors import Counts, CountsBy
from acra_twisted.telemetry.metrics.columns import ColumnMetrics
from acra_twisted.telemetry.metrics.daemon import DaemonMetrics
from acra_twisted.telemetry.metrics.histogram import DurationsBy
from acra_twisted.telemetry.metrics.sessions import SessionCounts, Sessions
from acra_twisted.telemetry.metrics.stagefailures import StageFailures


class ConnectorMetrics(DaemonMetrics):
    """Metrics of exchanges that both daemons have if they follow the protocol."""

    def __init__(self, service: str, listeners: Iterable[str] = ()) -> None:
        super().__init__(service, listeners)
        label, registry = self.by_listener.label, self.registry
        self._sessions: SessionCounts | None = None
        #: The numbers of requests that have gone on with a context, by listener.
        self.continued: list[Callable[[], int]] = []
        self.outcomes = CountsBy(
            registry, ("acra_exchanges", "Requests by outcome"), ["outcome", *label]
        )
        self._contexts.watch(
            lambda: sum(count() for count in self.continued), "comment", "continued"
        )
        self.rows = CountsBy(
            registry, ("acra_rows", "Rows returned or changed, as replies say"), label
        )
        self._unread: dict[str, int] = {}
        registry.register(
            Counts(
                ("acra_unread_sessions", "Sessions carried unread, so not traced here, by why"),
                "reason",
                lambda: self._unread,
            )
        )
        self.failures = StageFailures(registry, self.by_listener)

    def carries_unread(self, why: str) -> None:
        """A session is carried that cannot be read."""
        self._unread[why] = self._unread.get(why, 0) + 1

    def watch_sessions(self, sessions: Sessions) -> None:
        """Expose the sessions of the moment by state; read when scraped."""
        self._sessions = SessionCounts(sessions, self.by_listener)
        self.registry.register(self._sessions)

    def count_sessions(self) -> Iterable[None]:
        """Steps that are to be gone through before the registry is asked."""
        return () if self._sessions is None else self._sessions.count()

    def session_ended(self, listener: str, session: Session) -> None:
        """A session of a listener is over."""
        if self._sessions is not None:
            self._sessions.ended(listener, session)


class ServerMetrics(ConnectorMetrics):
    """AcraServer's metrics."""

    def __init__(self, listeners: Iterable[str] = ()) -> None:
        super().__init__("acraserver", listeners)
        label, registry = self.by_listener.label, self.registry

        def durations(name: str, text: str, buckets: tuple[float, ...]) -> DurationsBy:
            return DurationsBy(registry, name, text, ["db", *label], buckets)

        self.request = durations(
            "acraserver_request_processing_seconds",
            "Time from reading a request to sending it to the database",
            PROCESSING_BUCKETS,
        )
        self.response = durations(
            "acraserver_response_processing_seconds",
            "Time from sending a request to the database to the end of its reply",
            PROCESSING_BUCKETS,
        )
        self.first_byte = durations(
            "acra_database_first_byte_seconds",
            "Time from sending a request to the database to the first byte of its reply",
            TIME_BUCKETS,
        )
        self.exchange = durations(
            "acra_exchange_seconds",
            "Time from reading a request to the end of its reply",
            TIME_BUCKETS,
        )
        self.stage_times = DurationsBy(
            registry,
            "acra_stage_seconds",
            "Time a stage took over a statement, or all rows of a request; without trace pages "
            "only of sampled requests",
            ["stage"],
            PROCESSING_BUCKETS,
        )
        self.verdicts = Counter(
            "acra_stage_verdicts_total",
            "Verdicts of stages other than pass",
            ["stage", "verdict", *label],
            registry=registry,
        )
        self.denials = Counter(
            "acra_censor_denials_total",
            "Statements that AcraCensor refused, by what decided",
            ["by", *label],
            registry=registry,
        )
        # Without children made beforehand: Acra exports only what has happened.
        self.structs = Counter(
            "acra_acrastruct_decryptions_total",
            "Containers in results, as Acra up to 0.94 counts them",
            ["status"],
            registry=registry,
        )
        self.decryptions = Counter(
            "acra_decryptions_total", "Containers in results", ["status", "type"], registry=registry
        )
        self.refusals = Counter(
            "acra_login_refusals_total",
            "Logins that were refused, or could not pass, by reason",
            ["reason", *label],
            registry=registry,
        )
        logins = (
            "acra_logins",
            "Ended logins by result, by the proof, and by whether it holds for one TLS connection",
        )
        self.logins = CountsBy(registry, logins, ["result", "mechanism", "bound", *label])
        self._poison = Counter(
            "acra_poison_records_total", "Poison records recognized in results", registry=registry
        )
        self.columns = ColumnMetrics(registry, self.by_listener)

    def event(self, code: int) -> None:
        """An event of the security log; of poison records Acra counts each."""
        if code == events.POISON_RECORD:
            self._poison.inc()
        super().event(code)
