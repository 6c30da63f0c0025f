"""Rows of the waterfall."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.structure import Usual
from acra_twisted.telemetry.console.timeline import arrange
from acra_twisted.telemetry.console.waterfall import ROWS_MAX, Window, rows, ticks
from tests.support.kepttraces import many, records_of, spans_of

START = 1_000_000_000


class Rows(SynchronousTestCase):
    def test_rows_are_bounded(self):
        timeline = arrange(records_of(many(START, 90)))
        bars = timeline.bars
        shown = list(rows(Window(0, timeline.took), bars, "?span="))
        self.assertGreater(len(bars), ROWS_MAX)
        self.assertEqual(len(shown), ROWS_MAX)

    def test_a_row(self):
        timeline = arrange(records_of(spans_of(START)))
        link, proxy, _, database = rows(Window(0, timeline.took), timeline.bars, "?id=1&span=")
        self.assertEqual((link["took"], link["itself"]), ("3.10 ms", "0.300 ms"))
        self.assertEqual((link["daemon"], proxy["daemon"]), ("acra-connector", "acra-server"))
        self.assertEqual(database["daemon"], "db-a:5432")
        self.assertIn("first byte after 2.00 ms", database["picture"])
        self.assertIn('class="f-link pale" x="0%" width="100%"', link["picture"])
        self.assertEqual(database["href"][:12], "?id=1&span=" + database["id"][:1])

    def test_the_statement_stands_once(self):
        timeline = arrange(records_of(spans_of(START)))
        *_, database = rows(Window(0, timeline.took), timeline.bars, "?")
        self.assertEqual(database["name"], "postgresql")
        self.assertEqual(database["title"], "postgresql SELECT orders customer")
        alone = [one for one in records_of(spans_of(START)) if one["kind"] == "client"][-1:]
        (database,) = rows(Window(0, timeline.took), arrange(alone).bars, "?")
        self.assertEqual(database["name"], "postgresql SELECT orders customer")

    def test_the_axis(self):
        self.assertEqual([tick.text for tick in ticks(Window(0, 3_100_000))], ["0", "1 ms", "2 ms"])
        marks = ticks(Window(1_000_000, 3_000_000))
        self.assertEqual([tick.text for tick in marks][:2], ["1.00 ms", "1.50 ms"])
        self.assertEqual([tick.at for tick in marks][:2], [0, 25])

    def test_a_part_of_a_trace(self):
        timeline = arrange(records_of(spans_of(START, link=0, proxy=0, censor=0, rows=2000)))
        window = Window(1_000_000, 3_000_000)
        shown = list(rows(window, timeline.bars, "?span="))
        database = shown[-1]["picture"]
        self.assertIn('class="f-dbfirst" x="0%" width="50%"', database)
        self.assertIn('class="f-dbrows" x="50%" width="50%"', database)

    def test_the_typical_one(self):
        timeline = arrange(records_of(spans_of(START)))
        top = timeline.bars[0].record["span_id"]
        database = timeline.bars[3].record["span_id"]
        usual = {top: Usual(0, 1.55), database: Usual(0.35, 2.4)}
        link, proxy, _, asked = rows(Window(0, timeline.took), timeline.bars, "?", usual)
        self.assertEqual((link["times"], link["worse"]), ("2.0 \N{MULTIPLICATION SIGN}", True))
        self.assertIn('class="f-control" x="0%" width="50%" y="24.5"', link["picture"])
        self.assertEqual((asked["times"], asked["worse"]), ("1.0 \N{MULTIPLICATION SIGN}", False))
        self.assertEqual((proxy["times"], proxy["worse"]), ("\N{EN DASH}", False))
        self.assertNotIn("f-control", proxy["picture"])
