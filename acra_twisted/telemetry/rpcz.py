"""Counts of the last minute, the last hour and since the start: by kind of request and by stage.

After OpenCensus' rpcz: *Received* is what clients asked of us, *Sent* what we asked of the
database.  Kept only where the trace pages are served.  Each count is a ring of 60 slots, seconds
and minutes; so memory is bounded by the number of kinds and stages, which is small.
"""

from __future__ import annotations

from typing import Any

from acra_twisted.model import Exchange, Work
from acra_twisted.telemetry.watcher import Watcher

SPANS = (("minute", 10**9), ("hour", 60 * 10**9))
_SLOTS = 60
#: What a row counts; times are nanoseconds.
COUNTS = ("count", "time", "input", "output", "errors")
_Row = list[int]


class _Ring:
    """60 slots of ``width`` nanoseconds each."""

    __slots__ = ("length", "_width", "_slots", "_stamps")

    def __init__(self, width: int) -> None:
        self._width = width
        self.length = width * _SLOTS
        self._slots: list[_Row] = [[0] * len(COUNTS) for _ in range(_SLOTS)]
        self._stamps = [0] * _SLOTS

    def at(self, now: int) -> _Row:
        """The slot of this moment."""
        stamp = now // self._width
        place = stamp % _SLOTS
        if self._stamps[place] != stamp:
            self._stamps[place] = stamp
            self._slots[place] = [0] * len(COUNTS)
        return self._slots[place]

    def total(self, now: int) -> _Row:
        """All slots that are not too old."""
        oldest = now // self._width - _SLOTS
        found = [0] * len(COUNTS)
        for stamp, slot in zip(self._stamps, self._slots, strict=True):
            if stamp > oldest:
                found = [a + b for a, b in zip(found, slot, strict=True)]
        return found


class Row:
    """One kind of request, or one stage."""

    __slots__ = ("_rings", "_whole")

    def __init__(self) -> None:
        self._rings = {name: _Ring(width) for name, width in SPANS}
        self._whole = [0] * len(COUNTS)

    def add(self, now: int, took: int, received: int = 0, sent: int = 0, error: int = 0) -> None:
        """One more."""
        for row in (self._whole, *(ring.at(now) for ring in self._rings.values())):
            row[0] += 1
            row[1] += took
            row[2] += received
            row[3] += sent
            row[4] += error

    def shown(self, now: int, started: int) -> dict[str, dict[str, float]]:
        """By span of time: count, average in ms, rate a second, kB/s in and out, errors."""
        found = {}
        spans = [(name, ring.total(now), ring.length) for name, ring in self._rings.items()]
        for name, row, length in (*spans, ("total", self._whole, now - started)):
            count, took, received, sent, errors = row
            seconds = max(min(length, now - started), 1) / 1e9
            found[name] = {
                "count": count,
                "average_ms": round(took / count / 1e6, 3) if count else 0.0,
                "rate": round(count / seconds, 3),
                "input_kb": round(received / seconds / 1e3, 3),
                "output_kb": round(sent / seconds / 1e3, 3),
                "errors": errors,
                "time_ms": round(took / 1e6, 3),
            }
        return found


class RpcStats(Watcher):
    """``clock`` gives nanoseconds.  A method is the database's name and the kind of request."""

    def __init__(self, system: str, clock: Any) -> None:
        self._system = system
        self._clock = clock
        self._started = clock()
        self._received: dict[str, Row] = {}
        self._sent: dict[str, Row] = {}
        self._stages: dict[str, Row] = {}

    def page(self) -> dict[str, dict[str, Any]]:
        """``received`` and ``sent`` by method, ``stages`` by name."""
        now = self._clock()
        tables = {"received": self._received, "sent": self._sent, "stages": self._stages}
        return {
            title: {name: row.shown(now, self._started) for name, row in sorted(rows.items())}
            for title, rows in tables.items()
        }

    def exchange_closed(self, exchange: Exchange) -> None:
        """Bytes are those of the session since its last exchange ended."""
        session = exchange.session
        now, kind = exchange.closed, exchange.kind
        before, traffic = session.counted, session.traffic
        deltas = [now - then for now, then in zip(traffic, before, strict=True)]
        before[:] = traffic
        error = int(exchange.outcome not in ("ok", None))
        received, sent, asked, answered = deltas
        took = now - exchange.opened
        _row(self._received, f"{self._system} {kind}").add(now, took, received, sent, error)
        if exchange.sent and exchange.outcome != "aborted":
            took = now - exchange.sent
            _row(self._sent, f"{self._system} {kind}").add(now, took, answered, asked, error)

    def stage_ran(self, stage: str, work: Work, verdict: Any, started: int, ended: int) -> None:
        """Of sampled exchanges: the others have no times."""
        if started:
            _row(self._stages, stage).add(ended, ended - started)


def _row(rows: dict[str, Row], name: str) -> Row:
    found = rows.get(name)
    if found is None:
        found = rows[name] = Row()
    return found
