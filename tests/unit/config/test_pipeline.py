"""The options of the pipeline and of its stages."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.pipeline import CENSOR, PIPELINE, POISON
from tests.support.declarations import check


class Declarations(SynchronousTestCase):
    def test_names_are_unique_and_defaults_valid(self):
        check(self, (PIPELINE, CENSOR, POISON))

    def test_what_is_dangerous_is_off_and_time_is_limited(self):
        defaults = {o.name: o.default for s in (PIPELINE, CENSOR, POISON) for o in s.options}
        self.assertEqual(defaults["stage_timeout"], 60.0)
        self.assertFalse(defaults["poison_shutdown_enable"])
        self.assertFalse(defaults["value_matches_functions"])
