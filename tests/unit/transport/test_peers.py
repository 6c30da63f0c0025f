"""The peers of both daemons: their remedies name settings that exist."""

import re

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.connector import CONNECTOR_SECTIONS
from acra_twisted.config.server import SERVER_SECTIONS
from acra_twisted.transport import peers, spoken
from acra_twisted.transport.failures import Role

ROLES = [value for value in vars(peers).values() if isinstance(value, Role)]
SETTINGS = {
    option.name for section in (*SERVER_SECTIONS, *CONNECTOR_SECTIONS) for option in section.options
}
PROTOCOLS = {value for name, value in vars(spoken).items() if name.isupper() and name != "LOOK"}


def texts(role):
    own = (role.address, role.timeout, role.certificate, role.authorities, role.expected)
    return (*own, role.hung_up, role.unproven, *role.speaks.values())


class Roles(SynchronousTestCase):
    def test_their_settings_exist(self):
        named = set()
        for role in ROLES:
            for text in texts(role):
                named |= set(re.findall(r"\b[a-z]+(?:_[a-z]+)+\b", text))
        self.assertGreater(len(named), 12)
        self.assertEqual(named - SETTINGS - {"client_id", "_server"}, set())

    def test_they_speak_of_protocols_that_are_told_apart(self):
        for role in ROLES:
            self.assertEqual(set(role.speaks) - PROTOCOLS, {""} & set(role.speaks))

    def test_every_link_knows_the_two_others(self):
        for role, others in (
            (peers.ACRASERVER_TLS, {spoken.POSTGRESQL}),
            (peers.ACRASERVER_SECURE_SESSION, {spoken.TLS, spoken.POSTGRESQL}),
            (peers.ACRASERVER_PLAIN, {spoken.TLS}),
            (peers.CONNECTOR_TLS, {spoken.SECURE_SESSION, spoken.PLAIN}),
            (peers.CONNECTOR_SECURE_SESSION, {spoken.TLS, spoken.PLAIN}),
            (peers.CONNECTOR_PLAIN, {spoken.TLS, spoken.SECURE_SESSION}),
        ):
            self.assertLessEqual(others, set(role.speaks))
