"""Parts of names as rules write them."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sql.modes import name_parts


class Names(SynchronousTestCase):
    def test_parts_keep_their_quotes(self):
        self.assertEqual(name_parts('S."U ""x"', '"'), ["S", '"U ""x"'])
        self.assertEqual(name_parts("a . b", "`"), ["a", "b"])

    def test_what_is_no_name(self):
        for text in ("", "a b", "a.", ".a", 'a"b', "a.b.c.d"):
            with self.assertRaises(ValueError):
                name_parts(text, '"')

    def test_names_in_one_line_are_told_apart(self):
        error = self.assertRaises(ValueError, name_parts, "a, b", '"')
        self.assertIn("each name in a line of its own", str(error))
