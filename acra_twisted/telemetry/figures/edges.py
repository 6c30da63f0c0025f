"""Figures of the ways from clients to databases, by minute, within a fixed number of bytes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any, Final, NamedTuple, Protocol

from acra_twisted.optionkinds import Address
from acra_twisted.session import Session
from acra_twisted.telemetry.figures.rows import Row, add_encoded
from acra_twisted.telemetry.figures.tallies import Tally

#: Ways that are told apart at most; what is beyond is counted as `OTHERS`.
EDGES_MAX: Final = 200
#: Minutes that are kept: an hour, and the one before it.
MINUTES: Final = 120
_MINUTE: Final = 60 * 10**9
_NAME_MAX: Final = 255


class Way(NamedTuple):
    """A way from a client to a database.

    ``connector`` is the address of the connector, empty where the client has none.  ``peer`` is the
    address of a client without an id, and without a connector.  ``server`` is the database server's
    address.
    """

    client_id: str
    certificate: str
    connector: str
    peer: str
    database: str
    server: str


#: Stands for ways that are not told apart.
OTHERS: Final = Way("others", "", "", "", "", "")


class _Turns(Protocol):
    """Runs a job of steps; see `telemetry.pages.turns`."""

    def add(self, job: Any) -> None:
        """Run a job."""


class Edges:
    """The figures of a daemon from ``now`` (nanoseconds) on.  Minutes that are over are
    encoded in ``turns``."""

    def __init__(self, now: int, turns: _Turns) -> None:
        self._turns = turns
        self._minute = now // _MINUTE
        self._tallies: dict[Way, Tally] = {}
        #: Minutes that are over, each with what was counted and is not encoded yet.
        self._over: deque[tuple[int, list[tuple[Way, Tally]]]] = deque()
        self._kept: deque[tuple[int, dict[Way, bytes]]] = deque()

    def __len__(self) -> int:
        """Return how many ways are told apart."""
        return len(self._tallies)

    def tally(self, session: Session, server: Address | None) -> Tally:
        """Return what counts the requests of a session."""
        way = _way(session, server)
        found = self._tallies.get(way)
        if found is None:
            if len(self._tallies) >= EDGES_MAX:
                self._let_go()
            if len(self._tallies) >= EDGES_MAX:
                way = OTHERS
            found = self._tallies.setdefault(way, Tally(session.database))
        return found

    def _let_go(self) -> None:
        """Forget the ways that nobody took in the time that is kept."""
        known = {way for _, rows in self._kept for way in rows}
        known.update(way for _, counted in self._over for way, _ in counted)
        for way, tally in list(self._tallies.items()):
            if not tally.is_used and way not in known:
                tally.is_over = True
                del self._tallies[way]

    def tick(self, now: int) -> None:
        """To be called now and then: a minute may be over."""
        minute = now // _MINUTE
        if minute <= self._minute:
            return
        taken = [(way, tally.take()) for way, tally in self._tallies.items()]
        counted = [(way, tally) for way, tally in taken if tally is not None]
        if counted:
            self._over.append((self._minute, counted))
            self._turns.add(self)
        self._minute = minute
        while self._kept and self._kept[0][0] <= minute - MINUTES:
            self._kept.popleft()

    def step(self) -> bool:
        """See `telemetry.pages.turns.Job`: encode one."""
        if not self._over:
            return False
        minute, counted = self._over[0]
        if not self._kept or self._kept[-1][0] != minute:
            self._kept.append((minute, {}))
        # Nothing else has its turn from here on.
        way, tally = counted.pop()
        self._kept[-1][1][way] = tally.row().encode()
        if not counted:
            self._over.popleft()
        return bool(self._over)

    def rest(self) -> None:
        """See `telemetry.pages.turns.Job`."""

    def heard(self) -> dict[str, set[int]]:
        """Return the kept minutes (since the epoch) in which requests came, by connector."""
        minutes: list[tuple[int, list[Way]]] = [(minute, list(rows)) for minute, rows in self._kept]
        minutes += [(minute, [way for way, _ in counted]) for minute, counted in self._over]
        minutes.append((self._minute, [way for way, one in self._tallies.items() if one.calls]))
        found: dict[str, set[int]] = {}
        for minute, ways in minutes:
            for way in ways:
                if way.connector:
                    found.setdefault(way.connector, set()).add(minute)
        return found

    def total(self, since: int, until: int) -> Iterator[dict[Way, Row]]:
        """Add up the minutes (since the epoch) from ``since`` up to before ``until``, in steps.
        Each gives the same dict, which has everything after the last one."""
        encoded = [
            (way, data)
            for minute, rows in self._kept
            if since <= minute < until
            for way, data in rows.items()
        ]
        recent = [
            (way, tally.row())
            for minute, counted in self._over
            if since <= minute < until
            for way, tally in counted
        ]
        if since <= self._minute < until:
            recent += [(way, one.row()) for way, one in self._tallies.items() if one.calls]
        found: dict[Way, Row] = {}
        for way, data in encoded:
            add_encoded(found.setdefault(way, Row()), data)
            yield found
        for way, row in recent:
            found.setdefault(way, Row()).add(row)
            yield found
        yield found


def _way(session: Session, server: Address | None) -> Way:
    identity = session.identity
    is_from_connector = identity.from_connector
    lonely = not (is_from_connector or identity.client_id)
    return Way(
        identity.client_id[:_NAME_MAX],
        identity.certificate[:_NAME_MAX],
        identity.peer if is_from_connector else "",
        identity.peer if lonely else "",
        session.database.decode("utf-8", "replace")[:_NAME_MAX],
        "" if server is None else f"{server.host}:{server.port}" if server.host else server.path,
    )
