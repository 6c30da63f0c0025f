"""A scraper's answer equals the one that prometheus-client would give all at once."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.metrics.families import ServerMetrics
from acra_twisted.telemetry.pages.scrape import Scrape
from tests.support.sessions import make_session
from tests.support.webpages import body, most_between

ACCEPTED = (
    "",
    "*/*",
    "text/plain;version=0.0.4",
    "text/plain;version=1.0.0;escaping=allow-utf-8",
    "application/openmetrics-text",
    "application/openmetrics-text;version=1.0.0,text/plain;q=0.5",
)


class Scrapes(SynchronousTestCase):
    def setUp(self):
        self.registry = CollectorRegistry()
        Gauge("answer", "The answer", registry=self.registry).set(42)
        Counter("asked", "Questions", ["by"], registry=self.registry).labels("a\nb").inc(
            exemplar={"trace_id": "1"}
        )
        Histogram("lasted", "Seconds", registry=self.registry).observe(1)

    def test_all_of_it_family_by_family(self):
        for accept in ACCEPTED:
            encoder, kind = choose_encoder(accept)
            page = Scrape(self.registry).page(accept)
            self.assertEqual(page.kind, kind)
            self.assertEqual(body(page), encoder(self.registry).decode())

    def test_versions_that_are_none(self):
        plain = body(Scrape(self.registry).page(""))
        for version in ("abc", "1.x", "\xb2", "9" * 5000):
            for kind in ("text/plain", "application/openmetrics-text"):
                page = Scrape(self.registry).page(f"{kind};version={version}")
                self.assertEqual(body(page), plain)

    def test_nothing_to_tell(self):
        registry = CollectorRegistry()
        for accept in ACCEPTED[:4]:
            self.assertEqual(body(Scrape(registry).page(accept)), "")

    def test_sessions_are_counted_a_few_at_a_time(self):
        looked_at = []

        def sessions():
            for session in [make_session() for _ in range(1000)]:
                looked_at.append(session)
                yield "", session

        metrics = ServerMetrics()
        metrics.watch_sessions(sessions)
        page = Scrape(metrics.registry, metrics.count_sessions).page("")
        self.assertLessEqual(most_between(page.pieces, lambda: len(looked_at)), 16)
        self.assertEqual(len(looked_at), 1000)
