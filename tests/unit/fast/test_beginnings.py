"""Beginnings of texts: what is said of a class in Python holds for that in C."""

from hypothesis import assume, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.fast.beginnings import BeginningsByPython, beginnings
from acra_twisted.sql import skeleton

#: Pieces of texts, and such as make them long, odd or nearly alike.
pieces = st.sampled_from(
    [b"a", b" ", b"1", b"23", b"'", b"''", b"'x'", b"'y z'", b".", b"(", b"\\", b'"', b'"n1"', b"-"]
    + [b"\x01", b"\x04", b"\0", b"\xc3\xa9", b"select ", b"x" * 30]
)
texts = st.lists(pieces, max_size=12).map(b"".join)


class Beginnings(SynchronousTestCase):
    def test_by_all_before_the_first_literal(self):
        for kept in (beginnings(), BeginningsByPython()):
            self.assertIsNone(kept.find(b"select 1"))
            kept.keep(b"select \x04", "one")
            kept.keep(b"select a = \x01", "two")
            for text, found in (
                *((b"select 17", "one"), (b"select 'x'", "one"), (b"select ", "one")),
                *((b"select a = 'x'", "two"), (b"select a = 1 or b", "two")),
                *((b"select", None), (b"select  1", None), (b"", None), (b"1", None)),
            ):
                self.assertEqual(kept.find(text), found, text)
            kept.keep(b"select \x01, b", "three")
            self.assertEqual(kept.find(b"select 17"), "three")

    @given(texts)
    def test_the_texts_of_a_skeleton_begin_alike(self, text):
        cut = skeleton.split(text, b'"')
        assume(cut is not None)
        for kept in (beginnings(), BeginningsByPython()):
            kept.keep(cut[0], "kept")
            self.assertEqual(kept.find(text), "kept")

    def test_they_are_bounded(self):
        for kept in (beginnings(), BeginningsByPython()):
            names = [bytes((97 + one % 26, 97 + one // 26)) * 3 for one in range(600)]
            for name in names:
                kept.keep(name + b"\x04", name)
            found = [name for name in names if kept.find(name + b"1") is not None]
            self.assertTrue(all(kept.find(name + b"1") == name for name in found))
            self.assertLessEqual(len(found), 256)
            self.assertIn(names[-1], found)
