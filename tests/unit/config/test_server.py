"""Declarations of AcraServer: complete, without contradictions."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.server import SERVER_SECTIONS
from tests.support.declarations import check


class Declarations(SynchronousTestCase):
    def test_names_are_unique_and_defaults_valid(self):
        check(self, SERVER_SECTIONS)
