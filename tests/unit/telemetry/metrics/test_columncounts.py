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
