"""Prometheus metrics: Acra's names, fixed labels, exemplars."""

from prometheus_client import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.model import STATEMENT, Exchange, Statement, Work
from acra_twisted.telemetry.metrics import DaemonMetrics, ServerMetrics
from acra_twisted.telemetry.spans import Span
from acra_twisted.verdicts import PASS, Deny
from acra_twisted.wire.tracecontext import TraceContext
from tests.support.sessions import make_session


class Metrics(SynchronousTestCase):
    def setUp(self):
        self.metrics = ServerMetrics("postgresql")
        self.exchange = Exchange(make_session(), "query", Statement(b"x"), 1000)

    def text(self):
        return generate_latest(self.metrics.registry).decode()

    def test_acras_names(self):
        text = self.text()
        for name in (
            'acraserver_connections_total{connection_type="db"}',
            'acraserver_connections_processing_seconds_bucket{connection_type="db",le="86400.0"}',
            'acraserver_request_processing_seconds_bucket{db="postgresql",le="1e-06"}',
            'acraserver_response_processing_seconds_bucket{db="postgresql",le="10.0"}',
            "acraserver_version_major 0.0",
            'acraserver_build_info_total{edition="ce",version="0.1.0"} 1.0',
        ):
            self.assertIn(name, text)
        self.assertNotIn("python_info", text)
        self.assertNotIn("_created", text)
        connector = generate_latest(DaemonMetrics("acraconnector").registry).decode()
        self.assertIn('acraconnector_connections_total{connection_type="db"}', connector)

    def test_exchanges_with_exemplars(self):
        self.exchange.sent, self.exchange.closed, self.exchange.outcome = 2000, 9000, "ok"
        self.exchange.span = Span("x", "1" * 32, "", 1, 1, True)
        self.metrics.exchange_opened(self.exchange)
        self.metrics.exchange_closed(self.exchange)
        self.assertIn('acra_exchanges_total{outcome="ok"} 1.0', self.text())
        self.assertIn('trace_id="' + "1" * 32, openmetrics(self.metrics.registry).decode())

    def test_aborted_exchanges_have_no_times(self):
        self.exchange.outcome = "aborted"
        self.metrics.exchange_closed(self.exchange)
        self.assertIn(
            'acraserver_request_processing_seconds_count{db="postgresql"} 0.0', self.text()
        )

    def test_contexts(self):
        self.exchange.remote = TraceContext("1" * 32, "1" * 16, True)
        self.metrics.exchange_opened(self.exchange)
        self.exchange.remote = None
        self.exchange.add_attribute("acra.traceparent_malformed", True)
        self.metrics.exchange_opened(self.exchange)
        for result in ("continued", "malformed"):
            line = f'acra_trace_contexts_total{{result="{result}",source="comment"}} 1.0'
            self.assertIn(line, self.text())

    def test_stages_and_events(self):
        work = Work(STATEMENT, None, self.exchange)
        self.metrics.stage_ran("censor", work, Deny(), 0, 0)
        self.metrics.stage_ran("censor", work, PASS, 0, 0)
        self.metrics.stage_failed("censor", work, None)
        self.metrics.security_event(584, "x", None, None)
        self.metrics.session_opened(None)
        self.metrics.session_closed(None, "")
        text = self.text()
        self.assertIn('acra_stage_verdicts_total{stage="censor",verdict="deny"} 1.0', text)
        self.assertIn('acra_stage_failures_total{stage="censor"} 1.0', text)
        self.assertIn('acra_events_total{code="584"} 1.0', text)

    def test_connections_lag_and_exporters(self):
        self.metrics.connection_opened()
        self.assertIn("acra_open_connections 1.0", self.text())
        self.metrics.connection_closed(0.3)
        self.metrics.loop_lag(-1.0)
        exporter = type("Exporter", (), {"name": "otlp", "queued": 3, "counts": {"sent": 5}})
        self.metrics.watch_exporter(exporter)
        text = self.text()
        self.assertIn("acra_span_exporter_otlp_queue 3.0", text)
        self.assertIn('acra_span_exporter_otlp_spans_total{result="sent"} 5.0', text)

    def test_traces(self):
        self.metrics.watch_traces({"sampled": 3, "kept_denied": 1})
        self.assertIn('acra_traces_total{decision="sampled"} 3.0', self.text())
        self.assertIn('acra_traces_total{decision="kept_denied"} 1.0', self.text())
