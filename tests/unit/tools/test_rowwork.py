"""Counts and ends of the work on rows."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.tools import rowwork
from acra_twisted.tools.rowwork import Counts, Stopped


class Counting(SynchronousTestCase):
    def test_the_first_refusals_are_named(self):
        counts = Counts()
        for number in range(100):
            counts.refuse(f"row {number}", "why")
        self.assertEqual((counts.refused, len(counts.told)), (100, rowwork.TOLD))
        self.assertEqual(counts.told[0], "row 0: why")


class Stopping(SynchronousTestCase):
    def test_it_says_where_to_go_on(self):
        error = Stopped("public.people", 64)
        self.assertEqual(error.page, 64)
        self.assertIn("--resume='public.people 64'", str(error))
