"""Settings that differ from those a daemon was started with: by name, without values."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.changes import changes
from acra_twisted.options import Block, Settings


class Changes(SynchronousTestCase):
    def test_names_in_order(self):
        before = Settings({"a": 1, "b": "x", "c": True})
        self.assertEqual(changes(before, before.but()), [])
        self.assertEqual(changes(before, before.but(c=False, a=2)), ["a", "c"])

    def test_stages(self):
        before = Settings(
            {}, {"cap": Settings({"size": 1, "path": "x"}), "old": Settings({"v": 1})}
        )
        after = Settings({}, {"cap": Settings({"size": 2, "path": "x"}), "new": Settings({"v": 1})})
        self.assertEqual(changes(before, after), ["[stage:cap] size"])

    def test_rules_in_sections_are_read_anew_anyway(self):
        before = Settings({"a": 1})
        after = Settings({"a": 1}, blocks=(Block("censor:x", "", {}, {}),))
        self.assertEqual(changes(before, after), [])
