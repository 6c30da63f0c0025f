"""Totals of the last minute, the last hour and since the start: by kind of request and by stage.

After OpenCensus' rpcz: *Received* is what clients asked of us, *Sent* what we asked of the
database.  Kept only where the trace pages are served.  Each count is a ring of 60 slots, seconds
and minutes; so memory is bounded by the number of kinds and stages, which is small.
"""

from __future__ import annotations

from typing import Any, Final

from acra_twisted.exchange import Exchange, Work
from acra_twisted.pipeline.baseobserver import BaseObserver
from acra_twisted.session import Traffic
from acra_twisted.verdicts import PASS, Deny, Hangup

SPANS: Final = (("minute", 10**9), ("hour", 60 * 10**9))
_SLOTS: Final = 60
_SECOND: Final = SPANS[0][1]


#: Two buckets of durations for each power of two, in units of 1,024 ns: up to an hour.
_BUCKETS: Final = 64
_UNIT_BITS: Final = 10
_PERCENTILES: Final = (("p50_ms", 0.5), ("p95_ms", 0.95), ("p99_ms", 0.99))


class Totals:
    """The counters of a row; ``time`` is nanoseconds, ``input`` and ``output`` bytes.  ``buckets``
    count durations by their length, see `percentile`."""

    __slots__ = ("count", "time", "input", "output", "errors", "buckets")

    def __init__(
        self,
        count: int = 0,
        time: int = 0,
        input: int = 0,
        output: int = 0,
        errors: int = 0,
        buckets: list[int] | None = None,
    ) -> None:
        self.count = count
        self.time = time
        self.input = input
        self.output = output
        self.errors = errors
        self.buckets = [0] * _BUCKETS if buckets is None else buckets

    def __sub__(self, before: Totals) -> Totals:
        return Totals(
            self.count - before.count,
            self.time - before.time,
            self.input - before.input,
            self.output - before.output,
            self.errors - before.errors,
            [now - then for now, then in zip(self.buckets, before.buckets, strict=True)],
        )

    def took(self, nanoseconds: int) -> None:
        """Count one that took as long."""
        self.count += 1
        self.time += nanoseconds
        self.buckets[_bucket(nanoseconds)] += 1

    def percentile(self, share: float) -> float:
        """The milliseconds that such a share took at most; right to a quarter of it, for within a
        bucket all are taken to be spread evenly."""
        wanted = share * sum(self.buckets)
        seen = 0
        for place, count in enumerate(self.buckets):
            if count and seen + count >= wanted:
                low, width = _bounds(place)
                within = (wanted - seen) / count
                return round((low + width * within) * (1 << _UNIT_BITS) / 1e6, 3)
            seen += count
        return 0.0


def _bucket(nanoseconds: int) -> int:
    units = nanoseconds >> _UNIT_BITS
    if units < 2:
        return units if units > 0 else 0
    bits = units.bit_length()
    place = 2 * bits - 2 + (units >> (bits - 2) & 1)
    return place if place < _BUCKETS else _BUCKETS - 1


def _bounds(place: int) -> tuple[int, int]:
    """Where a bucket begins, and how wide it is, in units."""
    if place < 2:
        return place, 1
    width = 1 << (place // 2 - 1)
    return (2 + place % 2) * width, width


class _Ring:
    """The counts at the beginning of each of the last 60 slots of ``width`` nanoseconds."""

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
        """Return the counts since the oldest slot began."""
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
        """Return by span of time: count, average and percentiles in ms, rate a second, kB/s in and
        out, errors."""
        found = {}
        spans = [(name, ring.total(self.whole), ring.length) for name, ring in self._rings.items()]
        for name, row, length in (*spans, ("total", self.whole, now - started)):
            seconds = max(min(length, now - started), 1) / 1e9
            found[name] = {
                "count": row.count,
                "average_ms": round(row.time / row.count / 1e6, 3) if row.count else 0.0,
                **{title: row.percentile(share) for title, share in _PERCENTILES},
                "rate": round(row.count / seconds, 3),
                "input_kb": round(row.input / seconds / 1e3, 3),
                "output_kb": round(row.output / seconds / 1e3, 3),
                "errors": row.errors,
                "time_ms": round(row.time / 1e6, 3),
            }
        return found


class _Method:
    """Requests of one kind: as the client sees them, and as the database does."""

    __slots__ = ("received", "sent")

    def __init__(self, now: int) -> None:
        self.received = Row(now)
        self.sent = Row(now)


class RpcStats(BaseObserver):
    """``clock`` gives nanoseconds.  A method is the database's name and the kind of request."""

    def __init__(self, clock: Any) -> None:
        self._clock = clock
        self._started = now = clock()
        self._next_tick = now - now % _SECOND + _SECOND
        # By the database's name, then by the kind of request: a pair would be made, and hashed, for
        # each request.
        self._methods: dict[str, dict[str, _Method]] = {}
        # The one that was counted last: nearly all that follow each other are of one kind.
        self._last = _Method(now)
        self._last_system = self._last_kind = ""
        self._stages: dict[str, Row] = {}

    def page(self) -> dict[str, dict[str, Any]]:
        """``received`` and ``sent`` by method, ``stages`` by name."""
        now = self._clock()
        self._tick(now)
        methods = {
            f"{system} {kind}": method
            for system, kinds in self._methods.items()
            for kind, method in kinds.items()
        }
        tables = (
            ("received", {name: method.received for name, method in methods.items()}),
            ("sent", {name: one.sent for name, one in methods.items() if one.sent.whole.count}),
            ("stages", self._stages),
        )
        return {
            title: {key: row.shown(now, self._started) for key, row in sorted(rows.items())}
            for title, rows in tables
        }

    def _tick(self, now: int) -> None:
        self._next_tick = now - now % _SECOND + _SECOND
        for kinds in self._methods.values():
            for method in kinds.values():
                method.received.tick(now)
                method.sent.tick(now)
        for row in self._stages.values():
            row.tick(now)

    def _method(self, system: str, kind: str, now: int) -> _Method:
        kinds = self._methods.setdefault(system, {})
        found = kinds.get(kind)
        if found is None:
            found = kinds[kind] = _Method(now)
        self._last, self._last_system, self._last_kind = found, system, kind
        return found

    def exchange_closed(self, exchange: Exchange) -> None:
        """Bytes are those of the session since its last exchange ended."""
        now, system = exchange.closed, exchange.session.system
        if now >= self._next_tick:
            self._tick(now)
        method = self._last
        if exchange.kind != self._last_kind or system != self._last_system:
            method = self._method(system, exchange.kind, now)
        traffic = exchange.traffic or Traffic()
        error = 0 if exchange.outcome == "ok" else 1
        row = method.received.whole
        row.took(now - exchange.opened)
        row.input += traffic.from_client
        row.output += traffic.to_client
        row.errors += error
        if exchange.sent and exchange.outcome != "aborted":
            row = method.sent.whole
            row.took(now - exchange.sent)
            row.input += traffic.from_database
            row.output += traffic.to_database
            row.errors += error
        if exchange.stage_runs is not None:
            for run in exchange.stage_runs:
                self._stage_ran(run.stage, run.started, run.ended)
                if run.verdict is not PASS and type(run.verdict) in (Deny, Hangup):
                    self._stages[run.stage].whole.errors += 1

    def stage_failed(self, stage: str, work: Work, failure: Any) -> None:
        """A stage that raised has run, for no time."""
        now = self._clock()
        self._stage_ran(stage, now, now)
        self._stages[stage].whole.errors += 1

    def _stage_ran(self, stage: str, started: int, ended: int) -> None:
        row = self._stages.get(stage)
        if row is None:
            row = self._stages[stage] = Row(ended)
        row.whole.took(ended - started)
