"""Histograms of durations that cost little on the data path.

Durations of one series are counted as those of `telemetry.figures` are, many of them by one call
(`DurationsRun`).  What Prometheus is told is made when it asks.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from time import time
from typing import TYPE_CHECKING, Any, Final

from prometheus_client.core import HistogramMetricFamily
from prometheus_client.samples import Exemplar
from prometheus_client.utils import floatToGoString

from acra_twisted.fast.byteswriter import BytesWriter, write_i64_le
from acra_twisted.fast.counts import Adding, Counts

if TYPE_CHECKING:
    from mypy_extensions import i64

#: Labels of an exemplar: trace id and span id.
Ids = tuple[str, str]
_SECOND: Final = 1_000_000_000
#: A duration of a run has the place of its series, and is counted there.
_RULES: Final = (((0, 0),),)


def _begins_of(bounds: Sequence[float]) -> tuple[int, ...]:
    """Nanoseconds at which buckets begin; one ends with its bound, which belongs to it."""
    return (0, *[round(bound * _SECOND) + 1 for bound in bounds])


class Durations:
    """One series: counts by bucket, a sum, and the last exemplar of each bucket.

    Durations are nanoseconds, a negative one is 0; ``bounds``, and what Prometheus is told,
    seconds.
    """

    __slots__ = ("counts", "_bounds", "_begins", "_exemplars")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._begins = _begins_of(bounds)
        self.counts = Counts(len(bounds) + 1)
        self._exemplars: list[tuple[Ids, float, float] | None] = [None] * (len(bounds) + 1)

    def count(self, duration: int) -> None:
        """Count one."""
        self.counts.add(self._place(duration), max(duration, 0))

    def note(self, duration: int, ids: Ids, when: float = 0.0) -> None:
        """Note of one that is counted that ``ids`` name its span; ``when`` is Unix time."""
        self._exemplars[self._place(duration)] = (ids, duration / _SECOND, when or time())

    def _place(self, duration: int) -> int:
        return max(bisect_right(self._begins, duration) - 1, 0)

    def put(self, family: HistogramMetricFamily, labels: Sequence[str]) -> None:
        """Add what was counted to what is told."""
        count = 0
        buckets: list[Any] = []
        counts = self.counts.sparse()
        bounds = (*self._bounds, float("inf"))
        for place, (bound, last) in enumerate(zip(bounds, self._exemplars, strict=True)):
            count += counts.get(place, 0)
            exemplar = None
            if last is not None:
                (trace_id, span_id), value, when = last
                exemplar = Exemplar({"trace_id": trace_id, "span_id": span_id}, value, when)
            buckets.append((floatToGoString(bound), count, exemplar))
        family.add_metric(labels, buckets, self.counts.total / _SECOND)


class DurationsRun:
    """Durations of series with these ``bounds``, gathered until `count` counts them by one call."""

    __slots__ = ("_adding", "_counts", "_gathered")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._adding = Adding(_begins_of(bounds), 1, _RULES)
        self._counts: list[Counts] = []
        self._gathered = BytesWriter()

    def admit(self, series: Durations) -> int:
        """Return the place of a series for `add`."""
        self._counts.append(series.counts)
        return len(self._counts) - 1

    def add(self, place: i64, duration: i64) -> None:
        """Add a duration of the series with a place; a negative one is none."""
        write_i64_le(self._gathered, place)
        write_i64_le(self._gathered, duration)

    def count(self) -> None:
        """Count what was gathered."""
        gathered = self._gathered.getvalue()
        if gathered:
            self._gathered.truncate(0)
            self._adding.add(gathered, self._counts)


class DurationsBy:
    """A histogram with labels, for a registry.  A series is made when it is first asked for."""

    def __init__(
        self, registry: Any, name: str, text: str, labels: Sequence[str], bounds: Sequence[float]
    ) -> None:
        self._name, self._text, self._labels = name, text, tuple(labels)
        self._bounds = bounds
        self._series: dict[tuple[str, ...], Durations] = {}
        registry.register(self)

    def labels(self, *values: str) -> Durations:
        """The series with these values."""
        found = self._series.get(values)
        if found is None:
            found = self._series[values] = Durations(self._bounds)
        return found

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """prometheus-client: what was counted."""
        family = HistogramMetricFamily(self._name, self._text, labels=self._labels)
        for values, durations in list(self._series.items()):
            durations.put(family, values)
        yield family

    def describe(self) -> list[Any]:
        """prometheus-client: the names, to find two that are the same."""
        return [HistogramMetricFamily(self._name, self._text, labels=self._labels)]
