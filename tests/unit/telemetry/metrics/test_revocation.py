"""Metrics of checks for revocation."""

from prometheus_client import generate_latest
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.metrics.daemon import DaemonMetrics
from acra_twisted.telemetry.metrics.revocation import RevocationMetrics


class Checks(SynchronousTestCase):
    def test_by_leg_and_result(self):
        metrics = DaemonMetrics("acraserver")
        counts = RevocationMetrics(metrics)
        counts.checked("client", "good", True)
        counts.checked("client", "good", True)
        counts.checked("database", "no answer", False)
        text = generate_latest(metrics.registry).decode()
        for line in (
            'checks_total{accepted="true",leg="client",result="good"} 2.0',
            'checks_total{accepted="false",leg="database",result="no answer"} 1.0',
        ):
            self.assertIn(f"acra_revocation_{line}", text)
