"""Requests of a command line."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.actions import ACTIONS, ineffective
from acra_twisted.config.connector import CONNECTOR_SECTIONS
from acra_twisted.config.server import SERVER_SECTIONS


class Actions(SynchronousTestCase):
    def test_no_setting_has_the_name_of_one(self):
        names = {option.name for option in ACTIONS.options}
        self.assertIn("check_config", names)
        for section in (*SERVER_SECTIONS, *CONNECTOR_SECTIONS):
            self.assertFalse(names.intersection(option.name for option in section.options))

    def test_an_action_that_needs_another_says_so(self):
        none = {option.name: option.default for option in ACTIONS.options}
        self.assertEqual(list(ineffective(none)), [])
        asked = {**none, "sample": 7, "schema": True, "probe": True}
        self.assertEqual(
            list(map(str, ineffective(asked))),
            ["--probe: give --check_config, too", "--schema: give --check_config, too"],
        )
        self.assertEqual(list(ineffective({**asked, "check_config": True})), [])
        [error] = ineffective({**none, "check_config": True, "sample": 7})
        self.assertEqual(str(error), "--sample: give --schema, too")
