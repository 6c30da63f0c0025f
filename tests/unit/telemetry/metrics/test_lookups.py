"""Metrics of lookups, as they are exposed."""

from prometheus_client import CollectorRegistry, generate_latest
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.metrics.lookups import LookupMetrics


class Lookups(SynchronousTestCase):
    def test_what_is_exposed(self):
        registry = CollectorRegistry()
        waiting, away = [], []
        metrics = LookupMetrics(registry, lambda: len(waiting), lambda: bool(away))
        metrics.found("query", "secret", 20.0)
        metrics.found("query", "secret", 5.0)
        metrics.found("query", "none", 1.0)
        metrics.found("", "none", 0.0)
        metrics.asked(0.003, True)
        metrics.asked(2.0, False)
        lines = generate_latest(registry).decode().splitlines()
        for line in (
            'acra_auth_lookups_total{result="secret",source="query"} 2.0',
            'acra_auth_lookups_total{result="none",source="query"} 1.0',
            'acra_auth_lookups_total{result="none",source="none"} 1.0',
            'acra_auth_secret_age_seconds_bucket{le="10.0",source="query"} 2.0',
            'acra_auth_secret_age_seconds_bucket{le="1.0",source="query"} 1.0',
            'acra_auth_secret_age_seconds_bucket{le="60.0",source="query"} 3.0',
            'acra_auth_secret_age_seconds_count{source="query"} 3.0',
            'acra_auth_secret_age_seconds_sum{source="query"} 26.0',
            'acra_auth_secret_age_seconds_bucket{le="1.0",source="none"} 1.0',
            'acra_auth_lookup_seconds_bucket{answered="false",le="1.0"} 0.0',
            'acra_auth_lookup_seconds_bucket{answered="false",le="2.0"} 1.0',
            'acra_auth_lookup_seconds_bucket{answered="false",le="+Inf"} 1.0',
            'acra_auth_lookup_seconds_bucket{answered="true",le="0.005"} 1.0',
            'acra_auth_lookup_seconds_count{answered="false"} 1.0',
            "acra_auth_lookups_waiting 0.0",
            "acra_auth_source_away 0.0",
        ):
            self.assertIn(line, lines)
        waiting.append(1)
        away.append(1)
        lines = generate_latest(registry).decode().splitlines()
        self.assertIn("acra_auth_lookups_waiting 1.0", lines)
        self.assertIn("acra_auth_source_away 1.0", lines)
