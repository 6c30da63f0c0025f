"""Hints for names that are nearly right."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.nearest import meant


class Nearest(SynchronousTestCase):
    def test_the_nearest_is_named(self):
        self.assertEqual(meant("censr", ["poison", "censor"]), "; did you mean 'censor'?")
        self.assertEqual(meant("wite", iter(["write"]), "--{}"), "; did you mean --write?")

    def test_nothing_is_near(self):
        self.assertEqual(meant("", ["censor"]), "")
        self.assertEqual(meant("zzz", ["censor"]), "")
