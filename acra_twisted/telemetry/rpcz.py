"""Totals of the last minute, the last hour and since the start: by kind of request and by stage.

After OpenCensus' rpcz: *Received* is what clients asked of us, *Sent* what we asked of the
database.  Kept only where the trace pages are served.  Each count is a ring of 60 slots, seconds
and minutes; so memory is bounded by the number of kinds and stages, which is small.
"""

from __future__ import annotations

from typing import Any, Final

from acra_twisted.model import Exchange, Traffic, Work
from acra_twisted.telemetry.watcher import Watcher

SPANS: Final = (("minute", 10**9), ("hour", 60 * 10**9))
_SLOTS: Final = 60
_SECOND: Final = SPANS[0][1]


class Totals:
    """What a row counts; ``time`` is nanoseconds, ``input`` and ``output`` bytes."""

    __slots__ = ("count", "time", "input", "output", "errors")

    def __init__(
        self, count: int = 0, time: int = 0, input: int = 0, output: int = 0, errors: int = 0
    ) -> None:
        self.count = count
        self.time = time
        self.input = input
        self.output = output
        self.errors = errors

    def __sub__(self, before: Totals) -> Totals:
        return Totals(
            self.count - before.count,
            self.time - before.time,
            self.input - before.input,
            self.output - before.output,
            self.errors - before.errors,
        )


class _Ring:
    """What had been counted when each of the last 60 slots of ``width`` nanoseconds began."""

    __slots__ = ("length", "_width", "_before", "_stamp")

    def __init__(self, width: int, now: int) -> None:
        self._width = width
        self.length = width * _SLOTS
        self._before: list[Totals] = [Totals()] * _SLOTS
        self._stamp = now // width

    def tick(self, now: int, whole: Totals) -> None:
        """Begin the slots that have begun since the last one that was seen."""
        stamp = now // self._width
        if stamp > self._stamp:
            before = whole - Totals()
            for slot in range(max(self._stamp + 1, stamp - _SLOTS + 1), stamp + 1):
                self._before[slot % _SLOTS] = before
            self._stamp = stamp

    def total(self, whole: Totals) -> Totals:
        """What was counted since the oldest slot began."""
        return whole - self._before[(self._stamp + 1) % _SLOTS]


class Row:
    """One kind of request, or one stage.  ``whole``: everything since the start."""

    __slots__ = ("_rings", "whole")

    def __init__(self, now: int) -> None:
        self._rings = {name: _Ring(width, now) for name, width in SPANS}
        self.whole = Totals()

    def tick(self, now: int) -> None:
        """To be called before what is counted from ``now`` on, once a second is enough."""
        for ring in self._rings.values():
            ring.tick(now, self.whole)

    def shown(self, now: int, started: int) -> dict[str, dict[str, float]]:
        """By span of time: count, average in ms, rate a second, kB/s in and out, errors."""
        found = {}
        spans = [(name, ring.total(self.whole), ring.length) for name, ring in self._rings.items()]
        for name, row, length in (*spans, ("total", self.whole, now - started)):
            seconds = max(min(length, now - started), 1) / 1e9
            found[name] = {
                "count": row.count,
                "average_ms": round(row.time / row.count / 1e6, 3) if row.count else 0.0,
                "rate": round(row.count / seconds, 3),
                "input_kb": round(row.input / seconds / 1e3, 3),
                "output_kb": round(row.output / seconds / 1e3, 3),
                "errors": row.errors,
                "time_ms": round(row.time / 1e6, 3),
            }
        return found


class RpcStats(Watcher):
    """``clock`` gives nanoseconds.  A method is the database's name and the kind of request."""

    def __init__(self, system: str, clock: Any) -> None:
        self._system = system
        self._clock = clock
        self._started = now = clock()
        self._next_tick = now - now % _SECOND + _SECOND
        self._received: dict[str, Row] = {}
        self._sent: dict[str, Row] = {}
        self._stages: dict[str, Row] = {}

    def page(self) -> dict[str, dict[str, Any]]:
        """``received`` and ``sent`` by method, ``stages`` by name."""
        now = self._clock()
        self._tick(now)
        tables = (
            ("received", f"{self._system} ", self._received),
            ("sent", f"{self._system} ", self._sent),
            ("stages", "", self._stages),
        )
        return {
            title: {
                before + key: row.shown(now, self._started) for key, row in sorted(rows.items())
            }
            for title, before, rows in tables
        }

    def _tick(self, now: int) -> None:
        self._next_tick = now - now % _SECOND + _SECOND
        for rows in (self._received, self._sent, self._stages):
            for row in rows.values():
                row.tick(now)

    def _row(self, rows: dict[str, Row], name: str, now: int) -> Row:
        row = rows[name] = Row(now)
        return row

    def exchange_closed(self, exchange: Exchange) -> None:
        """Bytes are those of the session since its last exchange ended."""
        now, kind = exchange.closed, exchange.kind
        if now >= self._next_tick:
            self._tick(now)
        traffic = exchange.traffic or Traffic()
        error = 0 if exchange.outcome == "ok" else 1
        row = (self._received.get(kind) or self._row(self._received, kind, now)).whole
        row.count += 1
        row.time += now - exchange.opened
        row.input += traffic.from_client
        row.output += traffic.to_client
        row.errors += error
        if exchange.sent and exchange.outcome != "aborted":
            row = (self._sent.get(kind) or self._row(self._sent, kind, now)).whole
            row.count += 1
            row.time += now - exchange.sent
            row.input += traffic.from_database
            row.output += traffic.to_database
            row.errors += error
        if exchange.passed is not None:
            for stage, _, started, ended in exchange.passed:
                self._stage_ran(stage, started, ended)

    def stage_ran(self, stage: str, work: Work, verdict: Any, started: int, ended: int) -> None:
        """Of sampled exchanges: the others have no times."""
        if started:
            if ended >= self._next_tick:
                self._tick(ended)
            self._stage_ran(stage, started, ended)

    def _stage_ran(self, stage: str, started: int, ended: int) -> None:
        row = (self._stages.get(stage) or self._row(self._stages, stage, ended)).whole
        row.count += 1
        row.time += ended - started
