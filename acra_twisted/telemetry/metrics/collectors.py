"""Collectors that are read when somebody scrapes, and the label of listeners."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

_LISTENER: Final = "listener"


class ListenerLabel:
    """The label that tells the listeners of a daemon apart.  ``sections`` are the names of those
    that it has besides its own address; a daemon without has no such label."""

    def __init__(self, sections: Iterable[str] = ()) -> None:
        #: All names; that of the daemon's own address is empty.
        self.names: Final = ("", *sections)
        #: The label's name, if there is one.
        self.label: Final = (_LISTENER,) if len(self.names) > 1 else ()

    def value(self, name: str) -> tuple[str, ...]:
        """Return the label's value for a listener, if there is a label."""
        return (name,) if self.label else ()


def child(metric: Any, *values: str) -> Any:
    """Return what counts of a metric of prometheus-client for these values of its labels: itself
    where it has none."""
    return metric.labels(*values) if values else metric


class Pools:
    """Size and limit of what is bounded, read when scraped."""

    def __init__(self) -> None:
        self.pools: dict[str, tuple[Callable[[], int], int]] = {}

    def collect(self) -> Any:
        """Reads plain integers: safe in the scraper's thread."""
        sizes = GaugeMetricFamily("acra_pool_entries", "What bounded pools hold", labels=["pool"])
        limits = GaugeMetricFamily(
            "acra_pool_limit", "What they may hold; 0 is no limit", labels=["pool"]
        )
        for name, (size, limit) in self.pools.items():
            sizes.add_metric([name], size())
            limits.add_metric([name], limit)
        yield sizes
        yield limits


class Exporters:
    """Queues and counters of exporters of spans, by the exporter's name; read when scraped."""

    def __init__(self) -> None:
        self.watched: list[Any] = []

    def collect(self) -> Any:
        """Reads plain integers: safe in the scraper's thread."""
        queues = GaugeMetricFamily(
            "acra_span_exporter_queue", "Spans waiting to be exported", labels=["exporter"]
        )
        spans = CounterMetricFamily(
            "acra_span_exporter_spans",
            "Spans by exporter and what became of them",
            labels=["exporter", "result"],
        )
        for exporter in self.watched:
            queues.add_metric([exporter.name], exporter.queued)
            for result, count in exporter.counts.items():
                spans.add_metric([exporter.name, result], count)
        yield queues
        yield spans


class Certificates:
    """When certificates expire, read when scraped."""

    def __init__(self, ends: Callable[[], Mapping[str, float]]) -> None:
        self._ends = ends

    def collect(self) -> Any:
        """Those in use at the moment."""
        gauge = GaugeMetricFamily(
            "acra_certificate_expiry_timestamp_seconds",
            "When the certificate of a setting expires, in Unix time",
            labels=["setting"],
        )
        for setting, end in self._ends().items():
            gauge.add_metric([setting], end)
        yield gauge


class Total:
    """A counter without labels, read when scraped.  ``counter`` is a name with its help text."""

    def __init__(self, counter: tuple[str, str], count: Callable[[], int]) -> None:
        self._counter = counter
        self._count = count

    def collect(self) -> Any:
        """Reads a plain integer: safe in the scraper's thread."""
        yield CounterMetricFamily(*self._counter, self._count())


class Counts:
    """A counter with one label, read when scraped: ``counts`` is asked each time.  ``counter`` is a
    name with its help text."""

    def __init__(
        self, counter: tuple[str, str], label: str, counts: Callable[[], Mapping[str, int]]
    ) -> None:
        self._counter = counter
        self._label = label
        self._counts = counts

    def collect(self) -> Any:
        """Reads plain integers: safe in the scraper's thread."""
        counter = CounterMetricFamily(*self._counter, labels=[self._label])
        for value, count in self._counts().items():
            counter.add_metric([value], count)
        yield counter


class CountsBy:
    """A counter with several labels, in plain integers: prometheus-client's own takes five calls
    and a lock for each.  ``counter`` is a name with its help text."""

    def __init__(
        self, registry: CollectorRegistry, counter: tuple[str, str], labels: Sequence[str]
    ) -> None:
        self._counter = counter
        self._labels = labels
        self._counts: dict[tuple[str, ...], int] = {}
        self._watched: dict[tuple[str, ...], Callable[[], int]] = {}
        registry.register(self)

    def expose(self, *values: str) -> None:
        """Expose the count for these values of the labels, also while it is 0."""
        self._counts.setdefault(values, 0)

    def watch(self, count: Callable[[], int], *values: str) -> None:
        """Expose what is counted elsewhere for these values of the labels; read when scraped."""
        self._watched[values] = count

    def count(self, *values: str) -> None:
        """Count one for these values of the labels."""
        counts = self._counts
        counts[values] = counts.get(values, 0) + 1

    def collect(self) -> Any:
        """Reads plain integers: safe in the scraper's thread."""
        counter = CounterMetricFamily(*self._counter, labels=self._labels)
        for values, count in tuple(self._counts.items()):
            counter.add_metric(values, count)
        for values, watched in self._watched.items():
            counter.add_metric(values, watched())
        yield counter


class Watched(Counts):
    """A size and a few counters of something, read when scraped.

    ``gauge`` and ``counter`` are names with their help texts.
    """

    def __init__(
        self,
        gauge: tuple[str, str],
        size: Callable[[], int],
        counter: tuple[str, str],
        counts: Mapping[str, int],
    ) -> None:
        super().__init__(counter, "result", lambda: counts)
        self._gauge = gauge
        self._size = size

    def collect(self) -> Any:
        """Reads plain integers: safe in the scraper's thread."""
        gauge = GaugeMetricFamily(*self._gauge)
        gauge.add_metric([], self._size())
        yield gauge
        yield from super().collect()
