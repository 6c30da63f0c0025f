"""Counts of the last minute, hour and all."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.model import STATEMENT, Exchange, Traffic, Work
from acra_twisted.telemetry.rpcz import RpcStats
from acra_twisted.verdicts import PASS
from tests.support.sessions import make_session

SECOND = 10**9


class Stats(SynchronousTestCase):
    def setUp(self):
        self.now = 1000 * SECOND
        self.stats = RpcStats("postgresql", lambda: self.now)
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

    def test_stages(self):
        work = Work(STATEMENT, None, Exchange(self.session, "query", None, self.now))
        self.stats.stage_ran("censor", work, PASS, self.now, self.now + 5000)
        self.stats.stage_ran("censor", work, PASS, 0, 0)
        exchange = Exchange(self.session, "query", None, self.now)
        exchange.closed = self.now
        exchange.passed = [("censor", PASS, self.now, self.now + 3000)]
        self.stats.exchange_closed(exchange)
        row = self.stats.page()["stages"]["censor"]["minute"]
        self.assertEqual((row["count"], row["time_ms"]), (2, 0.008))

    def test_the_rest_is_not_counted(self):
        self.stats.session_opened(self.session)
        self.stats.session_closed(self.session, "")
        self.stats.containers_read(None, "acrastruct", 1, 1)
        self.stats.stage_failed("x", None, None)
        self.stats.security_event(1, "", None, None)
        self.assertEqual(self.stats.page(), {"received": {}, "sent": {}, "stages": {}})
