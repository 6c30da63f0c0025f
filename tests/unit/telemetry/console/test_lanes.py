"""Events over time as a chart."""

import re

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.lanes import Dot, Lane, lanes

LOOKS = st.sampled_from(["deny", "intr", "fail", "slow", "control"])
DOTS = st.lists(st.builds(Dot, st.floats(0, 100), LOOKS, st.text(), st.text()), max_size=60)


class Lanes(SynchronousTestCase):
    @given(st.lists(st.builds(Lane, st.text(), st.integers(0, 10**9), DOTS), max_size=6))
    def test_each_event_is_a_link_or_a_dot(self, drawn):
        markup = str(lanes("Events", drawn, []))
        marks = markup.count("<a href=")
        self.assertLessEqual(marks, 20 * len(drawn))
        dots = len(re.findall(r"M[0-9.]+ 4h0", markup))
        self.assertEqual(marks + dots, sum(len(lane.dots) for lane in drawn))
        self.assertNotIn("style=", re.sub(r'="[^"]*"', "", markup))

    def test_text_is_text(self):
        lane = Lane("<b>", 1, [Dot(5, "deny", '"><script>', "<i>")])
        markup = str(lanes("<u>", [lane], []))
        self.assertNotRegex(markup, "<(b|i|u|script)>")
        self.assertIn('role="group"', markup)
