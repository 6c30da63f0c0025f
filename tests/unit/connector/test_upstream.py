"""The way to AcraServer: its address, and the protection of the link."""

from twisted.logger import LogLevel, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.connector import upstream
from acra_twisted.errors import ConfigError
from acra_twisted.keystore.cache import KeyCache
from acra_twisted.optionkinds import Address
from acra_twisted.transport.link import RawSecurity, TLSSecurity
from acra_twisted.transport.securesession import SecureSessionSecurity
from acra_twisted.transport.tlscontext import TLSContexts
from tests.support.laterstore import LaterStore
from tests.unit.connector.test_checks import settings


class Upstream(SynchronousTestCase):
    def test_the_host_overrides_the_string(self):
        found = upstream.server_address(settings(acraserver_connection_host="other"))
        self.assertEqual(found, Address("other", 9393))

    def test_a_socket_of_this_machine(self):
        found = upstream.server_address(settings(acraserver_connection_string=Address(path="/x")))
        self.assertEqual(found.path, "/x")

    def test_the_protection_that_the_settings_choose(self):
        for changes, expected in (
            ({}, RawSecurity),
            ({"acraserver_tls_transport_enable": True}, TLSSecurity),
        ):
            made = upstream.link_security(settings(**changes), None, TLSContexts())
            self.assertIsInstance(made, expected)

    def test_a_key_that_is_missing_is_said_when_the_store_answers(self):
        said = []
        globalLogPublisher.addObserver(said.append)
        self.addCleanup(globalLogPublisher.removeObserver, said.append)
        made = settings(acraserver_transport_encryption_disable=False, client_id="a client")
        store = LaterStore()
        keys = KeyCache(store, 10, lambda: 0.0)
        security = upstream.link_security(made, keys, TLSContexts())
        self.assertIsInstance(security, SecureSessionSecurity)
        self.assertEqual(said, [])
        store.answer()
        [event] = said
        self.assertEqual((event["code"], event["log_level"]), (events.KEY_STORE, LogLevel.error))
        self.assertIn("own private key", event["event_text"])

    def test_tls_needs_a_name_to_verify(self):
        address = Address(path="/x")
        made = settings(acraserver_tls_transport_enable=True, acraserver_connection_string=address)
        with self.assertRaisesRegex(ConfigError, "tls_acraserver_sni"):
            upstream.link_security(made, None, TLSContexts())
        # The server's API may have another.
        upstream.link_security(made, None, TLSContexts(), Address("api.example", 1))
