"""Requests that have become many more."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.growth import growth
from acra_twisted.telemetry.console.ranges import range_of
from tests.support.hours import ACCOUNT, NOW, ORDERS, Hour
from tests.support.stepping import returned


class Growth(SynchronousTestCase):
    def grown(self, early, late, first=60, key="1h"):
        """Let there be so many calls a minute early and late, the first ``first`` minutes ago."""
        hour = Hour()
        for minute in range(first, 0, -1):
            hour.pass_to(minute)
            for text, calls in (late if minute <= 15 else early).items():
                hour.ask(minute, text, calls)
        span = range_of(key, NOW - 1)
        columns = returned(hour.sources.sums.by_column(span))
        return returned(growth(hour.figures, span, columns))

    def test_the_statement_that_came_in_addition(self):
        found = self.grown({ACCOUNT: 20}, {ACCOUNT: 20, ORDERS: 60})
        self.assertEqual(found.most.shape.summary, "SELECT orders customer")
        self.assertEqual((found.was, found.now, found.part), (20.0, 80.0, 1.0))

    def test_all_of_them_became_more(self):
        texts = [b"SELECT a FROM t%d" % number for number in range(4)]
        found = self.grown(dict.fromkeys(texts, 4), dict.fromkeys(texts, 20))
        self.assertIsNone(found.most)

    def test_what_is_no_growth(self):
        self.assertIsNone(self.grown({ACCOUNT: 30}, {ACCOUNT: 85}))
        # Few are nothing to tell of, and neither is a beginning.
        self.assertIsNone(self.grown({ACCOUNT: 1}, {ACCOUNT: 50}))
        self.assertIsNone(self.grown({ACCOUNT: 1}, {ACCOUNT: 90}, first=24))
        self.assertIsNotNone(self.grown({ACCOUNT: 1}, {ACCOUNT: 90}, first=25))
        # Days have their own ups and downs.
        self.assertIsNone(self.grown({ACCOUNT: 20}, {ACCOUNT: 90}, key="24h"))
