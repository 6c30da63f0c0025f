"""The metrics of both daemons: Acra's names, labels and buckets."""

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.exchange import Exchange, Statement
from acra_twisted.telemetry.metrics.exchanges import ServerExchanges
from acra_twisted.telemetry.metrics.families import ConnectorMetrics, ServerMetrics
from tests.support.sessions import make_session

#: Acra's series by daemon: name, type, names of labels (acra-observability reference, section 12).
ACRA = {
    "acraserver": {
        ("acraserver_connections_total", "counter", "connection_type"),
        ("acraserver_connections_processing_seconds", "histogram", "connection_type"),
        ("acraserver_request_processing_seconds", "histogram", "db"),
        ("acraserver_response_processing_seconds", "histogram", "db"),
        ("acra_acrastruct_decryptions_total", "counter", "status"),
        ("acra_decryptions_total", "counter", "status type"),
        ("acraserver_version_major", "gauge", ""),
        ("acraserver_version_minor", "gauge", ""),
        ("acraserver_version_patch", "gauge", ""),
        # A counter in Acra, which the library does not make without _total.
        ("acraserver_build_info", "gauge", "edition version"),
    },
    "acraconnector": {
        ("acraconnector_connections_total", "counter", "connection_type"),
        ("acraconnector_connections_processing_seconds", "histogram", "connection_type"),
        ("acraconnector_version_major", "gauge", ""),
        ("acraconnector_version_minor", "gauge", ""),
        ("acraconnector_version_patch", "gauge", ""),
        ("acraconnector_build_info", "gauge", "edition version"),
    },
}
CONNECTION_BUCKETS = "0.1 0.2 0.5 1 10 60 3600 86400 +Inf"
PROCESSING_BUCKETS = (
    "1e-6 1e-5 2e-5 3e-5 4e-5 5e-5 6e-5 7e-5 8e-5 9e-5 1e-4 5e-4 1e-3 5e-3 1e-2 1 3 5 10 +Inf"
)


def series(metrics):
    """Return the series exposed: name, type, names of labels; and the buckets of each histogram."""
    found, buckets = set(), {}
    for family in text_string_to_metric_families(generate_latest(metrics.registry).decode()):
        for sample in family.samples:
            name, labels = sample.name, set(sample.labels)
            if family.type == "histogram":
                name = family.name
                if "le" in labels:
                    buckets.setdefault(name, []).append(float(sample.labels["le"]))
                    labels.remove("le")
            found.add((name, family.type, " ".join(sorted(labels))))
    return found, buckets


class Acras(SynchronousTestCase):
    def exposed(self, service):
        if service == "acraconnector":
            metrics = ConnectorMetrics(service)
        else:
            metrics = ServerMetrics()
            exchange = Exchange(make_session(), "query", Statement(b"x"), 1000)
            ServerExchanges(metrics, "postgresql").containers_read(exchange, "acrastruct", 1, 1)
        metrics.connection_opened()
        metrics.connection_closed(1.0)
        return series(metrics)

    def test_every_series_with_its_labels(self):
        for service, expected in ACRA.items():
            found, _ = self.exposed(service)
            self.assertEqual(expected - found, set())
            # What Acra has no name for does not begin with the names of its daemons.
            ours = {name for name, _, _ in found - expected}
            self.assertEqual([name for name in ours if not name.startswith("acra_")], [])

    def test_every_bucket(self):
        for service in ACRA:
            _, buckets = self.exposed(service)
            expected = {f"{service}_connections_processing_seconds": CONNECTION_BUCKETS}
            if service == "acraserver":
                for what in ("request", "response"):
                    expected[f"{service}_{what}_processing_seconds"] = PROCESSING_BUCKETS
            for name, bounds in expected.items():
                self.assertEqual(buckets[name], [float(bound) for bound in bounds.split()])

    def test_nothing_is_there_before_it_has_happened(self):
        found, _ = series(ServerMetrics())
        names = {name for name, _, _ in found}
        self.assertNotIn("acra_acrastruct_decryptions_total", names)
