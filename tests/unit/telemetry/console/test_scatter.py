"""Traces by time and duration, drawn."""

import re
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.scatter import DOTS_MAX, LINKS_MAX, Point, draw

KINDS = st.sampled_from(("", "deny", "fail", "slow", "intr"))


class Scatter(SynchronousTestCase):
    @given(
        st.lists(
            st.builds(
                Point,
                st.integers(0, 1 << 62),
                st.floats(0, 1e9),
                KINDS,
                st.just("/x"),
                st.just("1"),
                st.text(st.characters(min_codepoint=32, exclude_categories=["Cs", "Cn"])),
            ),
            min_size=1,
            max_size=12,
        )
    )
    def test_whatever_there_is_stands_within(self, points):
        drawn = draw(points)
        ElementTree.fromstring(drawn)  # noqa: S314
        self.assertEqual(drawn.count("<a "), sum(bool(point.form) for point in points))
        for place in re.findall(r'y="(-?[0-9.]+)" overflow', drawn):
            self.assertTrue(0 <= float(place) <= 236, place)
        for x, y in re.findall(r"M([-0-9.]+) ([-0-9.]+)h0", drawn):
            self.assertTrue(0 <= float(x) <= 100 and 0 <= float(y) <= 100)

    def test_it_is_bounded(self):
        drawn = draw([Point(number, 1.0) for number in range(3 * DOTS_MAX - 1)])
        self.assertEqual(drawn.count("h0"), DOTS_MAX)
        drawn = draw([Point(number, 1.0, "deny") for number in range(2 * LINKS_MAX)])
        self.assertEqual(drawn.count("<a "), LINKS_MAX)
        self.assertEqual(drawn.count("h0"), LINKS_MAX)

    def test_rare_ones_are_links_in_any_case(self):
        many = [Point(number, 1.0, "slow") for number in range(2 * LINKS_MAX)]
        drawn = draw([*many, Point(0, 1.0, "deny"), Point(9, 1.0, "deny")])
        self.assertEqual(drawn.count("f-deny"), 2)
        self.assertEqual(drawn.count("f-slow"), LINKS_MAX - 2)

    def test_slower_ones_are_higher(self):
        drawn = draw([Point(0, 1.0, "slow"), Point(60 * 10**9, 1000.0, "slow")])
        low, high = re.findall(r'y="([0-9.]+)" overflow', drawn)
        self.assertGreater(float(low), float(high))
        self.assertIn(">100 ms</text>", drawn)
        self.assertIn("00:01", drawn)
