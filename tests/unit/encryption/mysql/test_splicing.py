"""Parts in place of pieces of a text."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.mysql.plan import Literal, Parameter
from acra_twisted.encryption.mysql.splicing import Copied, Splicer


def spliced(text, edits, marks=()):
    """The parts as one text, with the numbers of literals and parameters."""
    parts = Splicer(text, edits, marks).parts()
    return b"".join(one if isinstance(one, bytes) else b"<%d>" % one[0] for one in parts)


class Splicing(SynchronousTestCase):
    def test_pieces_are_replaced_left_out_and_put_in(self):
        edits = {(2, 3): [b"XY"], (4, 5): [], (7, 7): [b"!"]}
        self.assertEqual(spliced(b"a b c (d)", edits), b"a XY  (! d)")

    def test_nothing_joins_its_neighbour(self):
        self.assertEqual(spliced(b"ab'c'de", {(2, 5): [b"x"]}), b"ab x de")
        self.assertEqual(spliced(b"a=('c')", {(3, 6): [b"x"]}), b"a=(x)")

    def test_marks_outside_of_edits_stay(self):
        marks = [((0, 1), Parameter(1)), ((2, 5), Literal(0)), ((6, 7), Parameter(2))]
        self.assertEqual(spliced(b"? 'a' ?", {(2, 5): [b"x"]}, marks), b"<1> x <2>")

    def test_pieces_that_are_copied_have_what_is_done_in_them(self):
        text = b"(a, 'b') = (c, ?)"
        marks = [((4, 7), Literal(0)), ((15, 16), Parameter(1))]
        edits = {
            (0, 17): [Copied(1, 2), b"=", Copied(12, 13), b" ", Copied(4, 7), b"=", Copied(15, 16)],
            (12, 13): [b"d"],
        }
        self.assertEqual(spliced(text, edits, marks), b"a=d <0>=<1>")

    def test_edits_that_overlap_are_none(self):
        for edits in (
            {(0, 3): [b"x"], (1, 2): [b"y"]},
            {(0, 2): [b"x"], (1, 3): [b"y"]},
            {(0, 3): [b"x", Copied(0, 1)], (1, 2): [b"y"]},
        ):
            self.assertRaises(ValueError, spliced, b"abc", edits)

    @given(st.binary(max_size=20), st.sets(st.tuples(st.integers(0, 20), st.integers(0, 20))))
    def test_what_is_not_edited_is_as_it_was(self, text, pieces):
        edits = {}
        end = 0
        for first, last in sorted(pieces):
            if end <= first < last <= len(text):
                edits[first, last] = [text[first:last]]
                end = last
        self.assertEqual(spliced(text, edits).replace(b" ", b""), text.replace(b" ", b""))
