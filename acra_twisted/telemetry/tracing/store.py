"""Keep the data of the trace pages: bounded samples of finished spans, and complete recent traces.

Per span name nine latency buckets and one for errors, each a ring of ten that takes at most one
span a second, so that memory is bounded and slow outliers stay visible (after OpenCensus'
zPages).  Names are bounded too: what is beyond is counted under one name.

A trace one of whose requests is such a sample is kept beyond the recent ones: else a busy daemon
would have forgotten a slow or refused statement before anybody could look.

Of ordinary requests so many begin a trace here each second as can be kept some seconds.  Others go,
as they were recorded, into a ring of the newest ones, whose traces are put together when somebody
looks: requests are many, and looks are few.  That has its pace as well: what pushes another one out
of the ring pays for the end of what is in no cache any more.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, NamedTuple

from acra_twisted.telemetry.tracing.kept import Kept, Trace, bytes_of, trace_id_of
from acra_twisted.telemetry.tracing.latencies import ERRORS, Turns, bucket_of
from acra_twisted.telemetry.tracing.pace import Pace
from acra_twisted.telemetry.tracing.recorded import SENT, SLOW, Recorded, Shape
from acra_twisted.telemetry.tracing.samples import Name, Named
from acra_twisted.telemetry.tracing.spans import INTERNAL, Span

if TYPE_CHECKING:
    from mypy_extensions import i64

_NAMES_MAX: Final = 200
#: The recent ones, those of samples, the newest requests that are in neither, and all.
_RECENT_MAX: Final = 256
_SAMPLES_MAX: Final = 1024
_NEWEST_MAX: Final = 256
TRACES_MAX: Final = _RECENT_MAX + _SAMPLES_MAX + _NEWEST_MAX
#: Ordinary requests a second that begin a trace among the recent ones.
_RECENT_RATE: Final = 64
#: Others a second that are kept as the newest.
NEWEST_RATE: Final = 1000
#: Bytes that all of these take, but for the newest ones, each of which takes no more than so many.
BYTES_MAX: Final = 64 << 20
_NEWEST_BYTES: Final = 16 << 10
OTHER: Final = "(other names)"


class Summary(NamedTuple):
    """One row of the summary: how many spans each bucket holds, and how many were seen."""

    name: str
    latency: tuple[int, ...]
    errors: int
    seen: int


class SpanStore:
    """Fed with every finished span; read by the pages."""

    _now: i64
    _recent_bytes: i64
    _sampled_bytes: i64

    def __init__(self) -> None:
        self._names: dict[str, Name] = {}
        #: Tells when `wants` is true.
        self.turns = Turns()
        # The trace that the last span was kept with: those of a request come together.
        self._last_id = ""
        self._last: Trace | None = None
        # The ids of the recent ones, in a ring: an ordered dict takes three times as long.
        self._recent: dict[str, Trace] = {}
        self._recent_bytes = 0
        self._ring = [""] * _RECENT_MAX
        self._next = 0
        self._sampled: dict[str, Trace] = {}
        self._sampled_bytes = 0
        # What begins a trace, and the newest of what does not; the time is this daemon's.
        self._pace = Pace(_RECENT_RATE, _RECENT_MAX)
        self._now = 0
        self._newest_pace = Pace(NEWEST_RATE, NEWEST_RATE)
        self._newest: list[Span | Recorded | None] = [None] * _NEWEST_MAX
        self._next_newest = 0

    def __len__(self) -> int:
        """Traces of which something is kept."""
        return len(self._recent) + len(self._sampled) + len(self._lonely())

    @property
    def bytes(self) -> int:
        """About how many the traces take, without the newest ones."""
        return self._recent_bytes + self._sampled_bytes

    def add(self, span: Span) -> None:
        """Keep a finished span where there is room for it."""
        self._begin(span.trace_id, span.end, span)
        if self._is_sample(span):
            self._keep(span.trace_id)

    def _begin(self, trace_id: str, now: int, item: Span | Recorded) -> None:
        """Keep what has ended ``now`` with its trace, which begins if it is not known."""
        self._now = now
        last = self._last
        if last is None or trace_id != self._last_id:
            last = self._open(trace_id, self._known(trace_id))
        self._append(last, item)

    def _is_sample(self, span: Span) -> bool:
        """Count a span, and take it for a sample if its bucket is due; return whether its trace is
        one of a sample, too."""
        name = self._name(span.name)
        name.seen += 1
        bucket = ERRORS if span.status else bucket_of(span.end - span.start)
        if not name.turns.take(bucket, span.end):
            return False
        name.buckets[bucket].append(span)
        return span.kind != INTERNAL

    def add_recorded(self, recorded: Recorded) -> None:
        """Keep what there is room for; its spans are made if one of them is a sample."""
        shape = recorded.shape
        if shape.store is not self:
            shape.store, shape.names = self, Named(self._names_of(shape))
        named: Named = shape.names
        if named.has_sample(recorded):
            self._add_samples(recorded)
            return
        for name in named.names:
            name.seen += 1
        span = recorded.span
        self._now = span.end
        at_once = shape.flags & SLOW != 0
        if not (span.parent_id or span.has_children):
            # Its trace has begun with it, and nothing else of that has come: it is not looked for.
            self._put_new(span.trace_id, None, recorded, at_once)
        else:
            self._put(span.trace_id, recorded, at_once)

    def _add_samples(self, recorded: Recorded) -> None:
        """Keep the samples among the spans.  Their trace has a plain request as it was recorded, so
        that a search need not look at each span."""
        made, span = recorded.spans(), recorded.span
        if not recorded.plain:
            for one in made:
                self.add(one)
            return
        self._begin(span.trace_id, span.end, recorded)
        is_sample = False
        for one in made:
            is_sample = self._is_sample(one) or is_sample
        if is_sample:
            self._keep(span.trace_id)

    def _names_of(self, shape: Shape) -> list[Name]:
        """Return the names of its stages' spans, its own, and the database's if it has one."""
        titles = [*shape.stage_titles, shape.name]
        if shape.flags & SENT:
            titles.append(shape.database_name)
        return [self._name(title) for title in titles]

    def add_received(self, span: Span) -> None:
        """Keep a span with its trace alone: samples by name are of this daemon."""
        self._put(span.trace_id, span, span.status != 0)

    def _put(self, trace_id: str, item: Span | Recorded, at_once: bool) -> None:
        """Keep it with its trace; one that is not known begins if there is room, or ``at_once``."""
        last = self._last
        if last is not None and trace_id == self._last_id:
            self._append(last, item)
        else:
            self._put_new(trace_id, self._known(trace_id), item, at_once)

    def _put_new(
        self, trace_id: str, found: Trace | None, item: Span | Recorded, at_once: bool
    ) -> None:
        """Keep it with another trace than the last one: ``found`` is what is kept of that, None if
        that is nothing or was not looked for."""
        if found is None:
            if not (at_once or self._pace.admits(self._now)):
                if self._newest_pace.admits(self._now) and bytes_of(item) <= _NEWEST_BYTES:
                    place = self._next_newest
                    self._newest[place] = item
                    self._next_newest = place + 1 if place + 1 < _NEWEST_MAX else 0
                return
            found = self._known(trace_id)
        self._append(self._open(trace_id, found), item)

    def _append(self, trace: Trace, item: Span | Recorded) -> None:
        """Add to a trace that is kept."""
        more = trace.add(item)
        if trace.is_sample:
            self._sampled_bytes += more
        else:
            self._recent_bytes += more
        self._keep_to_bytes()

    def _keep_to_bytes(self) -> None:
        """Give up what is too much: the oldest of those that take more, recent ones or samples."""
        while self._recent_bytes + self._sampled_bytes > BYTES_MAX:
            some = self._recent if self._recent_bytes > self._sampled_bytes else self._sampled
            self._drop(some, next(iter(some)))

    def _drop(self, some: dict[str, Trace], trace_id: str) -> None:
        trace = some.pop(trace_id, None)
        if trace is None:
            return
        if trace.is_sample:
            self._sampled_bytes -= trace.bytes
        else:
            self._recent_bytes -= trace.bytes
        if trace is self._last:
            self._last = None

    def _known(self, trace_id: str) -> Trace | None:
        found = self._recent.get(trace_id)
        return self._sampled.get(trace_id) if found is None else found

    def _open(self, trace_id: str, found: Trace | None) -> Trace:
        """Have what comes next kept with that trace, and return it."""
        if found is None:
            place = self._next
            self._drop(self._recent, self._ring[place])
            self._ring[place] = trace_id
            self._next = place + 1 if place + 1 < _RECENT_MAX else 0
            found = self._recent[trace_id] = Trace()
        self._last, self._last_id = found, trace_id
        return found

    def _keep(self, trace_id: str) -> None:
        trace = self._recent.pop(trace_id, None)
        if trace is None:
            return
        self._recent_bytes -= trace.bytes
        for place, item in enumerate(self._newest):
            if item is not None and trace_id_of(item) == trace_id:
                trace.add(item)
                self._newest[place] = None
        self._sampled_bytes += trace.bytes
        trace.is_sample = True
        self._sampled[trace_id] = trace
        self._keep_to_bytes()
        if len(self._sampled) > _SAMPLES_MAX:
            self._drop(self._sampled, next(iter(self._sampled)))

    def wants(self, latency: i64, now: i64) -> bool:
        """True, once a second for each latency bucket: a sample whose span is not made yet.

        By bucket alone: to know an exchange's name its statement would have to be read.
        """
        return self.turns.due(latency, now) and self.turns.take(bucket_of(latency), now)

    def _name(self, name: str) -> Name:
        known = self._names.get(name)
        if known is None:
            if len(self._names) >= _NAMES_MAX:
                name = OTHER
            known = self._names.setdefault(name, Name())
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
        return self.some((trace_id,))[trace_id]

    def some(self, trace_ids: Iterable[str]) -> dict[str, Kept]:
        """Return what is kept of each of these traces, by their ids, in one pass."""
        found: dict[str, list[Span | Recorded]] = {}
        for trace_id in trace_ids:
            trace = self._known(trace_id)
            found[trace_id] = [] if trace is None else trace.items.copy()
        for item in self._in_ring():
            known = found.get(trace_id_of(item))
            if known is not None:
                known.append(item)
        return {trace_id: Kept(trace_id, items) for trace_id, items in found.items()}

    def parted(self) -> tuple[list[Recorded], list[Kept]]:
        """Return the plain requests that are alone in their traces, as nearly all are, and the
        other traces.  Both are in any order."""
        alone: list[Recorded] = []
        others: list[Kept] = []
        for trace_id, items in self._whole().items():
            first = items[0]
            if len(items) == 1 and isinstance(first, Recorded) and first.plain:
                alone.append(first)
            else:
                others.append(Kept(trace_id, items))
        return alone, others

    def traces(self) -> list[Kept]:
        """Every kept trace, the one whose last span came last first."""
        kept = list(self._whole().items())
        kept.sort(key=lambda item: item[1][-1].end, reverse=True)
        return [Kept(trace_id, items) for trace_id, items in kept]

    def _whole(self) -> dict[str, list[Span | Recorded]]:
        """Return what is kept, by trace."""
        whole: dict[str, list[Span | Recorded]] = {}
        for some in (self._sampled, self._recent):
            for trace_id, trace in some.items():
                whole[trace_id] = trace.items
        for trace_id, items in self._among_newest().items():
            known = whole.get(trace_id)
            whole[trace_id] = items if known is None else [*known, *items]
        return whole

    def _among_newest(self) -> dict[str, list[Span | Recorded]]:
        """Return the newest requests that are with no trace, by trace, the oldest first."""
        found: dict[str, list[Span | Recorded]] = {}
        for item in self._in_ring():
            found.setdefault(trace_id_of(item), []).append(item)
        return found

    def _in_ring(self) -> list[Span | Recorded]:
        """Return them, the oldest first."""
        at = self._next_newest
        return [item for item in (*self._newest[at:], *self._newest[:at]) if item is not None]

    def _lonely(self) -> list[str]:
        """Return the ids of traces of which there is nothing elsewhere."""
        return [one for one in self._among_newest() if self._known(one) is None]
