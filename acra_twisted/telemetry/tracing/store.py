"""Keep the data of the trace pages: bounded samples of finished spans, and complete recent traces.

Per span name nine latency buckets and one for errors, each a ring of ten that takes at most one
span a second, so that memory is bounded and slow outliers stay visible (after OpenCensus'
zPages).  Names are bounded too: what is beyond is counted under one name.

A trace one of whose requests is such a sample is kept beyond the recent ones: else a busy daemon
would have forgotten a slow or refused statement before anybody could look.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from acra_twisted.telemetry.tracing.recorded import SENT, Recorded, Shape
from acra_twisted.telemetry.tracing.spans import INTERNAL, Span

if TYPE_CHECKING:
    from mypy_extensions import i64

#: Lower bounds of the latency buckets, nanoseconds.
BOUNDS: Final = (0, 10_000, 100_000, 10**6, 10**7, 10**8, 10**9, 10**10, 10**11)
LABELS: Final = (">0s", ">10us", ">100us", ">1ms", ">10ms", ">100ms", ">1s", ">10s", ">100s")
ERRORS: Final = len(BOUNDS)
_NAMES_MAX: Final = 200
_PER_BUCKET: Final = 10
#: The recent ones, those of samples, and both.
_RECENT_MAX: Final = 256
_SAMPLES_MAX: Final = 1024
TRACES_MAX: Final = _RECENT_MAX + _SAMPLES_MAX
#: Spans of a trace that are kept: its first ones.
SPANS_MAX: Final = 512
_SECOND: Final = 1_000_000_000
OTHER: Final = "(other names)"


class Summary(NamedTuple):
    """One row of the summary: how many spans each bucket holds, and how many were seen."""

    name: str
    latency: tuple[int, ...]
    errors: int
    seen: int


class _Name:
    __slots__ = ("buckets", "next", "seen")

    def __init__(self) -> None:
        self.buckets: list[deque[Span]] = [deque(maxlen=_PER_BUCKET) for _ in range(ERRORS + 1)]
        self.next = [0] * (ERRORS + 1)
        self.seen = 0


class SpanStore:
    """Fed with every finished span; read by the pages."""

    def __init__(self) -> None:
        self._names: dict[str, _Name] = {}
        self._wanted = [0] * len(BOUNDS)
        # The trace that the last span was kept with: those of a request come together.
        self._last_id = ""
        self._last: list[Span | Recorded] = []
        # The ids of the recent ones, in a ring: an ordered dict takes three times as long.
        self._recent: dict[str, list[Span | Recorded]] = {}
        self._ring = [""] * _RECENT_MAX
        self._next = 0
        self._sampled: OrderedDict[str, list[Span | Recorded]] = OrderedDict()

    def __len__(self) -> int:
        """Traces of which something is kept."""
        return len(self._recent) + len(self._sampled)

    def add(self, span: Span) -> None:
        """Keep a finished span where there is room for it."""
        name = self._name(span.name)
        name.seen += 1
        bucket = ERRORS if span.status else _bucket(span.end - span.start)
        sampled = span.end >= name.next[bucket]
        if sampled:
            name.next[bucket] = span.end + _SECOND
            name.buckets[bucket].append(span)
        self.add_received(span)
        if sampled and span.kind != INTERNAL:
            self._keep(span.trace_id)

    def add_recorded(self, recorded: Recorded) -> None:
        """Keep what there is room for, as spans only if one of them is a sample."""
        shape = recorded.shape
        if shape.store is not self:
            shape.store, shape.names = self, self._names_of(shape)
        names: list[_Name] = shape.names
        if _has_sample(recorded, names):
            for made in recorded.spans():
                self.add(made)
        else:
            for name in names:
                name.seen += 1
            self._put(recorded.span.trace_id, recorded)

    def _names_of(self, shape: Shape) -> list[_Name]:
        """Return the names of its stages' spans, its own, and the database's if it has one."""
        titles = [*shape.stage_titles, shape.name]
        if shape.flags & SENT:
            titles.append(shape.database_name)
        return [self._name(title) for title in titles]

    def add_received(self, span: Span) -> None:
        """Keep a span with its trace alone: samples by name are of this daemon."""
        self._put(span.trace_id, span)

    def _put(self, trace_id: str, item: Span | Recorded) -> None:
        if trace_id != self._last_id:
            self._last = self._trace(trace_id)
            self._last_id = trace_id
        if len(self._last) < SPANS_MAX:
            self._last.append(item)

    def _trace(self, trace_id: str) -> list[Span | Recorded]:
        found = self._recent.get(trace_id)
        if found is None:
            found = self._sampled.get(trace_id)
        if found is None:
            at = self._next
            self._recent.pop(self._ring[at], None)
            self._ring[at] = trace_id
            self._next = at + 1 if at + 1 < _RECENT_MAX else 0
            found = self._recent[trace_id] = []
        return found

    def _keep(self, trace_id: str) -> None:
        trace = self._recent.pop(trace_id, None)
        if trace is not None:
            self._sampled[trace_id] = trace
            if len(self._sampled) > _SAMPLES_MAX:
                self._sampled.popitem(last=False)

    def wants(self, latency: i64, now: i64) -> bool:
        """True, once a second for each latency bucket: a sample whose span is not made yet.

        By bucket alone: to know an exchange's name its statement would have to be read.
        """
        bucket = _bucket(latency)
        if now < self._wanted[bucket]:
            return False
        self._wanted[bucket] = now + _SECOND
        return True

    def _name(self, name: str) -> _Name:
        known = self._names.get(name)
        if known is None:
            if len(self._names) >= _NAMES_MAX:
                name = OTHER
            known = self._names.setdefault(name, _Name())
        return known

    def summary(self) -> list[Summary]:
        """Return the counts by span name."""
        return [
            Summary(
                name,
                tuple(len(b) for b in known.buckets[:ERRORS]),
                len(known.buckets[ERRORS]),
                known.seen,
            )
            for name, known in sorted(self._names.items())
        ]

    def samples(self, name: str, bucket: int) -> list[Span]:
        """The spans of one bucket, newest first."""
        known = self._names.get(name)
        if known is None or not 0 <= bucket <= ERRORS:
            return []
        return list(known.buckets[bucket])[::-1]

    def trace(self, trace_id: str) -> Kept:
        """Return what is kept of a trace; nothing if it is not."""
        found = self._recent.get(trace_id) or self._sampled.get(trace_id) or ()
        return Kept(trace_id, tuple(found))

    def traces(self) -> list[Kept]:
        """Every kept trace, the one whose last span came last first."""
        kept = [*self._sampled.items(), *self._recent.items()]
        kept.sort(key=lambda item: item[1][-1].end, reverse=True)
        return [Kept(trace_id, items) for trace_id, items in kept]


class Kept:
    """The kept part of one trace.  Its spans are made while they are looked at, one by one, for
    there may be many."""

    __slots__ = ("trace_id", "_items")

    def __init__(self, trace_id: str, items: Sequence[Span | Recorded]) -> None:
        self.trace_id = trace_id
        self._items = items

    def __len__(self) -> int:
        """The number of its spans."""
        count = 0
        for item in self._items:
            count += item.size if isinstance(item, Recorded) else 1
        return min(count, SPANS_MAX)

    def spans(self) -> Iterator[Span]:
        """Give as many as a trace may have, in the order in which they came."""
        left = SPANS_MAX
        for at in range(len(self._items)):
            item = self._items[at]
            found = item.spans() if isinstance(item, Recorded) else [item]
            for span in found:
                if not left:
                    return
                left -= 1
                yield span


def _bucket(took: i64) -> i64:
    """Index into BOUNDS."""
    # For most spans comparisons with constants suffice.
    if took < 1_000_000:
        return 0 if took < 10_000 else 1 if took < 100_000 else 2
    if took < 10_000_000:
        return 3
    above: i64 = bisect_right(BOUNDS, took)
    return above - 1


def _wants(name: _Name, start: i64, end: i64) -> bool:
    """Return True if a successful span would be a sample."""
    return end >= name.next[_bucket(end - start)]


def _has_sample(recorded: Recorded, names: list[_Name]) -> bool:
    """Return True if one of the spans would be a sample."""
    span, times = recorded.span, recorded.times
    stages = len(times) // 2
    for number in range(stages):
        if _wants(names[number], times[2 * number], times[2 * number + 1]):
            return True
    if _wants(names[stages], span.start, span.end):
        return True
    return len(names) > stages + 1 and _wants(names[stages + 1], recorded.sent, span.end)
