"""The way to the database: its address, and when there is TLS on it."""

from pathlib import Path

from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import ConfigError
from acra_twisted.optionkinds import Address
from acra_twisted.sandbox.authority import Authority
from acra_twisted.server import checks, upstream
from tests.unit.server.test_service import settings


class Upstream(SynchronousTestCase):
    def test_addresses(self):
        self.assertEqual(upstream.database_address(settings()), Address("127.0.0.1", 5432))
        unix = upstream.database_address(settings(db_host="/run/pg"))
        self.assertEqual(unix, Address(path="/run/pg/.s.PGSQL.5432"))

    def test_the_socket_of_another_database(self):
        unix = upstream.database_address(settings(mysql_enable=True, db_host="/run/mysqld"))
        self.assertEqual(unix, Address(path="/run/mysqld/mysqld.sock"))

    def test_tls_that_never_begins_at_once(self):
        chosen = settings(mysql_enable=True, db_host="db.example", db_tls="direct")
        error = self.assertRaises(ConfigError, upstream.database_tls, chosen)
        self.assertIn("db_tls = require", str(error))

    def test_tls_to_the_database(self):
        self.assertFalse(upstream.uses_database_tls(settings()))
        self.assertTrue(upstream.uses_database_tls(settings(db_host="db.example")))
        self.assertTrue(upstream.uses_database_tls(settings(db_host="127.0.0.1", db_tls="direct")))
        self.assertFalse(upstream.uses_database_tls(settings(db_host="x", db_tls="disable")))

    def test_tls_that_a_database_on_this_host_may_offer(self):
        folder = Path(self.mktemp())
        folder.mkdir()
        authority = str(Authority(folder).path)
        for changes, asks, verifies in (
            ({}, False, False),
            ({"tls_ca": authority}, True, False),
            ({"tls_database_ca": authority, "tls_auth": 4}, True, True),
            ({"tls_ca": authority, "tls_database_auth": 4}, True, True),
            ({"tls_ca": authority, "tls_database_auth": 0}, True, False),
            ({"tls_ca": authority, "db_tls": "disable"}, False, True),
            ({"tls_ca": authority, "db_tls": "require"}, False, True),
            ({"tls_ca": authority, "db_host": "db.example"}, False, True),
            ({"tls_ca": authority, "db_host": "/run/postgresql"}, False, True),
        ):
            chosen = settings(**changes)
            self.assertEqual(upstream.asks_for_database_tls(chosen), asks, changes)
            if asks:
                checks.check(chosen)
                mode = upstream.database_tls(chosen).context.get_verify_mode()
                self.assertEqual(mode != SSL.VERIFY_NONE, verifies, changes)
