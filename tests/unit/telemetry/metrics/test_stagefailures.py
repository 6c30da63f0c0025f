"""Failures of stages are counted for metrics and pages."""

from prometheus_client import CollectorRegistry, generate_latest
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.metrics.collectors import ListenerLabel
from acra_twisted.telemetry.metrics.stagefailures import StageFailures


class Failures(SynchronousTestCase):
    def test_counts_and_the_last_moment(self):
        registry = CollectorRegistry()
        failures = StageFailures(registry, ListenerLabel())
        self.assertEqual(failures.shown(), [])
        for stage, when in (("censor", 5), ("poison", 6), ("censor", 9)):
            failures.failed(stage, when)
        self.assertEqual(
            failures.shown(),
            [
                {"stage": "censor", "failures": 2, "last": 9},
                {"stage": "poison", "failures": 1, "last": 6},
            ],
        )
        text = generate_latest(registry).decode()
        self.assertIn('acra_stage_failures_total{stage="censor"} 2.0', text)
