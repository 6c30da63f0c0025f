"""Settings as a whole."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import options
from acra_twisted.optionkinds import TEXT


class Settings(SynchronousTestCase):
    def test_frozen_mapping(self):
        section = options.Section("s", "", (options.Option("a", TEXT, "x", ""),))
        settings = options.defaults([section])
        self.assertEqual((dict(settings), len(settings)), ({"a": "x"}, 1))
        self.assertEqual(settings.but(a="y")["a"], "y")
        self.assertRaises(KeyError, settings.but, b="y")
