"""A record of a token in its place."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.tokenentry import Entry


class Entries(SynchronousTestCase):
    def test_they_are_ordered_by_place(self):
        """A walk through a store goes on behind the place of the last entry."""
        later, first = Entry(b"b", b"a", b"1"), Entry(b"a", b"b", b"2")
        self.assertEqual(sorted([later, first]), [first, later])
        self.assertEqual(first[:2], (b"a", b"b"))
