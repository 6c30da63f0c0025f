"""Declarations: complete, without contradictions."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.sections import CONNECTOR_SECTIONS, SERVER_SECTIONS


class Declarations(SynchronousTestCase):
    def test_names_are_unique_and_defaults_valid(self):
        for sections in (SERVER_SECTIONS, CONNECTOR_SECTIONS):
            options = [option for section in sections for option in section.options]
            names = [option.name for option in options]
            self.assertEqual(len(names), len(set(names)))
            for option in options:
                rendered = option.kind.render(option.default)
                self.assertEqual(option.kind.parse(rendered), option.default, option.name)
                self.assertTrue(option.help.endswith("."), option.name)
