"""Moments at which something has changed."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.pages.changes import CHANGES_MAX, STARTED, Changes


class Kept(SynchronousTestCase):
    def test_the_newest_first(self):
        times = iter((5, 7))
        changes = Changes(lambda: next(times))
        changes.note(STARTED, "one")
        changes.note("reload", "two " + "x" * 1000)
        two, one = changes.shown()
        self.assertEqual(one, {"time": 5, "kind": "start", "text": "one"})
        self.assertEqual((two["time"], len(two["text"])), (7, 300))

    def test_bounded(self):
        changes = Changes(lambda: 0)
        for number in range(CHANGES_MAX + 5):
            changes.note("reload", str(number))
        self.assertEqual(len(changes.shown()), CHANGES_MAX)
        self.assertEqual(changes.shown()[0]["text"], str(CHANGES_MAX + 4))
