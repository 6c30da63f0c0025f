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
