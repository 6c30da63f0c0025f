"""Requests of a command line."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.actions import ACTIONS
from acra_twisted.config.connector import CONNECTOR_SECTIONS
from acra_twisted.config.server import SERVER_SECTIONS


class Actions(SynchronousTestCase):
    def test_no_setting_has_the_name_of_one(self):
        names = {option.name for option in ACTIONS.options}
        self.assertIn("check_config", names)
        for section in (*SERVER_SECTIONS, *CONNECTOR_SECTIONS):
            self.assertFalse(names.intersection(option.name for option in section.options))
