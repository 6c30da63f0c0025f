"""What we ship is found by twisted.plugin."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.pipeline.build import stage_factories
from acra_twisted.plugins import builtin


class Shipped(SynchronousTestCase):
    def test_found(self):
        found = stage_factories()
        self.assertIs(found["query_capture"], builtin.query_capture)
        self.assertIs(found["censor"], builtin.censor)
