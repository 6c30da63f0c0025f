"""Plain data that knows where it was written."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.censor.places import Keys, Text


class Places(SynchronousTestCase):
    def test_equal_to_what_they_hold(self):
        text = Text.at("f:1", "a")
        self.assertEqual((text, text.where), ("a", "f:1"))
        keys = Keys()
        keys["a"] = 1
        self.assertEqual((keys, keys.places), ({"a": 1}, {}))
