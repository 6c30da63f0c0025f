"""Counts of the last minute, hour and all, by kind of request and by stage."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.exchange import ROWS, STATEMENT, Exchange, Work
from acra_twisted.session import Traffic
from acra_twisted.stagerun import StageRun
from acra_twisted.telemetry.figures.counting import ShapeCounter
from acra_twisted.verdicts import PASS, Deny, broken
from tests.support.sessions import make_session

SECOND = 10**9


class Stats(SynchronousTestCase):
    def setUp(self):
        self.now = 1000 * SECOND
        self.counter = ShapeCounter(self.now)
        self.session = make_session()

    def page(self):
        return self.counter.calls.page(self.now)

    def exchange(self, outcome="ok", sent=True, kind="query"):
        self.now += SECOND
        exchange = Exchange(self.session, kind, None, self.now - 4_000_000)
        exchange.sent = self.now - 3_000_000 if sent else 0
        exchange.closed, exchange.outcome = self.now, outcome
        exchange.traffic = Traffic(1, 2, 3, 4)
        self.counter.exchange_closed(exchange)

    def test_both_sides(self):
        self.exchange()
        self.exchange("error")
        self.exchange("denied", sent=False)
        page = self.page()
        received = page["received"]["postgresql query"]["minute"]
        self.assertEqual((received["count"], received["errors"]), (3, 2))
        self.assertEqual(received["average_ms"], 4.0)
        self.assertEqual(received["rate"], 1.0)
        self.assertEqual((received["input_kb"], received["output_kb"]), (0.001, 0.002))
        sent = page["sent"]["postgresql query"]["total"]
        self.assertEqual((sent["count"], sent["average_ms"]), (2, 3.0))
        self.assertEqual((sent["input_kb"], sent["output_kb"]), (0.003, 0.002))

    def test_kinds_are_apart(self):
        for kind in ("query", "execute", "execute", "prepare"):
            self.exchange(kind=kind)
        counts = {name: row["total"]["count"] for name, row in self.page()["received"].items()}
        expected = {"postgresql execute": 2, "postgresql prepare": 1, "postgresql query": 1}
        self.assertEqual(counts, expected)

    def test_what_is_old_is_forgotten(self):
        for _ in range(200):
            self.exchange()
        row = self.page()["received"]["postgresql query"]
        counts = [row[name]["count"] for name in ("minute", "hour", "total")]
        self.assertEqual(counts, [60, 200, 200])
        self.now += 7200 * SECOND
        row = self.page()["received"]["postgresql query"]
        counts = [row[name]["count"] for name in ("minute", "hour", "total")]
        self.assertEqual(counts, [0, 0, 200])

    def ran(self, run, **facts):
        exchange = Exchange(self.session, "query", None, self.now)
        exchange.closed, exchange.stage_runs, exchange.outcome = self.now, [run], "ok"
        for name, value in facts.items():
            setattr(exchange, name, value)
        self.counter.exchange_closed(exchange)
        return exchange

    def test_stages(self):
        self.ran(StageRun("censor", STATEMENT, PASS, self.now, self.now + 5000))
        self.ran(StageRun("censor", ROWS, PASS, self.now, self.now + 3000))
        row = self.page()["stages"]["censor"]["minute"]
        self.assertEqual((row["count"], row["time_ms"]), (2, 0.008))

    def test_denials_and_failures_of_stages(self):
        def judged(name, verdict):
            return StageRun(name, STATEMENT, verdict, self.now, self.now + 5000)

        denied = {"outcome": "denied", "denied_by": "censor"}
        self.ran(judged("censor", Deny("no")), **denied)
        self.ran(judged("censor", PASS))
        for name, verdict in (("remote", broken("remote")), ("lenient", PASS)):
            facts = denied if verdict is not PASS else {}
            exchange = self.ran(judged(name, verdict), **facts)
            self.counter.stage_failed(name, Work(STATEMENT, None, exchange), None)
        rows = self.page()["stages"]
        found = {name: (row["hour"]["count"], row["hour"]["errors"]) for name, row in rows.items()}
        self.assertEqual(found, {"censor": (2, 1), "lenient": (1, 1), "remote": (1, 1)})

    @given(st.lists(st.integers(50_000, 2600 * SECOND), min_size=1, max_size=50))
    def test_percentiles_are_right_to_9_percent(self, times):
        counter, opened = ShapeCounter(self.now), self.now
        for took in times:
            exchange = Exchange(self.session, "query", None, opened)
            exchange.closed, exchange.outcome = opened + took, "ok"
            counter.exchange_closed(exchange)
        row = counter.calls.page(opened)["received"]["postgresql query"]["total"]
        times.sort()
        for title, share in (("p50_ms", 0.5), ("p95_ms", 0.95), ("p99_ms", 0.99)):
            exact = times[max(-int(-share * len(times) // 1), 1) - 1] / 1e6
            self.assertLess(abs(row[title] / exact - 1), 0.1, title)

    def test_the_rest_is_not_counted(self):
        self.counter.session_opened(self.session)
        self.counter.session_closed(self.session, "")
        self.counter.containers_read(None, "acrastruct", 1, 1)
        self.counter.security_event(1, "", None, None)
        self.assertEqual(self.page(), {"received": {}, "sent": {}, "stages": {}})
