"""Traces by time and duration, drawn."""

import re
from xml.etree import ElementTree

from hypothesis import assume, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.scatter import DOTS_MAX, LINKS_MAX, Point, draw

MS = 10**6
KINDS = st.sampled_from(("deny", "fail", "slow", "intr"))
STARTS = st.integers(0, 1 << 62)
TIMES = st.integers(0, 10**15)


def point(start, took=MS, form="deny"):
    return Point(start, took, form, "/x", "1", "text")


class Scatter(SynchronousTestCase):
    @given(
        st.lists(st.tuples(STARTS, TIMES), max_size=12),
        st.lists(
            st.builds(
                Point,
                STARTS,
                TIMES,
                KINDS,
                st.just("/x"),
                st.just("1"),
                st.text(st.characters(min_codepoint=32, exclude_categories=["Cs", "Cn"])),
            ),
            max_size=12,
        ),
    )
    def test_whatever_there_is_stands_within(self, dots, points):
        assume(dots or points)
        drawn = draw(dots, points)
        ElementTree.fromstring(drawn)  # noqa: S314
        self.assertEqual((drawn.count("<a "), drawn.count("h0")), (len(points), len(dots)))
        for place in re.findall(r'y="(-?[0-9.]+)" overflow', drawn):
            self.assertTrue(0 <= float(place) <= 236, place)
        for x, y in re.findall(r"M([-0-9.]+) ([-0-9.]+)h0", drawn):
            self.assertTrue(0 <= float(x) <= 100 and 0 <= float(y) <= 100)

    def test_it_is_bounded(self):
        drawn = draw([(number, MS) for number in range(3 * DOTS_MAX - 1)], [])
        self.assertEqual(drawn.count("h0"), DOTS_MAX)
        drawn = draw([], [point(number) for number in range(2 * LINKS_MAX)])
        self.assertEqual(drawn.count("<a "), LINKS_MAX)
        self.assertEqual(drawn.count("h0"), LINKS_MAX)

    def test_rare_ones_are_links_in_any_case(self):
        many = [point(number, form="slow") for number in range(2 * LINKS_MAX)]
        drawn = draw([], [*many, point(0), point(9)])
        self.assertEqual(drawn.count("f-deny"), 2)
        self.assertEqual(drawn.count("f-slow"), LINKS_MAX - 2)

    def test_slower_ones_are_higher(self):
        drawn = draw([], [point(0, MS), point(60 * 10**9, 1000 * MS)])
        low, high = re.findall(r'y="([0-9.]+)" overflow', drawn)
        self.assertGreater(float(low), float(high))
        self.assertIn(">100 ms</text>", drawn)
        self.assertIn("00:01", drawn)
        dots = draw([(0, MS), (60 * 10**9, 1000 * MS)], [])
        (left, low), (right, high) = re.findall(r"M([0-9.]+) ([0-9.]+)h0", dots)
        self.assertEqual((left, right), ("0.0", "100.0"))
        self.assertGreater(float(low), float(high))
