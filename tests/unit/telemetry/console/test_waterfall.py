"""Rows of the waterfall."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.timeline import arrange, folded
from acra_twisted.telemetry.console.waterfall import ROWS_MAX, rows, ticks
from tests.support.kepttraces import many, records_of, spans_of

START = 1_000_000_000


class Rows(SynchronousTestCase):
    def test_rows_are_bounded(self):
        timeline = arrange(records_of(many(START, 90)))
        shown = list(rows(timeline, folded(timeline.bars), "?span="))
        self.assertEqual(len(shown), ROWS_MAX)

    def test_a_row(self):
        timeline = arrange(records_of(spans_of(START)))
        link, proxy, _, database = rows(timeline, timeline.bars, "?id=1&span=")
        self.assertEqual((link["took"], link["itself"]), ("3.10 ms", "0.300 ms"))
        self.assertEqual((link["daemon"], proxy["daemon"]), ("acra-connector", "acra-server"))
        self.assertEqual(database["daemon"], "db-a:5432")
        self.assertIn("first byte after 2.00 ms", database["picture"])
        self.assertIn('class="f-link pale" x="0%" width="100%"', link["picture"])
        self.assertEqual(database["href"][:12], "?id=1&span=" + database["id"][:1])

    def test_the_axis(self):
        self.assertEqual([tick.text for tick in ticks(3_100_000)], ["0", "1.00 ms", "2.00 ms"])
