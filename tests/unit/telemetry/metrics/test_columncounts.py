"""Numbers of values of protected columns."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.settings import ColumnSetting
from acra_twisted.telemetry.metrics.columncounts import ColumnCounts

NAME = ColumnSetting("", "people", "name")
AGE = NAME._replace(name="age")


class Numbers(SynchronousTestCase):
    def test_they_add_up_until_they_are_taken(self):
        counts = ColumnCounts()
        counts.add({(NAME, "encrypted"): 2, (AGE, "searched"): 1})
        counts.add({(NAME, "encrypted"): 3})
        found = [((NAME, "encrypted"), 5), ((AGE, "searched"), 1)]
        self.assertEqual(counts.taken(), found)
        self.assertEqual(counts.taken(), [])
        counts.add({(NAME, "opened"): 1})
        self.assertEqual(counts.taken(), [((NAME, "opened"), 1)])

    def test_the_same_ones_count_as_often_as_they_are_added(self):
        counts, same, other = ColumnCounts(), {(NAME, "encrypted"): 2}, {(AGE, "opened"): 3}
        for each in (same, same, other, same):
            counts.add(each)
        self.assertEqual(counts.taken(), [((NAME, "encrypted"), 6), ((AGE, "opened"), 3)])
        # Also behind that.
        counts.add(same)
        self.assertEqual(counts.taken(), [((NAME, "encrypted"), 2)])
        self.assertEqual(counts.taken(), [])
