"""Totals of the last minute, the last hour and since the start: by kind of request and by stage.

After OpenCensus' rpcz: *received* is what clients asked of us, *sent* what we asked of the
database.  Each count is a ring of 60 slots, seconds and minutes; so memory is bounded by the number
of kinds and stages, which is small.  Whoever counts requests by statement (`counting`) counts them
here as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from acra_twisted.telemetry.figures.buckets import Distribution, percentile

if TYPE_CHECKING:
    from mypy_extensions import i64

SPANS: Final = (("minute", 10**9), ("hour", 60 * 10**9))
_SLOTS: Final = 60
_SECOND: Final = SPANS[0][1]
_PERCENTILES: Final = (("p50_ms", 0.5), ("p95_ms", 0.95), ("p99_ms", 0.99))


class Seen(NamedTuple):
    """Totals of some time: ``time`` is nanoseconds, ``input`` and ``output`` bytes; ``buckets``
    count durations by bucket."""

    time: int = 0
    input: int = 0
    output: int = 0
    errors: int = 0
    buckets: dict[int, int] = {}

    def since(self, before: Seen) -> Seen:
        """Return what has come since some earlier totals."""
        then = before.buckets
        buckets = {
            number: count - then.get(number, 0)
            for number, count in self.buckets.items()
            if count > then.get(number, 0)
        }
        return Seen(
            self.time - before.time,
            self.input - before.input,
            self.output - before.output,
            self.errors - before.errors,
            buckets,
        )

    def shown(self, seconds: float) -> dict[str, float]:
        """Return count, average and percentiles in ms, rate a second, kB/s in and out, errors."""
        count = sum(self.buckets.values())
        return {
            "count": count,
            "average_ms": round(self.time / count / 1e6, 3) if count else 0.0,
            **{
                title: round(percentile(self.buckets, share) / 1e6, 3)
                for title, share in _PERCENTILES
            },
            "rate": round(count / seconds, 3),
            "input_kb": round(self.input / seconds / 1e3, 3),
            "output_kb": round(self.output / seconds / 1e3, 3),
            "errors": self.errors,
            "time_ms": round(self.time / 1e6, 3),
        }


class Totals:
    """Everything since the start, while it is counted."""

    __slots__ = ("durations", "input", "output", "errors", "_rings")

    input: i64
    output: i64
    errors: i64

    def __init__(self, now: int) -> None:
        self.durations = Distribution()
        self.input = 0
        self.output = 0
        self.errors = 0
        self._rings = [_Ring(width, now) for _, width in SPANS]

    def counts(self) -> bool:
        """Tell whether there is anything to see."""
        return bool(self.errors or self.durations.sparse())

    def seen(self) -> Seen:
        """Return what has been counted."""
        durations = self.durations
        buckets = durations.sparse()
        return Seen(durations.total, self.input, self.output, self.errors, buckets)

    def tick(self, now: int) -> None:
        """To be called before what is counted from ``now`` on, once a second is enough."""
        seen = self.seen()
        for ring in self._rings:
            ring.tick(now, seen)

    def shown(self, now: int, started: int) -> dict[str, dict[str, float]]:
        """Return what `Seen.shown` says of each span of time, and of all since ``started``."""
        whole, lasted = self.seen(), now - started
        times = {
            name: (whole.since(ring.before()), min(width * _SLOTS, lasted))
            for (name, width), ring in zip(SPANS, self._rings, strict=True)
        }
        times["total"] = (whole, lasted)
        return {name: row.shown(max(took, 1) / 1e9) for name, (row, took) in times.items()}


class _Ring:
    """The totals at the beginning of each of the last 60 slots of ``width`` nanoseconds."""

    __slots__ = ("_width", "_before", "_stamp")

    def __init__(self, width: int, now: int) -> None:
        self._width = width
        self._before = [Seen()] * _SLOTS
        self._stamp = now // width

    def tick(self, now: int, seen: Seen) -> None:
        """Begin the slots that have begun since the last one that was seen."""
        stamp = now // self._width
        if stamp > self._stamp:
            for slot in range(max(self._stamp + 1, stamp - _SLOTS + 1), stamp + 1):
                self._before[slot % _SLOTS] = seen
            self._stamp = stamp

    def before(self) -> Seen:
        """Return the totals when the oldest slot began."""
        return self._before[(self._stamp + 1) % _SLOTS]


class Method:
    """Requests of one kind: as the client sees them, and as the database does.  ``is_prepared``:
    they execute what has been prepared."""

    __slots__ = ("received", "sent", "is_prepared", "counts")

    def __init__(self, now: int, is_prepared: bool = False) -> None:
        self.is_prepared = is_prepared
        self.received = Totals(now)
        self.sent = Totals(now)
        self.counts = [self.received.durations.counts, self.sent.durations.counts]


class Calls:
    """The totals of a daemon.  A method is the database's name and the kind of request."""

    def __init__(self, now: int) -> None:
        self._started = now
        #: When `tick` is to be called next.
        self.due = now - now % _SECOND + _SECOND
        self._methods: dict[tuple[str, str], Method] = {}
        self._stages: dict[str, Totals] = {}

    def method(self, system: str, kind: str, now: int) -> Method:
        """Return the totals of a method, which begin ``now`` if there are none."""
        found = self._methods.get((system, kind))
        if found is None:
            found = self._methods[system, kind] = Method(now, kind == "execute")
        return found

    def stage(self, name: str, now: int) -> Totals:
        """Return the totals of a stage, which begin ``now`` if there are none."""
        found = self._stages.get(name)
        if found is None:
            found = self._stages[name] = Totals(now)
        return found

    def tick(self, now: int) -> None:
        """To be called before what is counted from ``now`` on, if that is ``due``."""
        self.due = now - now % _SECOND + _SECOND
        for method in self._methods.values():
            method.received.tick(now)
            method.sent.tick(now)
        for stage in self._stages.values():
            stage.tick(now)

    def page(self, now: int) -> dict[str, dict[str, Any]]:
        """Return ``received`` and ``sent`` by method, ``stages`` by name."""
        if now >= self.due:
            self.tick(now)
        methods = {" ".join(key): method for key, method in sorted(self._methods.items())}
        tables = (
            ("received", {name: one.received for name, one in methods.items()}),
            ("sent", {name: one.sent for name, one in methods.items()}),
            ("stages", dict(sorted(self._stages.items()))),
        )
        return {
            title: {
                name: row.shown(now, self._started) for name, row in rows.items() if row.counts()
            }
            for title, rows in tables
        }
