"""Kinds of certificates: the settings that are printed for them are settings that there are."""

from configparser import ConfigParser

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.connector import CONNECTOR_SECTIONS
from acra_twisted.config.server import SERVER_SECTIONS
from acra_twisted.tools.certkinds import KINDS


class Kinds(SynchronousTestCase):
    def test_settings_of_the_daemons_are_theirs(self):
        for name, sections in (("server", SERVER_SECTIONS), ("connector", CONNECTOR_SECTIONS)):
            text = KINDS[name].use.format(name="a", folder="/certs")
            lines = [line.strip() for line in text.splitlines() if line.startswith("    ")]
            found = ConfigParser()
            found.read_string("\n".join(lines))
            known = {section.name: {o.name for o in section.options} for section in sections}
            self.assertGreater(len(found.sections()), 1)
            for section in found.sections():
                self.assertLessEqual(set(found[section]), known[section], section)

    def test_each_shows_its_own_files(self):
        for kind in KINDS.values():
            text = kind.use.format(name="billing", folder="/certs")
            for part in ("/certs/ca.pem", "/certs/billing.pem", "/certs/billing.key"):
                self.assertIn(part, text, kind.name)
            self.assertNotIn("{", text)
