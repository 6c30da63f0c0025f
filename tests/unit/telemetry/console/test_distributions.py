"""Distributions of a statement's durations."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.calls import Call
from acra_twisted.telemetry.console.distributions import heat, spread
from acra_twisted.telemetry.console.ranges import Range
from acra_twisted.telemetry.figures.buckets import BOUNDS, bucket
from acra_twisted.telemetry.figures.rows import WHOLE, Layer, Row

MS = 1_000_000


def row_of(*durations):
    """Figures of requests that took so many milliseconds."""
    row = Row()
    row.calls = len(durations)
    layer = row.layers[WHOLE] = Layer()
    for took in durations:
        number = bucket(int(took * MS))
        layer.buckets[number] = layer.buckets.get(number, 0) + 1
        layer.total += int(took * MS)
    return row


class Spreads(SynchronousTestCase):
    def test_groups_with_samples(self):
        calls = [Call(0, took, f"{n:032x}", {}) for n, took in enumerate((3, 3, 3, 50))]
        found = spread(row_of(3, 3), row_of(3, 50), ("before", "now"), calls, "?shape=1")
        self.assertEqual(
            [(one.name, one.before, one.now) for one in found.lines],
            [("2 to 4 ms", 100, 50), ("32 to 64 ms", 0, 50)],
        )
        self.assertEqual(
            [list(one.samples) for one in found.lines], [[f"{0:032x}", f"{1:032x}"], [f"{3:032x}"]]
        )
        self.assertEqual(found.lines[0].href, "?shape=1&min_ms=2&max_ms=4")

    def test_the_ends(self):
        found = spread(Row(), row_of(0.01, 9000), ("before", "now"), [], "?")
        self.assertEqual([one.href for one in found.lines], ["?&max_ms=0.5", "?&min_ms=2048"])
        self.assertEqual([one.name for one in found.lines], ["under 0.5 ms", "2.05 s and over"])
        names = [one.name for one in spread(Row(), row_of(600), ("", ""), [], "").lines]
        self.assertEqual(names, ["512 ms to 2.05 s"])

    def test_cells_are_doors(self):
        span = Range("1h", 1000, 1060)
        columns = [row_of(3) for _ in range(60)]
        picture = heat(row_of(3), columns, span, [], "?shape=1&x")
        self.assertIn('data-cells="?shape=1&amp;x"', picture)
        self.assertIn('data-since="1000" data-step="1"', picture)
        bounds = picture.partition('data-bounds="')[2].partition('"')[0].split(" ")
        rows = int(picture.partition('data-rows="')[2].partition('"')[0])
        self.assertEqual(len(bounds), rows + 1)
        first = bucket(3 * MS) - 2
        self.assertEqual(float(bounds[0]), round(BOUNDS[first] / MS, 4))
