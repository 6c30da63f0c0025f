"""The Prometheus metrics of every daemon: Acra's names, labels and buckets, and a few of ours.

Source: acra-observability reference, section 12.  Label values come from fixed sets only: client
ids, addresses and query texts are never labels.  Children are bound at start, for ``labels()``
costs three times as much as ``inc()``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

from acra_twisted import __version__
from acra_twisted.eventtable import TABLE
from acra_twisted.telemetry.metrics.collectors import (
    Certificates,
    Counts,
    CountsBy,
    Exporters,
    ListenerLabel,
    Pools,
    Total,
    Watched,
    child,
)

CONNECTION_BUCKETS = (0.1, 0.2, 0.5, 1, 10, 60, 3600, 86400)
#: Characters that the name of a label cannot have.
_NOT_IN_LABELS = re.compile("[^A-Za-z0-9_]")


def _label(attribute: str) -> str:
    """Return the name of the label for an attribute of a resource."""
    name = _NOT_IN_LABELS.sub("_", attribute).lstrip("_")
    return name if name[:1].isalpha() else f"a_{name}"


class DaemonMetrics:
    """Counts what every daemon has.  ``service`` begins the names, such as ``acraserver``;
    ``listeners`` are the names of its sections for listeners."""

    def __init__(self, service: str, listeners: Iterable[str] = ()) -> None:
        disable_created_metrics()
        #: Which of the listeners something is of.
        self.by_listener = ListenerLabel(listeners)
        self.registry = CollectorRegistry()
        registry = self.registry
        self._connections = Counter(
            f"{service}_connections_total",
            "Connections accepted",
            ["connection_type", *self.by_listener.label],
            registry=registry,
        )
        self._processing = Histogram(
            f"{service}_connections_processing_seconds",
            "Time from accept to close",
            ["connection_type", *self.by_listener.label],
            buckets=CONNECTION_BUCKETS,
            registry=registry,
        )
        self._by_type: dict[tuple[str, str], tuple[Any, Any]] = {}
        for name in self.by_listener.names:
            self._of_type("db", name)
        for place, part in zip(("major", "minor", "patch"), __version__.split("."), strict=True):
            Gauge(f"{service}_version_{place}", f"{place} version", registry=registry).set(
                int(part)
            )
        # Acra has a counter without _total, which the library does not make: the name is kept.
        Gauge(f"{service}_build_info", "Build", ["edition", "version"], registry=registry).labels(
            "ce", __version__
        ).set(1)
        self._pools = Pools()
        registry.register(self._pools)
        self._exporters: Exporters | None = None
        self._open = Gauge(
            "acra_open_connections",
            "Connections open at this moment",
            self.by_listener.label,
            registry=registry,
        )
        events_total = Counter(
            "acra_events_total", "Events of the security log by code", ["code"], registry=registry
        )
        self._events = {code: events_total.labels(str(code)) for code in TABLE}
        self._silent: dict[str, int] = {}
        text = "Connections of which nothing was asked (probes of the port), by how far they came"
        registry.register(Counts(("acra_silent_connections", text), "reached", self._silent.copy))
        contexts = ("acra_trace_contexts", "Trace contexts received, by what became of them")
        self._contexts = CountsBy(registry, contexts, ["source", "result"])
        self._lag = Histogram(
            "acra_event_loop_lag_seconds",
            "How late a timer of the event loop fired",
            buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5),
            registry=registry,
        )

    def connection_opened(self, connection_type: str = "db", listener: str = "") -> None:
        """A listener has accepted a connection; ``connection_type`` is ``db`` or ``api``, as in
        Acra."""
        self._of_type(connection_type, listener)[0].inc()
        child(self._open, *self.by_listener.value(listener)).inc()

    def connection_closed(
        self, seconds: float, connection_type: str = "db", listener: str = ""
    ) -> None:
        """It ended, so long after it was accepted."""
        child(self._open, *self.by_listener.value(listener)).dec()
        self._of_type(connection_type, listener)[1].observe(seconds)

    def _of_type(self, connection_type: str, listener: str) -> tuple[Any, Any]:
        """The counter and the histogram; those of a port that is off are not exposed."""
        found = self._by_type.get((connection_type, listener))
        if found is None:
            values = (connection_type, *self.by_listener.value(listener))
            found = self._by_type[connection_type, listener] = (
                self._connections.labels(*values),
                self._processing.labels(*values),
            )
        return found

    def event(self, code: int) -> None:
        """An event of the security log."""
        self._events[code].inc()

    def left_silently(self, after: str) -> None:
        """A peer has gone before it asked for anything, however far it came."""
        self._silent[after] = self._silent.get(after, 0) + 1

    def trace_context(self, source: str, result: str) -> None:
        """``source``: link or comment; ``result``: continued, absent or malformed."""
        self._contexts.count(source, result)

    def loop_lag(self, seconds: float) -> None:
        """How late a timer was."""
        self._lag.observe(max(seconds, 0.0))

    def count_sessions(self) -> Iterable[None]:
        """Prepare a scrape, a few sessions at each step; here there are none."""
        return ()

    def watch_keys(self, cache: Any) -> None:
        """Expose a keystore.cache.KeyCache's size and counters; read when scraped."""
        self.registry.register(
            Watched(
                ("acra_keystore_cache_entries", "Keys kept in memory"),
                lambda: len(cache),
                ("acra_keystore_cache", "Requests for keys by what became of them"),
                cache.counts,
            )
        )

    def watch_traces(self, counts: Callable[[], Mapping[str, int]]) -> None:
        """Expose what became of traces; read when scraped."""
        text = (
            "Traces by what the sampler decided, exchanges kept although it did not want them, and "
            "exchanges thinned because no exporter kept up"
        )
        self.registry.register(Counts(("acra_traces", text), "decision", counts))

    def watch_pool(self, name: str, size: Callable[[], int], limit: int) -> None:
        """Expose how full something bounded is; read when scraped."""
        self._pools.pools[name] = (size, limit)

    def pools(self) -> dict[str, tuple[int, int]]:
        """Return what bounded pools hold, and what they may hold; 0 is no limit."""
        return {name: (size(), limit) for name, (size, limit) in self._pools.pools.items()}

    def tell_origin(self, attributes: Mapping[str, Any]) -> None:
        """Expose which daemon this is, and where: the resource's attributes, but for the process,
        which is another one once it is in the background."""
        known = {
            _label(name): str(value) for name, value in attributes.items() if name != "process.pid"
        }
        # As OpenTelemetry's conventions for Prometheus have it.
        info = Gauge("target_info", "The daemon", list(known), registry=self.registry)
        info.labels(*known.values()).set(1)

    def watch_certificates(self, ends: Callable[[], Mapping[str, float]]) -> None:
        """Expose when certificates expire, by the setting that names them; read when scraped."""
        self.registry.register(Certificates(ends))

    def watch_log(self, writer: Any) -> None:
        """Expose the number of lines that could not be written; read when scraped."""
        text = "Log lines that some destination could not take"
        self.registry.register(Total(("acra_log_lines_lost", text), lambda: writer.lost))

    def watch_intake(self, counts: Mapping[str, int]) -> None:
        """Expose what became of spans that connectors handed over; read when scraped."""
        text = "Spans of connectors, for the pages, by what became of them"
        self.registry.register(Counts(("acra_span_intake_spans", text), "result", lambda: counts))

    def watch_tokens(self, counts: Mapping[str, int]) -> None:
        """Expose what became of tokens and requests for them; read when scraped."""
        text = (
            "Tokens that were made, and tokens that could not be read, because they are unknown, "
            "disabled or closed; requests by whether memory had the answer; and times of last use "
            "that were written"
        )
        self.registry.register(Counts(("acra_tokens", text), "result", lambda: counts))

    def watch_history(self, history: Any) -> None:
        """Expose what became of a history's pieces, and the size of its file; read when scraped."""
        text = (
            "Pieces of the history by what became of them: stored, unfit, given_up for younger "
            "ones, and left out for a reason"
        )
        counts: Callable[[], Mapping[str, int]] = history.counts
        self.registry.register(Counts(("acra_history_pieces", text), "result", counts))
        text = "Troubles with the history's file, by kind"
        self.registry.register(Counts(("acra_history_troubles", text), "kind", history.troubles))
        self.watch_pool("pieces for the history", lambda: history.waiting, history.waiting_limit)
        self.watch_pool("bytes of the history", lambda: history.size, history.size_limit)

    def watch_exporter(self, exporter: Any) -> None:
        """Expose an exporter's queue and counters; read when scraped."""
        if self._exporters is None:
            self._exporters = Exporters()
            self.registry.register(self._exporters)
        self._exporters.watched.append(exporter)
        limit = getattr(exporter, "limit", 0)
        if limit:
            self.watch_pool(f"spans for {exporter.name}", lambda: exporter.queued, limit)
