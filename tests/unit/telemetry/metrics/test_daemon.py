"""Prometheus metrics of both daemons: names, exporters, connections."""

from types import SimpleNamespace

from prometheus_client import generate_latest
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import __version__
from acra_twisted.telemetry.export.http import HttpExporter
from acra_twisted.telemetry.metrics.daemon import CountsBy, DaemonMetrics
from tests.support.sample_spans import sample


class Metrics(SynchronousTestCase):
    def setUp(self):
        self.metrics = DaemonMetrics("acraconnector")

    def text(self):
        return generate_latest(self.metrics.registry).decode()

    def test_acras_names(self):
        text = self.text()
        for name in (
            'acraconnector_connections_total{connection_type="db"}',
            'acraconnector_connections_processing_seconds_bucket{connection_type="db",le="86400.0"}',
            "acraconnector_version_major 0.0",
            f'acraconnector_build_info{{edition="ce",version="{__version__}"}} 1.0',
        ):
            self.assertIn(name, text)
        self.assertNotIn("python_info", text)
        self.assertNotIn("_created", text)

    def test_which_daemon_it_is(self):
        self.metrics.tell_origin(
            {
                "service.name": "acra-server",
                "cloud.availability_zone": "b",
                "__x": 'a"b',
                "1st": "c",
                "self": "d",
                "process.pid": 7,
            }
        )
        (line,) = [line for line in self.text().splitlines() if line.startswith("target_info{")]
        for label in (
            'service_name="acra-server"',
            'cloud_availability_zone="b"',
            'x="a\\"b"',
            'a_1st="c"',
            'self="d"',
        ):
            self.assertIn(label, line)
        self.assertNotIn("pid", line)

    def test_connections_lag_and_exporters(self):
        self.metrics.connection_opened()
        self.assertIn("acra_open_connections 1.0", self.text())
        self.metrics.connection_closed(0.3)
        text = self.text()
        prefix = "acraconnector_connections"
        for line in (
            f'{prefix}_total{{connection_type="db"}} 1.0',
            f'{prefix}_processing_seconds_bucket{{connection_type="db",le="0.2"}} 0.0',
            f'{prefix}_processing_seconds_bucket{{connection_type="db",le="0.5"}} 1.0',
            f'{prefix}_processing_seconds_sum{{connection_type="db"}} 0.3',
            "acra_open_connections 0.0",
        ):
            self.assertIn(line, text)
        self.metrics.loop_lag(-1.0)
        exporter = type("Exporter", (), {"name": "otlp", "queued": 3, "counts": {"sent": 5}})
        self.metrics.watch_exporter(exporter)
        text = self.text()
        self.assertIn('acra_span_exporter_queue{exporter="otlp"} 3.0', text)
        self.assertIn('acra_span_exporter_spans_total{exporter="otlp",result="sent"} 5.0', text)

    def test_an_exporter_counts_while_it_is_watched(self):
        exporter = HttpExporter(Clock(), "otlp", "http://127.0.0.1:1/", None, "x", max_queue=2)
        self.metrics.watch_exporter(exporter)
        for _ in range(5):
            exporter.export(sample()[0])
        text = self.text()
        self.assertIn('acra_span_exporter_queue{exporter="otlp"} 2.0', text)
        dropped = 'acra_span_exporter_spans_total{exporter="otlp",result="dropped_queue_full"}'
        self.assertIn(f"{dropped} 3.0", text)
        zipkin = type("Exporter", (), {"name": "zipkin", "queued": 1, "counts": {"sent": 7}})
        self.metrics.watch_exporter(zipkin)
        text = self.text()
        self.assertIn(f"{dropped} 3.0", text)
        self.assertIn('acra_span_exporter_spans_total{exporter="zipkin",result="sent"} 7.0', text)
        self.assertEqual(text.count("# TYPE acra_span_exporter_spans_total counter"), 1)

    def test_pools(self):
        held = [1, 2]
        self.metrics.watch_pool("connections", lambda: len(held), 10)
        exporter = type("Exporter", (), {"name": "otlp", "queued": 3, "limit": 9, "counts": {}})
        self.metrics.watch_exporter(exporter)
        text = self.text()
        for line in (
            'acra_pool_entries{pool="connections"} 2.0',
            'acra_pool_limit{pool="connections"} 10.0',
            'acra_pool_entries{pool="spans for otlp"} 3.0',
            'acra_pool_limit{pool="spans for otlp"} 9.0',
        ):
            self.assertIn(line, text)

    def test_log_lines(self):
        self.metrics.watch_log(type("Writer", (), {"lost": 4}))
        self.assertIn("acra_log_lines_lost_total 4.0", self.text())

    def test_certificates(self):
        self.metrics.watch_certificates(lambda: {"tls_cert": 1.9e9})
        line = 'acra_certificate_expiry_timestamp_seconds{setting="tls_cert"} 1.9e+09'
        self.assertIn(line, self.text())

    def test_intake(self):
        self.metrics.watch_intake({"kept": 2})
        self.assertIn('acra_span_intake_spans_total{result="kept"} 2.0', self.text())

    def test_history(self):
        history = SimpleNamespace(
            counts=lambda: {"stored": 2},
            troubles=lambda: {"full": 1},
            waiting=3,
            waiting_limit=4,
            size=5,
            size_limit=6,
        )
        self.metrics.watch_history(history)
        text = self.text()
        for line in (
            'acra_history_pieces_total{result="stored"} 2.0',
            'acra_history_troubles_total{kind="full"} 1.0',
            'acra_pool_entries{pool="pieces for the history"} 3.0',
            'acra_pool_limit{pool="pieces for the history"} 4.0',
            'acra_pool_entries{pool="bytes of the history"} 5.0',
            'acra_pool_limit{pool="bytes of the history"} 6.0',
        ):
            self.assertIn(line, text)

    def test_traces(self):
        self.metrics.watch_traces(lambda: {"sampled": 3, "kept_denied": 1})
        self.assertIn('acra_traces_total{decision="sampled"} 3.0', self.text())
        self.assertIn('acra_traces_total{decision="kept_denied"} 1.0', self.text())

    def test_a_counter_with_several_labels(self):
        counts = CountsBy(self.metrics.registry, ("things", "Things"), ["colour", "size"])
        counts.expose("red", "small")
        for colour, size in (("red", "small"), ("red", "small"), ("blue", "small")):
            counts.count(colour, size)
        counts.expose("red", "small")
        counts.expose("blue", "large")
        lines = self.text().splitlines()
        self.assertIn("# TYPE things_total counter", lines)
        for labels, count in (("red", "small"), 2), (("blue", "small"), 1), (("blue", "large"), 0):
            line = 'things_total{colour="%s",size="%s"} ' % labels + f"{count}.0"
            self.assertIn(line, lines)
