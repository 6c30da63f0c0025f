"""Everything a daemon tells, as one service made from its settings: exporters, pages, metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, DeferredList, ensureDeferred, maybeDeferred
from twisted.internet.task import LoopingCall

from acra_twisted.options import Address, Settings
from acra_twisted.telemetry.clock import steady_clock
from acra_twisted.telemetry.destinations import make_exporters
from acra_twisted.telemetry.metrics import DaemonMetrics
from acra_twisted.telemetry.sampling import by_client, make_sampler
from acra_twisted.telemetry.spans import Span
from acra_twisted.telemetry.tracing import Tracing
from acra_twisted.telemetry.zpages import TracePages
from acra_twisted.telemetry.zstore import SpanStore
from acra_twisted.transport.endpoints import ListenerService, bind

_LAG_INTERVAL = 0.5


class TelemetryService(MultiService):
    """``running`` gives the spans that have not ended, for the pages.

    Nothing is started, connected or threaded before startService: a daemon forks in between.
    """

    def __init__(
        self,
        reactor: Any,
        service: str,
        settings: Settings,
        metrics: DaemonMetrics,
        running: Callable[[], Iterable[Span]],
    ) -> None:
        super().__init__()
        self._reactor = reactor
        self.metrics = metrics
        self.clock = steady_clock()
        self.exporters = make_exporters(reactor, service, settings)
        for exporter in self.exporters:
            metrics.watch_exporter(exporter)
        self._exports = [exporter.export for exporter in self.exporters]
        zpages = settings["incoming_connection_zpages_string"]
        self.store = SpanStore(self.clock) if zpages is not None else None
        self._pages = TracePages(service, self.store, running) if self.store is not None else None
        self.tracing = Tracing(
            make_sampler(settings["tracing_sampler"], self.clock),
            self.clock,
            self._sink(),
            settings["tracing_trust_remote"],
            by_client(settings.get("tracing_sampler_by_client", ()), self.clock),
        )
        metrics.watch_traces(self.tracing.counts)
        self._listen(settings["incoming_connection_prometheus_metrics_string"], zpages)
        self._lag = LoopingCall(self._measure_lag)
        self._lag.clock = reactor
        self._due = 0.0

    def _sink(self) -> Callable[[Span], None]:
        exports = self._exports
        keep = self.store.add if self.store is not None else None

        def sink(span: Span) -> None:
            if keep is not None:
                keep(span)
            if span.sampled or span.kept:
                for export in exports:
                    export(span)

        return sink

    def add_exporter(self, exporter: Any) -> None:
        """One more that a daemon has made itself, before the start."""
        self.exporters.append(exporter)
        self._exports.append(exporter.export)
        self.metrics.watch_exporter(exporter)

    def _listen(self, metrics: Address | None, zpages: Address | None) -> None:
        """One site per address; the option that opens it is named if it can't be opened."""
        if metrics is None and zpages is None:
            return
        # Imported only here: a daemon without metrics and pages does not pay for the web.
        from acra_twisted.telemetry.site import make_site

        registry = self.metrics.registry
        both = metrics == zpages
        if metrics is not None:
            site = make_site(self._reactor, registry, self._pages if both else None)
            self._serve("incoming_connection_prometheus_metrics_string", metrics, site)
        if zpages is not None and not both:
            site = make_site(self._reactor, None, self._pages)
            self._serve("incoming_connection_zpages_string", zpages, site)

    def _serve(self, option: str, address: Address, site: Any) -> None:
        listener = bind(option, address)
        ListenerService(self._reactor, listener, site, address.path).setServiceParent(self)

    def _measure_lag(self) -> None:
        now = self._reactor.seconds()
        if self._due:
            self.metrics.loop_lag(now - self._due)
        self._due = now + _LAG_INTERVAL

    def startService(self) -> None:
        """Begin to export."""
        super().startService()
        for exporter in self.exporters:
            exporter.start()
        self._lag.start(_LAG_INTERVAL)

    def stopService(self) -> Deferred[Any]:
        """Send what is queued, within the exporters' deadline."""
        if self._lag.running:
            self._lag.stop()
        flushed = [maybeDeferred(exporter.stop) for exporter in self.exporters]
        return DeferredList([*flushed, maybeDeferred(super().stopService)], consumeErrors=True)


class LoggedRoot(MultiService):
    """The top service of a daemon: installs our log lines in place of twistd's.

    ``services`` are what the log's sinks need; they end after all others.
    """

    def __init__(self, writer: Any, services: Iterable[Any] = ()) -> None:
        super().__init__()
        self.writer = writer
        for service in services:
            service.setServiceParent(self)

    def startService(self) -> None:
        """Begin the log's chain, after daemonizing."""
        self.writer.begin()
        super().startService()

    async def _end(self) -> None:
        own, *sinks = reversed(list(self))
        await maybeDeferred(own.stopService)
        self.writer.end()
        for service in sinks:
            await maybeDeferred(service.stopService)

    def stopService(self) -> Deferred[Any]:
        """The daemon first, then the chain's last lines, then what carries them."""
        self.running = 0
        return ensureDeferred(self._end())

    def setServiceParent(self, parent: Any) -> None:
        """Twisted: the parent is the application whose log observer is chosen now."""
        from twisted.application.service import IServiceCollection
        from twisted.logger import ILogObserver
        from twisted.python.components import Componentized

        if isinstance(parent, Componentized):
            parent.setComponent(ILogObserver, self.writer)
            parent = IServiceCollection(parent)
        super().setServiceParent(parent)
