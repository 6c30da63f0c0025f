"""Marks of charts."""

import re
from itertools import combinations
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.pins import NARROW, WIDE, Mark, pins

#: Pixels of a character, at least.
_CHARACTER = 6


def labels(marks, width=WIDE):
    """Labels of marks: each a row, where it begins and ends in a plot, its text, and if a phone
    shows it."""
    found = []
    drawn = pins(marks, 200, width)
    for text in ElementTree.fromstring(f"<svg>{drawn}</svg>").iter("text"):  # noqa: S314 - ours
        at = float(text.get("x").rstrip("%")) * width / 100 + float(text.get("dx"))
        length = _CHARACTER * len(text.text)
        begins = at - length if text.get("text-anchor") == "end" else at
        narrow = "p-hide" not in text.get("class")
        found.append((int(text.get("y")), begins, begins + length, text.text, narrow))
    return found


class Pins(SynchronousTestCase):
    def test_what_was_at_one_time_is_one_mark(self):
        some = [Mark(97, "3 denied", "02:04"), Mark(97, "1 poison", "02:04")]
        ((_, _, _, text, _),) = labels(some)
        self.assertEqual(text, "02:04 3 denied, 1 poison")
        self.assertEqual(pins(some, 200).count("<line"), 1)
        schema = Mark(97, "CREATE TABLE payment (id in\N{HORIZONTAL ELLIPSIS}", "02:04")
        ((_, _, _, text, _),) = labels([*some, schema, Mark(97, "started", "02:04")])
        self.assertEqual(text, "02:04 3 denied, 1 poison +2")

    def test_marks_without_a_text_are_lines(self):
        drawn = pins([Mark(10, ""), Mark(40, ""), Mark(10, "")], 132)
        self.assertEqual(re.findall('x1="([0-9]+)%"', drawn), ["10", "40"])
        self.assertNotIn("<text", drawn)

    def test_no_line_goes_through_a_label(self):
        drawn = pins([Mark(40, "slower", "09:14"), Mark(42, "started", "09:15")], 200)
        self.assertLess(drawn.rindex("<line"), drawn.index("<text"))

    def test_those_that_stand_close_have_rows_of_their_own(self):
        close = [Mark(50 + number, "started", f"09:1{number}") for number in range(3)]
        self.assertEqual([row for row, *_ in labels(close)], [12, 27, 42])

    @given(
        st.lists(
            st.builds(Mark, st.floats(0, 100), st.text("ab ", max_size=60), st.just("09:14")),
            max_size=9,
        ),
        st.sampled_from([WIDE, NARROW]),
    )
    def test_no_label_stands_over_another_or_out_of_the_plot(self, marks, width):
        found = labels(marks, width)
        for row, begins, ends, text, _ in found:
            self.assertGreaterEqual(begins, -0.1, text)
            self.assertLessEqual(ends, width + 0.1, text)
            self.assertLessEqual(row, 42)
        for one, other in combinations(found, 2):
            self.assertTrue(one[0] != other[0] or one[2] <= other[1] or other[2] <= one[1])

    def test_a_phone_shows_those_for_which_it_has_room(self):
        far = [Mark(10, "slower", "09:14"), Mark(60, "started", "09:40")]
        self.assertEqual([narrow for *_, narrow in labels(far)], [True, True])
        long = [Mark(40, "CREATE TABLE account (owner text)", "09:14")]
        self.assertEqual([narrow for *_, narrow in labels(long)], [False])
