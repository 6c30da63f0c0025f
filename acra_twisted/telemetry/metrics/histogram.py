"""Histograms of durations that cost little on the data path.

Those of requests are counted with a run of them (`figures.runs`).  What Prometheus is told is made
when it asks.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from time import time
from typing import Any, Final

from prometheus_client.core import HistogramMetricFamily
from prometheus_client.samples import Exemplar
from prometheus_client.utils import floatToGoString

from acra_twisted.fast.counts import Counts
from acra_twisted.telemetry.figures.buckets import beginnings

#: Labels of an exemplar: trace id and span id.
Ids = tuple[str, str]
_SECOND: Final = 1_000_000_000


class Durations:
    """One series: counts by bucket, a sum, and the last exemplar of each bucket.

    Durations are nanoseconds, what is negative counts as none; ``bounds``, and what Prometheus is
    told, seconds.
    """

    __slots__ = ("counts", "_bounds", "_begins", "_exemplars")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._begins = beginnings(bounds)
        #: To be added to where a run of durations is counted at once.
        self.counts = Counts(len(bounds) + 1)
        self._exemplars: list[tuple[Ids, float, float] | None] = [None] * (len(bounds) + 1)

    def count(self, duration: int) -> None:
        """Count one."""
        self.counts.add(self._bucket(duration), max(duration, 0))

    def note(self, duration: int, ids: Ids, when: float = 0.0) -> None:
        """Name one that is counted as well: ``ids`` are of the span that it was, ``when`` is Unix
        time."""
        known = (ids, duration / _SECOND, when or time())
        self._exemplars[self._bucket(duration)] = known

    def _bucket(self, duration: int) -> int:
        return max(bisect_right(self._begins, duration) - 1, 0)

    def put(self, family: HistogramMetricFamily, labels: Sequence[str]) -> None:
        """Add what was counted to what is told."""
        count = 0
        buckets: list[Any] = []
        counted = self.counts.sparse()
        for place, bound in enumerate((*self._bounds, float("inf"))):
            count += counted.get(place, 0)
            exemplar = None
            last = self._exemplars[place]
            if last is not None:
                (trace_id, span_id), value, when = last
                exemplar = Exemplar({"trace_id": trace_id, "span_id": span_id}, value, when)
            buckets.append((floatToGoString(bound), count, exemplar))
        family.add_metric(labels, buckets, self.counts.total / _SECOND)


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
