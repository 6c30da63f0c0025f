"""Charts of lines."""

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
