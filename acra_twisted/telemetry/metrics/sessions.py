"""Sessions by state and their bytes, by listener, counted when somebody asks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from acra_twisted.session import Session, Traffic
from acra_twisted.telemetry.metrics.collectors import ListenerLabel

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
#: Sessions with the names of their listeners.
Sessions = Callable[[], Iterable[tuple[str, Session]]]


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

    def __init__(self, listeners: Iterable[str]) -> None:
        self.states = {name: dict.fromkeys(STATES, 0) for name in listeners}
        self.traffic = {name: Traffic() for name in self.states}
        self._taken: dict[Session, Traffic] = {}

    def add(self, listener: str, session: Session) -> None:
        """A session of the moment."""
        self.states[listener][session_state(session)] += 1
        taken = self._taken[session] = Traffic() + session.traffic
        self.traffic[listener] = self.traffic[listener] + taken

    def ended(self, listener: str, session: Session) -> None:
        """Its bytes are those of an ended one now: else they would be there twice."""
        taken = self._taken.pop(session, None)
        if taken is not None:
            self.traffic[listener] = self.traffic[listener] - taken


class SessionCounts:
    """Sessions by state, and the bytes of all there are and were, read when scraped."""

    def __init__(self, sessions: Sessions, by_listener: ListenerLabel) -> None:
        self._sessions = sessions
        self._by_listener = by_listener
        self._ended: defaultdict[str, Traffic] = defaultdict(Traffic)
        # The one that is going on, if there is one.
        self._count: _Count | None = None
        # Counts for the next scrape.
        self._counted: _Count | None = None

    def ended(self, listener: str, session: Session) -> None:
        """A session is over."""
        self._ended[listener] += session.traffic
        if self._count is not None:
            self._count.ended(listener, session)
        # It may be seen once more before it is forgotten.
        session.traffic = Traffic()

    def count(self) -> Iterator[None]:
        """Look at every session, a few at a step, for the next `collect`.

        One that begins meanwhile takes this one's place: only one is told of sessions that end.
        """
        count = self._count = _Count(self._by_listener.names)
        for looked_at, (listener, session) in enumerate(self._sessions(), 1):
            count.add(listener, session)
            if looked_at % _STEP == 0:
                yield None
        if self._goes_on(count):
            self._count = None
            for name in count.traffic:
                count.traffic[name] = count.traffic[name] + self._ended[name]
            self._counted = count

    def _goes_on(self, count: _Count) -> bool:
        return self._count is count

    def collect(self) -> Any:
        """prometheus-client: in the thread that serves the scrape, which is the reactor's."""
        if self._counted is None:
            for _ in self.count():
                pass
        counted, self._counted = self._counted, None
        assert counted is not None  # noqa: S101 - counted just now, or before
        by = self._by_listener
        carried = CounterMetricFamily(
            "acra_bytes", "Bytes of the database protocol", labels=["direction", *by.label]
        )
        for name, traffic in counted.traffic.items():
            for direction in _DIRECTIONS:
                carried.add_metric([direction, *by.value(name)], getattr(traffic, direction))
        yield carried
        gauge = GaugeMetricFamily(
            "acra_sessions", "Sessions by what they do", labels=["state", *by.label]
        )
        for name, states in counted.states.items():
            for state, number in states.items():
                gauge.add_metric([state, *by.value(name)], number)
        yield gauge
