"""The daemons' dialect, made from their settings."""

from base64 import b64decode

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from acra_twisted.config.connector import CONNECTOR_SECTIONS
from acra_twisted.config.server import SERVER_SECTIONS
from acra_twisted.daemon import dialect as chosen
from acra_twisted.dialectinterfaces import IDatabaseDialect, IServerDialect
from acra_twisted.endreason import EndReason
from acra_twisted.errors import ConfigError
from acra_twisted.optionkinds import Address
from acra_twisted.options import defaults


class Chosen(SynchronousTestCase):
    def make(self, **changes):
        settings = defaults(SERVER_SECTIONS).but(**changes)
        return chosen.server_dialect(settings, lambda exchange: None, lambda exchange: None)

    def test_both_keep_the_contract(self):
        connector = chosen.connector_dialect(defaults(CONNECTOR_SECTIONS), lambda exchange: None)
        for dialect in (self.make(), connector):
            verifyObject(IDatabaseDialect, dialect)
            verifyObject(IServerDialect, dialect)

    def test_trace_ids_in_errors_where_they_are_asked_for(self):
        for shown in (False, True):
            dialect = self.make(tracing_trace_id_in_errors=shown)
            farewell = dialect.encode_farewell(EndReason.SHUTDOWN, "bye", "7" * 32)
            self.assertEqual(b"7" * 32 in farewell, shown)

    def test_what_clients_may_ask_for(self):
        for asked, offers, expected in (
            ("allow", False, "disable"),
            ("require", False, "disable"),
            ("allow", True, "allow"),
            ("require", True, "require"),
        ):
            settings = defaults(SERVER_SECTIONS).but(
                client_tls=asked, allowed_startup_parameters=["TimeZone"], replication_enable=True
            )
            policy = chosen.login_policy(
                settings, None, offers_tls=offers, password_without_tls=False
            )
            self.assertEqual(policy.startup.tls, expected)
            self.assertEqual(policy.startup.parameters, {"timezone"})
            self.assertTrue(policy.startup.replication)
            self.assertFalse(policy.password_without_tls)
            self.assertIsNone(policy.challenge)

    def test_clients_that_are_asked_who_they_are(self):
        settings = defaults(SERVER_SECTIONS).but(
            auth_mode="scram",
            incoming_connection_string=Address("127.0.0.1", 1),
            require_channel_binding=True,
            db_channel_binding="disable",
        )
        made = {"offers_tls": True, "password_without_tls": False, "mock_key": bytes(32)}
        for plain, without, expected in (
            (True, False, "require"),
            (True, True, "allow"),
            (False, False, "allow"),
        ):
            policy = chosen.login_policy(
                settings.but(auth_without_tls=without), None, plain=plain, **made
            )
            self.assertEqual(policy.startup.tls, expected)
            nonce, another = policy.challenge.nonce(), policy.challenge.nonce()
            self.assertEqual(policy.challenge[0], bytes(32))
            self.assertEqual(policy.challenge[2:4], (True, "disable"))
            self.assertEqual(policy.challenge.exposed, plain)
            self.assertEqual(len(policy.challenge.salt()), 4)
            self.assertNotEqual(nonce, another)
            self.assertEqual(len(b64decode(nonce)), 18)
        made["offers_tls"] = False
        self.assertRaises(ConfigError, chosen.login_policy, settings, None, plain=True, **made)
