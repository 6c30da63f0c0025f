"""The stages that are shipped are found by twisted.plugin."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.plugins import builtin
from acra_twisted.plugins.chosen import stage_factories


class Shipped(SynchronousTestCase):
    def test_found(self):
        found = stage_factories()
        self.assertIs(found["query_capture"], builtin.query_capture)
        self.assertIs(found["censor"], builtin.censor)
