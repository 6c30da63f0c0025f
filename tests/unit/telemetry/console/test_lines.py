"""Charts of lines."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.lines import Line, Scale, lines
from tests.unit.telemetry.console.test_charts import HOSTILE, MARKS, TICKS, read

_VALUES = st.lists(st.floats(0, 1e9), min_size=2, max_size=60)


class Lines(SynchronousTestCase):
    def test_what_is_drawn(self):
        found = read(
            lines(
                HOSTILE,
                [Line("a", [1.0, 100.0, 100.0], "p99"), Line("c", [1.0, 1.0, 2.0], HOSTILE)],
                TICKS,
                unit=" ms",
                log=True,
                marks=MARKS,
                columns=[0, 5.0, 0],
            )
        )
        self.assertEqual([one.get("class") for one in found.iter("polyline")], ["ln a", "ln c"])
        self.assertEqual(len(list(found.iter("rect"))), 1)
        texts = [one.text for one in found.iter("text")]
        for text in ("1 ms", "10", "100", "p99", HOSTILE):
            self.assertIn(text, texts)

    def test_levels_of_small_values_are_told_apart(self):
        found = read(lines("some", [Line("a", [0.0, 0.009])], TICKS, unit=" /s"))
        texts = [one.text for one in found.iter("text") if one.get("class") == "halo"]
        self.assertEqual(len(set(texts)), len(texts))
        self.assertNotIn("0 /s", texts)

    def test_names_stand_below_one_another(self):
        made = [
            Line("a", [9.0, 9.0], "p99"),
            Line("b", [9.0, 9.0], "p95"),
            Line("c", [9, 8.9], "p50"),
        ]
        found = read(lines("some", made, TICKS))
        ends = [
            float(one.get("y")) for one in found.iter("text") if one.get("text-anchor") == "end"
        ]
        names = [one.text for one in found.iter("text") if (one.text or "").startswith("p")]
        self.assertEqual(names, ["p99", "p95", "p50"])
        self.assertTrue(all(low - high >= 11 for high, low in pairwise(ends[:3])), ends)

    def test_unknown_values_are_gaps(self):
        found = read(
            lines("some", [Line("a", [None, 5.0, 5.0, None, 7.0], "p99")], TICKS, log=True)
        )
        drawn = [one.get("points").split(" ") for one in found.iter("polyline")]
        places = [[float(point.partition(",")[0]) for point in points] for points in drawn]
        self.assertEqual(places, [[1, 2], [3.65, 4]])
        read(lines("none", [Line("a", [None, None], "p99")], TICKS, log=True))

    def test_columns_are_whole_numbers_and_stand_below_their_time(self):
        found = read(lines("some", [Line("mute", [0.0, 0.0, 0.0])], TICKS, columns=[0, 1.0, 0]))
        (column,) = found.iter("rect")
        x, width = (float(column.get(name)[:-1]) for name in ("x", "width"))
        self.assertAlmostEqual(x + width / 2, 50, 1)
        for columns in ([0, 1.0, 0], [0, 0, 0]):
            found = read(lines("some", [Line("mute", [0.0, 0.0, 0.0])], TICKS, columns=columns))
            labels = [one.text for one in found.iter("text") if one.get("x") == "2"]
            self.assertTrue(labels)
            self.assertTrue(all("." not in label for label in labels), labels)

    @given(_VALUES, st.booleans())
    def test_any_values_are_within(self, values, log):
        scale = Scale(values, log)
        for value in values:
            self.assertTrue(-1 <= scale.place(value) <= 100.001, value)
        for value in scale.lines():
            self.assertTrue(-1 <= scale.place(value) <= 100.001, value)
        read(lines("any", [Line("b", values)], TICKS, log=log, columns=values))

    def test_greater_is_higher(self):
        for log in (False, True):
            scale = Scale([1, 10, 100], log)
            self.assertGreater(scale.place(1), scale.place(10))
            self.assertGreater(scale.place(10), scale.place(100))
