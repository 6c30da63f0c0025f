"""Histograms of durations that cost little on the data path.

Of durations all over the buckets `count` takes 0.6 us, `observe` with an exemplar 0.9 us, where
prometheus-client's own takes 2.1 us and 5.6 us.  What Prometheus is told is made when it asks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from time import time
from typing import TYPE_CHECKING, Any, Final

from prometheus_client.core import HistogramMetricFamily
from prometheus_client.samples import Exemplar
from prometheus_client.utils import floatToGoString

from acra_twisted.fast.byteswriter import zeros

if TYPE_CHECKING:
    from mypy_extensions import i64

#: Labels of an exemplar: trace id and span id.
Ids = tuple[str, str]
_SECOND: Final = 1_000_000_000
#: Nanoseconds: no duration is as long.
_EVER: Final = 1 << 61
#: So many of a bucket are counted in a byte.
_MANY: Final = 256


class Durations:
    """One series: counts by bucket, a sum, and the last exemplar of each bucket.

    Durations are nanoseconds; ``bounds``, and what Prometheus is told, seconds.
    """

    __slots__ = (
        "_bounds",
        "_limits",
        "_place",
        "_from",
        "_to",
        "_few",
        "_many",
        "_sum",
        "_exemplars",
    )

    _place: i64
    _from: i64
    _to: i64

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._limits = tuple([round(bound * _SECOND) for bound in bounds])
        # The bucket of the last one: what is longer than ``_from`` and no longer than ``_to``.
        self._place = 0
        self._from = -_EVER
        self._to = self._limits[0]
        # For each bucket: a count below _MANY, and the number of times that it was reached.
        self._few = zeros(len(bounds) + 1)
        self._many = [0] * (len(bounds) + 1)
        self._sum = 0
        self._exemplars: list[tuple[Ids, float, float] | None] = [None] * (len(bounds) + 1)

    def count(self, duration: i64) -> i64:
        """Count one; which bucket it is in.

        It is looked for from the last one's on: most last about as long.
        """
        if duration <= self._from or duration > self._to:
            self._look_for(duration)
        few, place = self._few, self._place
        before: int = few[place]
        if before == _MANY - 1:
            before = -1
            self._many[place] += 1
        few[place] = before + 1
        # A sum may become larger than what is added where this is compiled.
        more: int = duration
        self._sum += more
        return place

    def _look_for(self, duration: i64) -> None:
        limits, place = self._limits, self._place
        while place < len(limits) and duration > limits[place]:
            place += 1
        while place > 0 and duration <= limits[place - 1]:
            place -= 1
        self._place = place
        self._from = limits[place - 1] if place else -_EVER
        self._to = limits[place] if place < len(limits) else _EVER

    def observe(self, duration: int, ids: Ids, when: float = 0.0) -> None:
        """Count one; ``ids`` name the span that it was, ``when`` is Unix time."""
        self._exemplars[self.count(duration)] = (ids, duration / _SECOND, when or time())

    def put(self, family: HistogramMetricFamily, labels: Sequence[str]) -> None:
        """Add what was counted to what is told."""
        count = 0
        buckets: list[Any] = []
        bounds = (*self._bounds, float("inf"))
        counted = zip(bounds, self._many, self._exemplars, strict=True)
        for place, (bound, many, last) in enumerate(counted):
            # On its own: what is added to a byte is a byte where this is compiled.
            few: int = self._few[place]
            count += many * _MANY + few
            exemplar = None
            if last is not None:
                (trace_id, span_id), value, when = last
                exemplar = Exemplar({"trace_id": trace_id, "span_id": span_id}, value, when)
            buckets.append((floatToGoString(bound), count, exemplar))
        family.add_metric(labels, buckets, self._sum / _SECOND)


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
