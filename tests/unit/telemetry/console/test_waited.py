"""Requests that waited long for the database, and have ended."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.gathering import totals
from acra_twisted.telemetry.console.ranges import range_of
from acra_twisted.telemetry.console.shapelinks import address, traces_of
from acra_twisted.telemetry.console.views import overview
from acra_twisted.telemetry.console.waited import said, waited
from acra_twisted.telemetry.figures.buckets import BOUNDS
from acra_twisted.telemetry.figures.rows import FIRST_BYTE, Layer, Row
from acra_twisted.telemetry.figures.statements import Found
from tests.support.hours import ACCOUNT, CARD, NOW, ORDERS, Hour
from tests.support.stepping import returned

_SECOND = 1_000_000


class WaitsThatAreOver(SynchronousTestCase):
    """A daemon that is six minutes old; times are microseconds."""

    def setUp(self):
        self.hour = Hour(6)
        self.let_pass(range(6, 0, -1))

    def let_pass(self, minutes):
        for minute in minutes:
            self.hour.pass_to(minute)
            self.hour.ask(minute, ACCOUNT, 9)
            self.hour.ask(minute, ORDERS, 9)

    def found(self):
        span = range_of("15m", NOW - 1)
        shapes = returned(totals(self.hour.figures, span))
        return returned(waited(self.hour.figures, shapes, span)), span

    def said(self, found, span):
        return said(found, span, address, traces_of)

    def test_behind_a_lock(self):
        self.hour.ask(1, ORDERS, 3, first=8 * _SECOND)
        self.hour.ask(1, ACCOUNT, first=30 * _SECOND)
        found, span = self.found()
        self.assertEqual((found.number, found.of_most), (4, 3))
        told = self.said(found, span)
        self.assertEqual(
            told.text,
            "4 requests waited for the database for 7.79 s or longer, as behind a lock; "
            "3 of them are SELECT orders customer, half of which wait 1.04 ms at most, "
            "and ended at 23:59.",
        )
        doors = [piece.href for piece in told.pieces if piece.href]
        self.assertEqual(
            doors,
            [
                f"/console/statement?id={self.hour.shape('orders')}",
                f"/console/traces?shape={self.hour.shape('orders')}&since=15m&min_ms=7793.59",
            ],
        )

    def test_one_alone(self):
        self.hour.ask(1, ACCOUNT, first=20 * _SECOND)
        found, span = self.found()
        text = self.said(found, span).text
        self.assertTrue(text.startswith("1 request waited for the database for "), text)
        self.assertIn("; it is SELECT account, half of which", text)

    def test_the_overview_says_so(self):
        self.hour = Hour(6)
        self.let_pass((6, 5))
        self.hour.ask(5, ORDERS, 3, first=8 * _SECOND)
        self.let_pass((4, 3, 2, 1))
        asked = overview.asked({}, NOW - 1)
        told = returned(overview.gather(self.hour.sources, asked)).said.as_json()
        self.assertEqual(told["rules"][0], "waited")
        self.assertIn("3 requests waited", told["text"])

    def test_what_always_takes_that_long_is_no_wait(self):
        self.hour.ask(1, CARD, 3, first=8 * _SECOND)
        self.assertIsNone(self.found()[0])
        self.hour.ask(1, CARD, 2, first=1000)
        self.assertIsNone(self.found()[0])
        self.hour.ask(1, CARD, 1, first=1000)
        self.assertEqual(self.found()[0].number, 3)

    def test_what_is_not_long(self):
        self.hour.ask(1, ORDERS, 3, first=4 * _SECOND)
        self.assertIsNone(self.found()[0])
        self.assertIsNone(self.said(*self.found()))

    @given(
        st.dictionaries(st.integers(0, len(BOUNDS) - 1), st.integers(0, 3), max_size=9),
        st.integers(0, 1 << 62),
    )
    def test_whatever_figures_say(self, buckets, total):
        """Rows come from other daemons, too."""
        row = Row()
        row.layers[FIRST_BYTE] = Layer(total, buckets)
        span = range_of("15m", NOW - 1)
        shapes = returned(totals(self.hour.figures, span))
        (shape,) = [one.shape for one in shapes.values() if "orders" in one.shape.summary]
        found = returned(waited(self.hour.figures, {shape.id: Found(shape, row)}, span))
        # No minute of it has any.
        self.assertIsNone(found)
