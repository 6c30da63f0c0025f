"""Charts: what they draw, and that they cannot be made to do anything else."""

import re
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console import charts
from acra_twisted.telemetry.console.charts import Tick
from acra_twisted.telemetry.console.formats import px
from acra_twisted.telemetry.console.layers import LAYERS
from acra_twisted.telemetry.console.pins import Mark

HOSTILE = '"><script>alert(1)</script>&'
TICKS = (Tick(0, "09:00"), Tick(50, HOSTILE), Tick(100, "09:59 UTC"))
MARKS = (Mark(24, HOSTILE), Mark(80, "second"))
_TIMES = st.floats(0, 1e9)


def read(markup):
    return ElementTree.fromstring(str(markup))  # noqa: S314 - made by us


class Charts(SynchronousTestCase):
    def whole(self, markup):
        """It is markup that is well formed, and nobody's text acts in it."""
        self.assertIsInstance(markup, Markup)
        found = read(markup)
        self.assertNotIn("<script", str(markup))
        self.assertNotIn("style=", str(markup))
        for element in found.iter():
            for name in ("x", "width"):
                value = element.get(name, "")
                if value.endswith("%"):
                    self.assertTrue(-0.01 <= float(value[:-1]) <= 101.5, (name, value))
        return found

    def test_a_bar_of_layers(self):
        found = self.whole(charts.share({"proxy": 1, "dbfirst": 3}))
        self.assertEqual(
            [part.get("class") for part in found.iter("rect")], ["f-proxy", "f-dbfirst"]
        )
        self.assertEqual(found.find("title").text, "Proxy 25 %, Database, first byte 75 %")
        self.assertEqual([part.get("x") for part in found.iter("rect")], ["0%", "25%"])
        half = self.whole(charts.share({"proxy": 1}, whole=2, large=True))
        self.assertEqual(next(half.iter("rect")).get("width"), "49.86%")
        self.assertEqual(self.whole(charts.share({})).find("title").text, "no time")

    @given(st.dictionaries(st.sampled_from(list(LAYERS)), _TIMES, max_size=8))
    def test_any_bar(self, parts):
        self.whole(charts.share(parts))

    def test_small_ones(self):
        self.assertIn('width="25%"', charts.gauge(1, 4))
        self.assertIn('width="0%"', charts.gauge(1, 0))
        self.whole(charts.pair(20, 80))
        self.assertEqual(charts.spark([1.0]), "")
        points = self.whole(charts.spark([1, 2, 4], True)).find("polyline").get("points")
        self.assertEqual(points, "0,15.5 1,11 2,2")
        self.whole(charts.spark([0, 0]))

    def test_layers_over_time(self):
        series = {"proxy": [1.0, 1.0, 1.0], "dbfirst": [2.0, 8.0, 8.0]}
        found = self.whole(charts.area(HOSTILE, series, TICKS, MARKS))
        self.assertEqual(
            [part.get("class") for part in found.iter("polygon")],
            ["area f-proxy", "area f-dbfirst"],
        )
        # The database begins above everything that is ours.
        ours = next(found.iter("polyline")).get("points").split(" ")
        self.assertEqual(len({point.partition(",")[2] for point in ours}), 1)
        texts = "".join(found.itertext())
        self.assertIn(HOSTILE, texts)
        self.assertIn("5 ms", texts)

    def test_where_nothing_was_asked_there_is_a_gap(self):
        values = [2.0, 0.0, 3.0, 3.0]
        found = self.whole(charts.area("some", {"proxy": values, "dbfirst": values}, TICKS))
        places = [
            [float(point.partition(",")[0]) for point in part.get("points").split(" ")]
            for part in found.iter("polygon")
        ]
        # The first one alone is as wide as half a column, and so that it can be seen.
        self.assertEqual(places, [[0, 0.35, 0.35, 0], [2, 3, 3, 2]] * 2)
        self.assertEqual(len(list(found.iter("polyline"))), 2)
        self.assertEqual(charts.runs([None, 5.0, None]), [[(0.65, 5.0), (1.35, 5.0)]])
        self.assertEqual(charts.runs([1.0, 2.0, None]), [[(0, 1.0), (1, 2.0)]])
        self.assertEqual(charts.runs([None, None]), [])
        self.assertEqual(charts.spark([None, None, 2.0, 2.0]), "")
        lines = self.whole(charts.spark([None, None, 2.0, 2.0, 2.0]))
        self.assertEqual(
            [one.get("points") for one in lines.iter("polyline")], ["2,8.8 3,8.8 4,8.8"]
        )

    @given(st.lists(_TIMES, min_size=2, max_size=70))
    def test_any_layers_over_time(self, values):
        self.whole(charts.area("any", {"cipher": values, "dbrows": values}, TICKS))

    def test_a_heat_map(self):
        columns = [{30: 1, 31: 100}, {}, {40: 5, 99: 2}]
        found = self.whole(
            charts.heat(
                HOSTILE,
                columns,
                28,
                16,
                [(32, "1 ms")],
                TICKS,
                MARKS,
                cells=charts.Cells("/x?a&b", 5, 2, [1, 2.5, 2e6]),
            )
        )
        drawn = {part.get("class"): part.get("d") for part in found.iter("path")}
        self.assertEqual(drawn["h1"], "M0 13h1v1h-1zM2 0h1v1h-1z")
        self.assertEqual(drawn["h7"], "M0 12h1v1h-1z")
        self.assertEqual(drawn["h2"], "M2 3h1v1h-1z")
        self.assertEqual(found.get("data-cells"), "/x?a&b")
        self.assertEqual(found.get("data-columns"), "3")
        self.assertEqual(found.get("data-bounds"), "1 2.5 2000000")
        self.assertEqual((found.get("data-since"), found.get("data-step")), ("5", "2"))
        # The second of three columns begins behind a third.
        second = [charts.Tick(50, "second")]
        third = charts.heat("some", columns, 28, 16, [], second, [Mark(50, "second")])
        self.assertIn('x1="33.33%"', third)
        self.assertIn('<text x="33.33%"', third)
        plain = charts.heat("none", columns, 28, 16, [], TICKS)
        self.assertNotIn("data-cells", plain)

    @given(
        st.lists(
            st.dictionaries(st.integers(0, 87), st.integers(1, 10**9), max_size=9), max_size=9
        ),
        st.integers(0, 87),
    )
    def test_any_heat_map(self, columns, first):
        self.whole(charts.heat("any", columns, first, 16, [], TICKS))

    @given(st.floats(0.001, 1e9))
    def test_lines_are_few_and_below(self, top):
        found = charts.levels(top)
        self.assertLessEqual(len(found), 5)
        self.assertTrue(all(0 < value < top for value in found), found)
        self.assertTrue(found)

    def test_no_lines_of_nothing(self):
        self.assertEqual(charts.levels(0), [])
        self.assertEqual(charts.levels(8.6), [2.0, 4.0, 6.0, 8.0])

    @given(st.floats(-1e6, 1e6))
    def test_short_numbers(self, value):
        self.assertTrue(re.fullmatch(r"-?[0-9]+(\.[0-9]{1,2})?", px(value)))
        self.assertLess(abs(float(px(value)) - value), 0.006)


class Parts(SynchronousTestCase):
    def test_they_fill_the_bar_and_have_their_names(self):
        drawn = charts.parts([("deny", 1, "<b>"), ("good", 0, "none"), ("fail", 3, "three")])
        self.assertNotIn("<b>", drawn)
        self.assertIn('aria-label="&lt;b&gt; 1, three 3"', drawn)
        self.assertEqual(re.findall(r' x="([^"]+)%"', drawn), ["0", "25"])
        self.assertIn('aria-label="nothing"', charts.parts([]))
