"""Makes what a daemon tells from its settings, as one service: exporters, pages, metrics."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, DeferredList, ensureDeferred, maybeDeferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger, globalLogPublisher

from acra_twisted import events
from acra_twisted.optionkinds import Address
from acra_twisted.options import Settings
from acra_twisted.pipeline.baseobserver import BaseObserver
from acra_twisted.pipeline.observers import Observers, at_once
from acra_twisted.session import Session
from acra_twisted.telemetry import vitals
from acra_twisted.telemetry.export.destinations import doubts, make_exporters
from acra_twisted.telemetry.export.resource import Resource
from acra_twisted.telemetry.figures.edges import EDGES_MAX, Edges
from acra_twisted.telemetry.figures.history import SIZE_MAX as FIGURES_MAX
from acra_twisted.telemetry.figures.statements import StatementFigures
from acra_twisted.telemetry.figures.tallies import Ways
from acra_twisted.telemetry.history.opening import make_history
from acra_twisted.telemetry.logs import banner
from acra_twisted.telemetry.logs.audit import AuditLog
from acra_twisted.telemetry.logs.recent import RECENT_MAX, RecentEvents
from acra_twisted.telemetry.metrics.daemon import DaemonMetrics
from acra_twisted.telemetry.metrics.exchanges import ConnectorExchanges
from acra_twisted.telemetry.pages.changes import Changes
from acra_twisted.telemetry.pages.peers import Peers
from acra_twisted.telemetry.pages.readiness import Reach, ReachAll
from acra_twisted.telemetry.pages.traces import TracePages
from acra_twisted.telemetry.pages.turns import Turns
from acra_twisted.telemetry.pages.unopened import Unopened
from acra_twisted.telemetry.sites import PAGES, Parts, make_sites
from acra_twisted.telemetry.tracing.backpressure import Backpressure
from acra_twisted.telemetry.tracing.clock import steady_clock
from acra_twisted.telemetry.tracing.exchanges import ExchangeTracing, Tracing
from acra_twisted.telemetry.tracing.processor import SpanProcessor
from acra_twisted.telemetry.tracing.sampling import by_client, make_sampler
from acra_twisted.telemetry.tracing.spans import Span
from acra_twisted.telemetry.tracing.store import BYTES_MAX, TRACES_MAX, SpanStore
from acra_twisted.transport.activation import InheritedSockets
from acra_twisted.transport.certificates import clock, judged
from acra_twisted.transport.endpoints import ListenerService, bind
from acra_twisted.transport.keepalive import keepalive
from acra_twisted.transport.tlscontext import TLSContexts

if TYPE_CHECKING:
    from acra_twisted.telemetry.pages.past import Past

#: Seconds between measurements of the lag, and looks for what is to be told.
_LAG_INTERVAL = 0.5
#: Seconds between looks at the dates of certificates.
_LOOK_INTERVAL = 12 * 3600


class TelemetryService(MultiService):
    """Exporters, pages and metrics of the daemon ``service``.

    ``running`` gives the spans that have not ended, ``sessions`` the sessions of the moment; both
    are for the pages.  ``system`` is the database whose requests the pages count, empty for a
    daemon without sessions.  ``tls_prefix`` stands before the options of the certificates that
    guard the pages; their context is added to ``contexts``.

    Nothing is started, connected or threaded before startService: a daemon forks in between.
    """

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        service: str,
        settings: Settings,
        metrics: DaemonMetrics,
        running: Callable[[], Iterable[Span]],
        sessions: Callable[[], Iterable[Session]] = tuple,
        tls_prefix: str = "tls_",
        contexts: TLSContexts | None = None,
        *,
        inherited: InheritedSockets | None = None,
        system: str = "",
        afterwards: Callable[[Callable[[], Any]], None] = at_once,
    ) -> None:
        super().__init__()
        self._contexts = TLSContexts() if contexts is None else contexts
        metrics.watch_certificates(self._contexts.ends)
        self._reactor = reactor
        self._afterwards = afterwards
        self._service = service
        self.metrics = metrics
        self.clock = steady_clock()
        self.resource = Resource(service, os.environ)
        self._process = vitals.Process(self.clock)
        #: Moments at which something has changed.
        self.changes = Changes(self.clock)
        metrics.tell_origin(self.resource.attributes())
        self.exporters = make_exporters(reactor, service, settings, self.resource)
        self._doubts = doubts(settings) if self.exporters else []
        for exporter in self.exporters:
            metrics.watch_exporter(exporter)
        self._told: list[Observers] = []
        self.store = SpanStore() if settings[PAGES] is not None else None
        #: The file in which traces are kept; None where they are not.
        self.history = make_history(reactor, service, settings, self.clock)
        intake = None
        if self.history is not None:
            intake = self.history.intake
            metrics.watch_history(self.history)
            self.history.setServiceParent(self)
        #: Where what no session waits for has its turn.
        self.turns = Turns(reactor)
        #: Counts requests by the shapes of their statements; None where nobody sees them.
        self.figures: StatementFigures | None = None
        if system and self._keeps:
            self.figures = StatementFigures(self.clock(), self.turns)
            metrics.watch_pool(
                "bytes of statements' figures", self.figures.history.__len__, FIGURES_MAX
            )
            if self.history is not None:
                self.history.follow(self.figures)
        #: Counts requests by their ways from clients to databases; None where there are no pages.
        self.edges: Edges | None = None
        self._pages: TracePages | None = None
        self._peers: Peers | None = None
        self._unopened: Unopened | None = None
        self._recent: RecentEvents | None = None
        if self.store is not None:
            self._recent = RecentEvents(service, self.clock())
            metrics.watch_pool("security events", self._recent.__len__, RECENT_MAX)
            store = self.store
            metrics.watch_pool("traces of the pages", store.__len__, TRACES_MAX)
            metrics.watch_pool("bytes of the pages' traces", lambda: store.bytes, BYTES_MAX)
            if system:
                self.edges = Edges(self.clock(), self.turns)
                metrics.watch_pool("ways of requests", self.edges.__len__, EDGES_MAX)
            self._pages = TracePages(
                service,
                self.store,
                running,
                sessions=sessions,
                clock=self.clock,
                figures=self.figures,
                past=self._past(),
            )
            self._peers = Peers(self.clock)
            self._unopened = Unopened(self.clock)
            if self.figures is not None:
                self.figures.counter.on_login = self._peers.logged_in
            self.tell("changes", self.changes.shown)
            self.tell("peers", self._peers.shown)
            self.tell("unopened", self._unopened.shown)
            self.tell("origin", self.resource.attributes)
        self._processor = SpanProcessor(self.store, self.exporters, intake)
        self.tracing = Tracing(
            make_sampler(settings["tracing_sampler"], self.clock),
            self.clock,
            self._processor.put,
            settings["tracing_trust_remote"],
            by_client(settings.get("tracing_sampler_by_client", ()), self.clock),
            self._processor.put_recorded,
        )
        self.tracing.recording = self._keeps or bool(self.exporters)
        self.tracing.backpressure = Backpressure(self._processor.room, self.clock)
        metrics.watch_traces(self.tracing.counts)
        #: Why no new connections should come; empty while they may.
        self.unready = "starting"
        #: The destination behind the daemon, for questions if it can be reached.
        self.reach: Reach | ReachAll | None = None
        self._keepalive = keepalive(settings)
        self._inherited = inherited
        parts = Parts(
            reactor,
            service,
            metrics,
            self._contexts,
            self.clock,
            self.turns,
            self._pages,
            self.figures,
            self.edges,
            self._recent,
            sessions,
            lambda: self.unready,
            lambda: self.reach,
            self._up_to_date,
        )
        for option, address, site in make_sites(parts, settings, tls_prefix):
            self._serve(option, address, site)
        self._tell_vitals()
        self._lag = LoopingCall(self._measure_lag)
        self._lag.clock = reactor
        self._due = 0.0
        self._look = LoopingCall(self.tell_certificates)
        self._look.clock = reactor

    def _past(self) -> Past | None:
        """Return what asks the history for the pages."""
        if self.history is None:
            return None
        from acra_twisted.telemetry.pages.past import Past

        return Past(self._reactor, self.history.ask)

    @property
    def _keeps(self) -> bool:
        return self.store is not None or self.history is not None

    @property
    def received(self) -> SpanProcessor | None:
        """Takes spans of connectors (``add_received``); None where nobody would see them."""
        return self._processor if self._keeps else None

    def observers(
        self,
        exchanges: ExchangeTracing,
        counts: ConnectorExchanges,
        server: Address | None = None,
        others: Sequence[BaseObserver] = (),
    ) -> Observers:
        """Everybody who is told of sessions and exchanges; ``counts`` are the listener's,
        ``server`` is the database's address, ``others`` are observers of the daemon's own."""
        told: list[BaseObserver] = [exchanges, counts, AuditLog(server, self._service), *others]
        if self._unopened is not None:
            told.append(self._unopened)
        if self.edges is not None:
            told.append(Ways(partial(self.edges.tally, server=server)))
        if self.figures is not None:
            told.append(self.figures.counter)
            counts.share_times()
        observers = Observers(told, exchanges.slow, self._afterwards)
        self._told.append(observers)
        return observers

    def tell(self, name: str, give: Callable[[], Any]) -> None:
        """Have the page of facts show what ``give`` returns, where there are pages."""
        if self._pages is not None:
            self._pages.facts_told.tell(name, give)

    def _tell_vitals(self) -> None:
        """Tell how the daemon is."""
        self.tell("process", self._process.shown)
        self.tell("pools", self.metrics.pools)
        self.tell("exporters", lambda: vitals.exporters(self.exporters))
        self.tell("certificates", lambda: vitals.certificates(self._contexts.loaded()))
        self.tell("peers_certificates", lambda: vitals.peers(self._contexts.peers()))
        history = self.history
        if history is not None:
            self.tell("history", lambda: vitals.history(history))

    def _up_to_date(self) -> None:
        """Before anything is shown: there may be no observers yet when this is handed out."""
        for observers in self._told:
            observers.catch_up()

    def add_exporter(self, exporter: Any) -> None:
        """One more that a daemon has made itself, before the start."""
        self.exporters.append(exporter)
        self._processor.add(exporter)
        self.tracing.recording = True
        self.metrics.watch_exporter(exporter)

    def opencensus_exporter(self) -> Any:
        """Return an OpenCensus Exporter whose spans go where ours go."""
        from acra_twisted.telemetry.export.opencensus import receiving

        return receiving(self._processor.put, self._reactor)

    def _serve(self, option: str, address: Address, site: Any) -> None:
        listener = bind(option, address, keepalive=self._keepalive, inherited=self._inherited)
        service = ListenerService(
            self._reactor, listener, site, address.path, inherited=self._inherited
        )
        service.setServiceParent(self)

    def _measure_lag(self) -> None:
        self._up_to_date()
        if self.figures is not None:
            self.figures.tick(self.clock())
        if self.edges is not None:
            self.edges.tick(self.clock())
        now = self._reactor.seconds()
        if self._due:
            self.metrics.loop_lag(now - self._due)
            self._process.lagged(now - self._due)
        self._due = now + _LAG_INTERVAL

    def tell_certificates(self) -> None:
        """Warn of certificates that have expired, will soon, or cannot be used."""
        severe, others = judged(self._contexts.loaded(), clock())
        for text in (*severe, *others):
            self.metrics.event(events.CERTIFICATE)
            self.log.warn("{event_text}", event_text=text, code=events.CERTIFICATE)

    def startService(self) -> None:
        """Begin to export."""
        super().startService()
        if self._recent is not None:
            globalLogPublisher.addObserver(self._recent)
        for text in self._doubts:
            self.log.warn("{event_text}", event_text=text, code=events.EXPORT_FAILED)
        for exporter in self.exporters:
            exporter.start()
        self._lag.start(_LAG_INTERVAL)
        self._look.start(_LOOK_INTERVAL)

    def stopService(self) -> Deferred[Any]:
        """Send what is queued, within the exporters' deadline."""
        for loop in (self._lag, self._look):
            if loop.running:
                loop.stop()
        self._up_to_date()
        if self._recent is not None:
            globalLogPublisher.removeObserver(self._recent)
        flushed = [maybeDeferred(exporter.stop) for exporter in self.exporters]
        return DeferredList([*flushed, maybeDeferred(super().stopService)], consumeErrors=True)


class LoggedRoot(MultiService):
    """The top service of a daemon: installs our log lines in place of twistd's.

    ``services`` are what the log's sinks need; they end after all others.
    """

    _log = Logger(namespace="acra")

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
        banner.stopped(self._log)
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
