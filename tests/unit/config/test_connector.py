"""Declarations of AcraConnector: complete, without contradictions."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.connector import CONNECTOR_SECTIONS
from tests.support.declarations import check


class Declarations(SynchronousTestCase):
    def test_names_are_unique_and_defaults_valid(self):
        check(self, CONNECTOR_SECTIONS)
