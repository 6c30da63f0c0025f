"""The picture of who talks to whom."""

import re

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.graph import COLUMNS, Line, Node, draw
from tests.support.stepping import returned


def node(key, column=0, name="a client", look=""):
    return Node(key, column, name, "5 /s", "p95 3 ms", look, f"/console/traces?client_id={key}")


def drawn(*given):
    return returned(draw(*given))


class Drawn(SynchronousTestCase):
    def test_each_box_is_a_link_and_each_line_has_its_text(self):
        text = str(
            drawn(
                "who & whom",
                [node("a"), node("b", 2, look="bad")],
                [Line("a", "b", 1.0, "5 /s", "a to b", "hot")],
            )
        )
        self.assertEqual(text.count("<a href="), 2)
        self.assertIn('class="edge hot" stroke-width="8"', text)
        self.assertIn('class="node bad"', text)
        self.assertIn('aria-label="who &amp; whom"', text)
        self.assertNotIn("style=", text)

    def test_names_show_as_text(self):
        text = str(drawn("x", [node("a", name="<b>&")], []))
        self.assertIn("&lt;b&gt;&amp;", text)
        self.assertNotIn("<b>", text)

    def test_a_line_that_passes_a_column_passes_below_its_boxes(self):
        connectors = [node(f"c{number}", 1) for number in range(2)]
        nodes = [node("a"), node("b"), *connectors, node("s", 2)]
        lines = [
            Line("b", "s", 1.0, "", ""),
            *(Line("a", one.key, 1.0, "", "") for one in connectors),
        ]
        text = str(drawn("x", nodes, lines))
        direct = re.findall('<path class="edge" stroke-width="8" d="([^"]+)"', text)[0]
        boxes = re.findall('<rect class="node" x="334" y="([0-9.]+)"', text)
        points = [float(number) for number in re.findall("[0-9.]+", direct)]
        over = [y for x, y in zip(points[::2], points[1::2], strict=True) if 334 <= x <= 334 + 178]
        self.assertEqual(len(over), 4)
        self.assertTrue(all(y > max(map(float, boxes)) + 68 for y in over), (over, boxes))
        height = float(re.search('viewBox="0 0 1172 ([0-9.]+)"', text)[1])
        self.assertTrue(all(y < height for y in over))

    def test_a_line_to_nowhere_is_left_out(self):
        text = str(drawn("x", [node("a")], [Line("a", "b", 1.0, "", "")]))
        self.assertNotIn('class="edge', text)

    @given(st.lists(st.integers(0, len(COLUMNS) - 1), max_size=40))
    def test_boxes_stand_within_the_picture_and_apart(self, columns):
        nodes = [node(str(number), column) for number, column in enumerate(columns)]
        text = str(drawn("x", nodes, []))
        height = float(re.search('viewBox="0 0 1172 ([0-9.]+)"', text)[1])
        boxes = re.findall('<rect class="node" x="([0-9.]+)" y="([0-9.]+)"', text)
        self.assertEqual(len(boxes), len(nodes))
        for x in {x for x, _ in boxes}:
            places = sorted(float(y) for other, y in boxes if other == x)
            self.assertTrue(all(b - a >= 68 for a, b in zip(places, places[1:], strict=False)))
            self.assertLessEqual(places[-1] + 68, height)
