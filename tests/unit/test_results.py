"""Columns, and what is kept with them."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.results import Columns


class Describing(SynchronousTestCase):
    def setUp(self):
        self.columns = Columns(
            [b"a", b"b"], [7, 0], [17, 23], [0, 0], attributes=[3, 0], sizes=[-1, 4]
        )

    def test_the_same_in_other_formats(self):
        self.assertIs(self.columns.in_formats([0, 0]), self.columns)
        binary = self.columns.in_formats([1, 0])
        self.assertEqual(
            (binary.names, binary.tables, binary.attributes, binary.types, binary.formats),
            ([b"a", b"b"], [7, 0], [3, 0], [17, 23], [1, 0]),
        )
        # So that their plan is kept as well.
        self.assertIs(self.columns.in_formats([1, 0]), binary)
        self.assertEqual(self.columns.in_formats([1, 1]).formats, [1, 1])

    def test_another_type(self):
        text = self.columns.with_type(0, 25)
        self.assertEqual((text.types, text.sizes, text.modifiers), ([25, 23], [-1, 4], [-1, -1]))
        self.assertEqual((text.names, text.tables, text.attributes), ([b"a", b"b"], [7, 0], [3, 0]))
        number = self.columns.with_type(1, 21, 2, 5)
        self.assertEqual(
            (number.types, number.sizes, number.modifiers), ([17, 21], [-1, 2], [-1, 5])
        )
        self.assertEqual(self.columns.types, [17, 23])

    def test_where_nobody_says_more(self):
        bare = Columns([b"a"], [0], [0], [0])
        self.assertEqual((bare.attributes, bare.sizes, bare.modifiers), ([0], [-1], [-1]))


class Meaning(SynchronousTestCase):
    """Columns with what a stage knows of them are others, and kept."""

    def setUp(self):
        self.columns = Columns([b"a"], [7], [17], [0], attributes=[3], sizes=[4], modifiers=[5])

    def test_they_are_the_same_but_for_it(self):
        meant = self.columns.with_meaning("one")
        public = {name for name in dir(Columns) if not name.startswith("_")}
        kept = {name for name in public if not callable(getattr(Columns, name))}
        self.assertLess({"names", "tables", "types", "attributes", "values", "meaning"}, kept)
        for name in kept - {"meaning", "plan"}:
            self.assertEqual(getattr(meant, name), getattr(self.columns, name), name)
        self.assertEqual((meant.meaning, self.columns.meaning), ("one", None))

    def test_they_are_kept_for_some_meanings_and_made_anew_for_others(self):
        first = self.columns.with_meaning("one")
        for other in range(7):
            self.assertEqual(self.columns.with_meaning(other).meaning, other)
            self.assertIs(self.columns.with_meaning("one"), first)
        self.columns.with_meaning("ninth")
        self.assertEqual(self.columns.with_meaning("one").meaning, "one")
        self.assertIsNot(self.columns.with_meaning("one"), first)

    def test_other_formats_and_types_leave_it(self):
        meant = self.columns.with_meaning("one")
        self.assertEqual(meant.in_formats([1]).meaning, "one")
        self.assertEqual(meant.with_type(0, 25).meaning, "one")
