"""The typical trace of a statement."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console import structure
from acra_twisted.telemetry.console.sides import one_of, typical_of
from tests.support.hours import NOW, ORDERS, Hour
from tests.support.kepttraces import TEXT, a_trace
from tests.support.stepping import returned

MINUTE = 60 * 10**9


class Typical(SynchronousTestCase):
    def setUp(self):
        self.hour = Hour(60)
        self.number = 0

    def keep(self, minute, **given):
        self.number += 1
        return a_trace(self.hour.store, NOW - minute * MINUTE + self.number, **given)

    def typical(self, trace_id):
        side = returned(one_of(self.hour.sources, trace_id))
        return returned(typical_of(self.hour.sources, trace_id, side))

    def figures(self, was, now):
        """Half an hour of requests that take so many microseconds, and half an hour of others."""
        for minute in range(59, 0, -1):
            self.hour.pass_to(minute)
            self.hour.ask(
                minute, TEXT.replace("?", "5").encode(), 4, first=was if minute > 30 else now
            )

    def test_medians(self):
        for first in (1000, 2000, 9000):
            self.keep(5, first=first)
        found = self.typical(self.keep(1, first=46_000))
        self.assertEqual((len(found.known), found.when), (3, ""))
        self.assertEqual(found.layers["dbfirst"], 2.0)
        self.assertAlmostEqual(structure.whole(found.places), 3.1)

    def test_denied_and_failed_ones_are_not_typical(self):
        self.keep(5, status=2)
        self.keep(5, first=0, rows=0, status=7, verdict="deny")
        self.assertIsNone(self.typical(self.keep(1)))
        self.keep(5)
        self.assertEqual(len(self.typical(self.keep(1)).known), 2)

    def test_those_before_it_became_slow(self):
        self.figures(2000, 46_000)
        for minute in (50, 40, 35):
            self.keep(minute, first=2000)
        for minute in (20, 15, 10, 5, 4):
            self.keep(minute, first=46_000)
        found = self.typical(self.keep(1, first=46_000))
        self.assertEqual((len(found.known), found.when), (3, "before 23:30"))
        self.assertEqual(found.layers["dbfirst"], 2.0)

    def test_those_since_it_became_fast(self):
        self.figures(46_000, 2000)
        for minute in (50, 40, 35):
            self.keep(minute, first=46_000)
        for minute in (20, 15, 10):
            self.keep(minute, first=2000)
        found = self.typical(self.keep(45, first=46_000))
        self.assertEqual((len(found.known), found.when), (3, "since 23:30"))
        self.assertEqual(found.layers["dbfirst"], 2.0)

    def test_all_of_them_where_those_are_few(self):
        self.figures(2000, 46_000)
        self.keep(50, first=2000)
        for minute in (20, 15, 10):
            self.keep(minute, first=46_000)
        found = self.typical(self.keep(1, first=46_000))
        self.assertEqual((len(found.known), found.when), (4, ""))

    def test_other_statements_are_others(self):
        self.hour.ask(1, ORDERS)
        self.keep(5, summary="SELECT account")
        one = next(iter(self.hour.store.traces()))
        for span in one.spans():
            if "db.query.text" in span.attributes:
                span.attributes["db.query.text"] = "SELECT owner FROM account"
        self.assertIsNone(self.typical(self.keep(1)))
