"""Logins that cannot work as they are configured."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import ConfigError
from acra_twisted.optionkinds import Address
from acra_twisted.server import checks
from acra_twisted.server.loginadvice import advice, can_bind, ends_client_tls
from acra_twisted.transport.credentials import Credentials
from tests.support.servercertificates import ED25519, RSA, ServerCertificates
from tests.unit.server.test_service import settings


class Advice(SynchronousTestCase):
    @classmethod
    def setUpClass(cls):
        cls.certificates = ServerCertificates(Path(cls().mktemp()))

    def runTest(self):
        """Let `setUpClass` make one for its folder."""

    def made(self, kind=RSA, **changes):
        certificate, key = self.certificates.pairs[kind]
        listens = Address("127.0.0.1", 9393)
        return settings(
            tls_cert=str(certificate),
            tls_key=str(key),
            incoming_connection_string=listens,
            **{"client_tls": "allow", "db_tls": "require", **changes},
        )

    def test_tls_on_both_legs_without_secrets(self):
        (found,) = advice(self.made())
        for words in ("channel_binding=disable", "auth_file", "auth_query_user"):
            self.assertIn(words, found)
        for changes in (
            {"client_tls": "disable"},
            {"db_tls": "disable"},
            {"db_tls": "auto", "db_host": "127.0.0.1"},
            {"db_host": "/run/postgresql"},
            {"auth_file": "users"},
        ):
            self.assertEqual(advice(self.made(**changes)), [], changes)
        self.assertEqual(len(advice(self.made(db_tls="auto", db_host="db.example.com"))), 1)

    def test_a_certificate_to_which_nothing_can_be_bound(self):
        (found,) = advice(self.made(ED25519, auth_file="users"))
        self.assertIn("channel_binding=require cannot log in", found)
        self.assertEqual(advice(self.made(ED25519, auth_file="users", client_tls="disable")), [])
        self.assertFalse(can_bind(Credentials(self.made(ED25519), "tls_client_")))
        self.assertTrue(can_bind(Credentials(self.made(), "tls_client_")))
        self.assertTrue(can_bind(Credentials(settings(), "tls_client_")))

    def test_binding_that_is_required_of_such_a_certificate_stops_the_start(self):
        made = {"auth_file": "users", "require_channel_binding": True}
        error = self.assertRaises(ConfigError, checks.check, self.made(ED25519, **made))
        self.assertIn("require_channel_binding: nobody could log in", str(error))

    def test_where_applications_may_have_tls(self):
        for changes, expected in (
            ({"client_tls": "allow"}, True),
            ({"client_tls": "require"}, True),
            ({"client_tls": "disable"}, False),
            ({"client_tls": "auto"}, True),
        ):
            self.assertEqual(ends_client_tls(self.made(**changes)), expected)
