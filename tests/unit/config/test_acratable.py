"""The table of Acra's options: each stands there once, and no option of ours does."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.acratable import ACRA_OPTIONS, options_of
from acra_twisted.config.actions import ACTIONS
from acra_twisted.config.connector import CONNECTOR_SECTIONS
from acra_twisted.config.server import SERVER_SECTIONS

PROGRAMS = {"acra-server": SERVER_SECTIONS, "acra-connector": CONNECTOR_SECTIONS}


class Table(SynchronousTestCase):
    def test_no_option_is_ours_as_well(self):
        for program, sections in PROGRAMS.items():
            ours = {option.name for s in (*sections, ACTIONS) for option in s.options}
            self.assertEqual(ours & options_of(program).keys(), set())

    def test_each_stands_there_once_for_a_program(self):
        for program in {program for option in ACRA_OPTIONS for program in option.programs}:
            names = [option.name for option in ACRA_OPTIONS if program in option.programs]
            self.assertEqual(len(names), len(set(names)), program)

    def test_what_a_name_becomes_is_ours(self):
        for program, sections in PROGRAMS.items():
            ours = {option.name for s in sections for option in s.options}
            for option in options_of(program).values():
                self.assertIn(option.becomes, (*ours, ""))
