"""One service for exporters, pages and metrics."""

from pathlib import Path
from types import SimpleNamespace

from prometheus_client import generate_latest
from twisted.application.service import Application, IServiceCollection
from twisted.internet.task import Clock
from twisted.logger import ILogObserver, Logger
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.config.connector import CONNECTOR_SECTIONS
from acra_twisted.exchange import Exchange, Statement
from acra_twisted.optionkinds import Address
from acra_twisted.options import Settings, defaults
from acra_twisted.sandbox.authority import Authority
from acra_twisted.telemetry.metrics.exchanges import ConnectorExchanges, ServerExchanges
from acra_twisted.telemetry.metrics.families import ConnectorMetrics, ServerMetrics
from acra_twisted.telemetry.service import LoggedRoot, TelemetryService
from acra_twisted.telemetry.tracing.exchanges import ExchangeTracing
from acra_twisted.transport.credentials import Credentials
from acra_twisted.transport.tlscontext import TLSContexts
from tests.support.sample_spans import sample
from tests.support.sessions import make_session

NOWHERE = Address("127.0.0.1", 0)


class Told:
    def __init__(self, lines):
        self.lines = lines

    def warn(self, text, event_text, code):
        self.lines.append(event_text)


class Telemetry(SynchronousTestCase):
    def make(self, contexts=None, system="", metrics=None, **changes):
        metrics = metrics or ConnectorMetrics("acraconnector")
        settings = defaults(CONNECTOR_SECTIONS).but(**changes)
        self.clock = Clock()
        return TelemetryService(
            self.clock,
            "acra-connector",
            settings,
            metrics,
            lambda: [],
            contexts=contexts,
            system=system,
        )

    def test_nothing_is_on_unless_it_is_asked_for(self):
        service = self.make()
        self.assertEqual((service.exporters, service.store, list(service)), ([], None, []))
        self.assertFalse(service.tracing.recording)

    def test_what_is_recorded_has_somebody_who_takes_it(self):
        self.assertTrue(self.make(tracing_log_enable=True).tracing.recording)
        service = self.make(incoming_connection_zpages_string=NOWHERE)
        self.assertTrue(service.tracing.recording)
        for listener in service:
            listener._listener.close()
        service = self.make()
        service.add_exporter(SimpleNamespace(name="late", queue=None, export=print, queued=0))
        self.assertTrue(service.tracing.recording)

    def test_a_history_alone_is_enough_to_record(self):
        service = self.make(trace_store_file=self.mktemp())
        self.assertTrue(service.tracing.recording)
        self.assertEqual((service.store, list(service)), (None, [service.history]))
        span = sample()[0]
        service.tracing.emit(span)
        service.received.add_received(span)
        self.assertEqual(len(service.history.intake), 2)
        metrics = generate_latest(service.metrics.registry).decode()
        self.assertIn('acra_history_pieces_total{result="stored"} 0.0', metrics)
        self.successResultOf(service.history.stopService())
        self.assertIsNone(self.make().received)

    def test_security_events_are_kept_for_the_console(self):
        service = self.make(incoming_connection_zpages_string=NOWHERE)
        for listener in list(service):
            listener._listener.close()
            listener.disownServiceParent()
        name = 'acra_pool_entries{pool="security events"}'
        log = Logger()
        log.error("too early", code=events.QUERY_NOT_ALLOWED)
        service.startService()
        log.error("refused", code=events.QUERY_NOT_ALLOWED)
        log.error("refused", code=events.POISON_RECORD)
        log.error("another", code=events.CERTIFICATE)
        self.successResultOf(service.stopService())
        log.error("too late", code=events.LOGIN_REFUSED)
        self.flushLoggedErrors()
        self.assertIn(f"{name} 2.0", generate_latest(service.metrics.registry).decode())

    def test_everything(self):
        for zpages, sites in ((NOWHERE, 1), (Address("localhost", 0), 2)):
            service = self.make(
                tracing_log_enable=True,
                otlp_endpoint="http://127.0.0.1:1/",
                zipkin_endpoint="http://127.0.0.1:1/",
                incoming_connection_prometheus_metrics_string=NOWHERE,
                incoming_connection_zpages_string=zpages,
            )
            names = [exporter.name for exporter in service.exporters]
            self.assertEqual(names, ["log", "otlp", "zipkin"])
            self.assertEqual(len(list(service)), sites)
            for listener in service:
                listener._listener.close()

    def test_what_is_doubtful_is_said_at_the_start(self):
        for url, expected in (("http://127.0.0.1:4317", 1), ("http://127.0.0.1:4318", 0)):
            service = self.make(otlp_endpoint=url)
            lines = []
            service.log = Told(lines)
            service.startService()
            self.assertEqual(["4317" in line for line in lines], [True] * expected)
            self.successResultOf(service.stopService())

    def test_requests_are_counted_where_there_are_pages(self):
        self.assertIsNone(self.make(system="toydb").figures)
        service = self.make(system="toydb", incoming_connection_zpages_string=NOWHERE)
        exchanges = ExchangeTracing(service.tracing)
        observers = service.observers(exchanges, ConnectorExchanges(service.metrics))
        session = make_session(observer=observers)
        session.span = service.tracing.root("handleConnection", 1)
        observers.session_opened(session)
        self.assertTrue(session.timed)
        for number in range(3):
            exchange = Exchange(session, "query", Statement(b"SELECT %d" % number), service.clock())
            observers.exchange_opened(exchange)
            exchange.close("ok", service.clock())
        observers.catch_up()
        (counted,) = service.figures.counter.minute.counted
        self.assertEqual((counted.shape.text, counted.figures().calls), ("SELECT ?", 3))
        observers.containers_read(exchange, "acrablock", 0, 2)
        self.assertEqual(service._pages.facts_told.value("unopened")[0]["values"], 2)
        for listener in service:
            listener._listener.close()

    def test_times_of_requests_are_counted_once_with_pages_and_without(self):
        for changes in ({}, {"incoming_connection_zpages_string": NOWHERE}):
            service = self.make(system="toydb", metrics=ServerMetrics(), **changes)
            exchanges = ExchangeTracing(service.tracing)
            counts = ServerExchanges(service.metrics, "toydb")
            observers = service.observers(exchanges, counts)
            session = make_session(observer=observers)
            session.span = service.tracing.root("handleConnection", 1)
            observers.session_opened(session)
            exchange = Exchange(session, "query", Statement(b"SELECT 1"), service.clock())
            observers.exchange_opened(exchange)
            exchange.sent = service.clock()
            exchange.close("ok", service.clock())
            observers.catch_up()
            text = generate_latest(service.metrics.registry).decode()
            self.assertIn('acra_exchange_seconds_count{db="toydb"} 1.0', text)
            for listener in service:
                listener._listener.close()

    def test_unsampled_spans_go_to_the_pages_only(self):
        service = self.make(tracing_log_enable=True, incoming_connection_zpages_string=NOWHERE)
        (exporter,) = service.exporters
        span = sample()[0]
        for span.sampled in (False, True):
            service.tracing.emit(span)
        self.assertEqual(exporter.counts["sent"], 1)
        self.assertEqual(service.store.summary()[0].seen, 2)
        for listener in service:
            listener._listener.close()

    def test_certificates_are_looked_at_from_time_to_time(self):
        folder = Path(self.mktemp())
        folder.mkdir()
        certificate, key = Authority(folder).issue("server", hosts=("x",), days=2)
        given = {"tls_cert": str(certificate), "tls_key": str(key), "tls_auth": 0}
        contexts = TLSContexts()
        service = self.make(contexts=contexts)
        contexts.add(lambda: Credentials(Settings({"tls_ca": "", **given})).server_context())
        self.assertEqual(list(contexts.ends()), ["tls_cert"])
        metrics = generate_latest(service.metrics.registry).decode()
        self.assertIn('acra_certificate_expiry_timestamp_seconds{setting="tls_cert"}', metrics)
        told = []
        service.log = Told(told)
        service.startService()
        self.assertEqual(told, [])
        Authority(folder).issue("server", hosts=("x",), days=-1)
        contexts.renew()
        # What nobody says anew is looked at twice a day.
        self.clock.advance(12 * 3600)
        self.assertEqual(len(told), 1)
        self.assertIn("tls_cert: the certificate in", told[0])
        self.assertIn("expired on", told[0])
        service.tell_certificates()
        self.assertEqual(told[0], told[1])
        metrics = generate_latest(service.metrics.registry).decode()
        self.assertIn('acra_events_total{code="2014"} 2.0', metrics)
        self.successResultOf(service.stopService())

    def test_life(self):
        service = self.make(tracing_log_enable=True)
        service.startService()
        self.clock.advance(0.7)
        self.successResultOf(service.stopService())
        self.assertEqual(self.clock.getDelayedCalls(), [])


class Root(SynchronousTestCase):
    def test_our_log_lines_take_the_place_of_twistds(self):
        application = Application("x")
        root = LoggedRoot(lambda event: None)
        root.setServiceParent(application)
        self.assertIs(application.getComponent(ILogObserver), root.writer)
        self.assertEqual(list(IServiceCollection(application)), [root])
