"""AcraConnector's settings."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.sections import CONNECTOR_SECTIONS
from acra_twisted.connector import service
from acra_twisted.errors import ConfigError
from acra_twisted.options import Address, defaults
from acra_twisted.transport.tls import TLSSecurity


def settings(**changes):
    base = {
        "acraserver_connection_string": Address("server", 9393),
        "acraserver_transport_encryption_disable": True,
    }
    return defaults(CONNECTOR_SECTIONS).but(**{**base, **changes})


class Checks(SynchronousTestCase):
    def refused(self, expected, **changes):
        error = self.assertRaises(ConfigError, service.check, settings(**changes))
        self.assertIn(expected, str(error))

    def test_fine(self):
        service.check(settings())
        tls = settings(acraserver_tls_transport_enable=True)
        self.assertIsInstance(service.link_security(tls), TLSSecurity)

    def test_the_host_overrides_the_string(self):
        found = service.server_address(settings(acraserver_connection_host="other"))
        self.assertEqual(found, Address("other", 9393))

    def test_mistakes(self):
        self.refused("name the server", acraserver_connection_string=None)
        self.refused("choose the transport", acraserver_transport_encryption_disable=False)
        self.refused("octal", unix_socket_mode="999")
        self.refused("octal", unix_socket_mode="7777")
        unix = {"acraserver_connection_string": Address(path="/x")}
        self.refused("tls_acraserver_sni", acraserver_tls_transport_enable=True, **unix)
