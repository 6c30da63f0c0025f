"""Counts of the last minute, hour and all."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.exchange import ROWS, STATEMENT, Exchange, Work
from acra_twisted.session import Traffic
from acra_twisted.stagerun import StageRun
from acra_twisted.telemetry.pages.rpcz import RpcStats, Totals
from acra_twisted.verdicts import PASS, Deny
from tests.support.sessions import make_session

SECOND = 10**9


class Stats(SynchronousTestCase):
    def setUp(self):
        self.now = 1000 * SECOND
        self.stats = RpcStats(lambda: self.now)
        self.session = make_session()

    def exchange(self, outcome="ok", sent=True):
        self.now += SECOND
        exchange = Exchange(self.session, "query", None, self.now - 4_000_000)
        exchange.sent = self.now - 3_000_000 if sent else 0
        exchange.closed, exchange.outcome = self.now, outcome
        exchange.traffic = Traffic(1, 2, 3, 4)
        self.stats.exchange_opened(exchange)
        self.stats.exchange_closed(exchange)

    def test_both_sides(self):
        self.exchange()
        self.exchange("error")
        self.exchange("denied", sent=False)
        page = self.stats.page()
        received = page["received"]["postgresql query"]["minute"]
        self.assertEqual((received["count"], received["errors"]), (3, 2))
        self.assertEqual(received["average_ms"], 4.0)
        self.assertEqual(received["rate"], 1.0)
        self.assertEqual((received["input_kb"], received["output_kb"]), (0.001, 0.002))
        sent = page["sent"]["postgresql query"]["total"]
        self.assertEqual((sent["count"], sent["average_ms"]), (2, 3.0))
        self.assertEqual((sent["input_kb"], sent["output_kb"]), (0.003, 0.002))

    def test_what_is_old_is_forgotten(self):
        for _ in range(200):
            self.exchange()
        row = self.stats.page()["received"]["postgresql query"]
        counts = [row[name]["count"] for name in ("minute", "hour", "total")]
        self.assertEqual(counts, [60, 200, 200])
        self.now += 7200 * SECOND
        row = self.stats.page()["received"]["postgresql query"]
        counts = [row[name]["count"] for name in ("minute", "hour", "total")]
        self.assertEqual(counts, [0, 0, 200])

    def ran(self, run):
        exchange = Exchange(self.session, "query", None, self.now)
        exchange.closed, exchange.stage_runs = self.now, [run]
        self.stats.exchange_closed(exchange)

    def test_stages(self):
        self.ran(StageRun("censor", STATEMENT, PASS, self.now, self.now + 5000))
        self.ran(StageRun("censor", ROWS, PASS, self.now, self.now + 3000))
        row = self.stats.page()["stages"]["censor"]["minute"]
        self.assertEqual((row["count"], row["time_ms"]), (2, 0.008))

    def test_denials_and_failures_of_stages(self):
        work = Work(STATEMENT, None, Exchange(self.session, "query", None, self.now))
        self.ran(StageRun("censor", STATEMENT, Deny("no"), self.now, self.now + 5000))
        self.ran(StageRun("censor", STATEMENT, PASS, self.now, self.now + 5000))
        self.stats.stage_failed("remote", work, None)
        rows = self.stats.page()["stages"]
        found = {name: (row["hour"]["count"], row["hour"]["errors"]) for name, row in rows.items()}
        self.assertEqual(found, {"censor": (2, 1), "remote": (1, 1)})

    def test_percentiles(self):
        totals = Totals()
        self.assertEqual(totals.percentile(0.5), 0.0)
        for milliseconds in range(1, 1001):
            totals.took(milliseconds * 1_000_000)
        for share in (0.01, 0.25, 0.5, 0.95, 0.99, 1.0):
            self.assertLess(abs(totals.percentile(share) / (1000 * share) - 1), 0.25, share)

    @given(st.integers(-5, 1 << 50))
    def test_every_duration_has_its_bucket(self, took):
        totals = Totals()
        totals.took(took)
        half = totals.percentile(0.5)
        if 50_000 <= took < 3600 * 10**9:
            self.assertLess(abs(half * 1e6 / took - 1), 0.26)
        self.assertLess((totals - Totals()).percentile(1.0) * 1e6, 1 << 52)

    def test_the_rest_is_not_counted(self):
        self.stats.session_opened(self.session)
        self.stats.session_closed(self.session, "")
        self.stats.containers_read(None, "acrastruct", 1, 1)
        self.stats.security_event(1, "", None, None)
        self.assertEqual(self.stats.page(), {"received": {}, "sent": {}, "stages": {}})
