"""Metrics of checks for revocation."""

from types import SimpleNamespace

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

    def test_lists_and_answers_of_each_leg(self):
        def checker(asks, last_good, *ends):
            return SimpleNamespace(
                lists=[SimpleNamespace(end=end) for end in ends],
                last_good=last_good,
                policy=SimpleNamespace(ocsp=SimpleNamespace(active=asks)),
            )

        metrics = DaemonMetrics("acraserver")
        fetches = {"answered": 1, "no answer": 0}
        legs = {"client": checker(True, 5.0), "database": checker(False, 0.0, 9.0, 8.0)}
        RevocationMetrics(metrics).watch(legs, fetches)
        fetches["answered"] = 2
        found = [
            line
            for line in generate_latest(metrics.registry).decode().splitlines()
            if line.startswith(("acra_revocation_", "acra_ocsp_"))
        ]
        self.assertEqual(
            found,
            [
                'acra_revocation_list_expiry_timestamp_seconds{leg="database"} 8.0',
                'acra_ocsp_last_answer_timestamp_seconds{leg="client"} 5.0',
                'acra_revocation_fetches_total{result="answered"} 2.0',
                'acra_revocation_fetches_total{result="no answer"} 0.0',
            ],
        )
