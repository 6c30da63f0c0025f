"""Clients of MySQL and MariaDB at real servers and at the one that stands in for MySQL."""

import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sandbox.authority import Authority
from tests.support import classmariadb
from tests.support.fakemysql import CAPABILITIES, DEPRECATE_EOF, QUERY_ATTRIBUTES, FakeMySQL
from tests.support.mysqlaccounts import NATIVE, SHA2, SHA256
from tests.support.mysqlclients import CLIENTS, Login, Refused, plugins


class AtMariaDB(SynchronousTestCase):
    """Each client's login by each plugin, plain and by TLS."""

    @classmethod
    def setUpClass(cls):
        folder = Path(tempfile.mkdtemp())
        cls.authority = Authority(folder)
        pair = cls.authority.issue("mariadb", hosts=("127.0.0.1", "localhost"))
        cls.server = classmariadb.started(cls, tls=pair, plugins=plugins())
        cls.server.account("careful", "pw", require="SSL")
        cls.server.account("edwards", "pw", plugin="ed25519")
        cls.server.account("either", "pw", plugin="mysql_native_password OR ed25519")

    def ask(self, name, user, tls):
        ca = str(self.authority.path) if tls else ""
        return CLIENTS[name](Login(self.server.port, user, ca=ca, text="SELECT CURRENT_USER()"))

    def test_every_client_logs_in_by_native_password(self):
        for name in CLIENTS:
            for tls in (False, True):
                self.assertEqual(self.ask(name, "u", tls), "u@%", name)
            self.assertEqual(self.ask(name, "careful", True), "careful@%", name)
            self.assertRaises(Refused, self.ask, name, "careful", False)

    def test_ed25519_by_those_that_have_it(self):
        for name in ("npm mariadb", "mariadb"):
            for user in ("edwards", "either"):
                self.assertEqual(self.ask(name, user, False), f"{user}@%", name)


class AtTheStandIn(SynchronousTestCase):
    """Clients find in the server that stands in for MySQL what they know of MySQL."""

    #: MariaDB's command line asks for a key of RSA only where a file has it.
    RSA = ("PyMySQL", "aiomysql", "asyncmy", "mysql2", "npm mariadb")

    @classmethod
    def setUpClass(cls):
        cls.authority = Authority(Path(tempfile.mkdtemp()))
        cls.pair = cls.authority.issue("mysql", hosts=("127.0.0.1", "localhost"))

    def server(self, **options):
        server = FakeMySQL(**options)
        server.__enter__()
        self.addCleanup(server.__exit__)
        server.accounts.add("u", "pw")
        return server

    def ask(self, server, name, tls=False, **more):
        ca = str(self.authority.path) if tls else ""
        return CLIENTS[name](Login(server.port, ca=ca, **more))

    def test_every_client_shows_its_password_by_tls_once_and_is_known_then(self):
        server = self.server(tls=self.pair)
        for name in CLIENTS:
            server.accounts.known.clear()
            server.logins.clear()
            self.assertEqual(self.ask(server, name, True), "one", name)
            self.assertEqual(self.ask(server, name, True), "one", name)
            self.assertEqual(self.ask(server, name), "one", name)
            self.assertEqual(server.logins, ["clear", "fast", "fast"], name)
            self.assertRaises(Refused, self.ask, server, name, password="other")

    def test_passwords_are_encrypted_for_the_key_where_there_is_no_tls(self):
        server = self.server()
        for name in self.RSA:
            server.accounts.known.clear()
            server.logins.clear()
            self.assertEqual(self.ask(server, name), "one", name)
            self.assertEqual(server.logins, ["rsa"], name)

    def test_sha256_password_and_native_by_a_switch(self):
        server = self.server(tls=self.pair)
        server.accounts.add("older", "pw", SHA256)
        server.accounts.add("oldest", "pw", NATIVE)
        for name in CLIENTS:
            server.logins.clear()
            if name != "mariadb":
                # The command line has its plugin in a package of its own.
                self.assertEqual(self.ask(server, name, True, user="older"), "one", name)
            self.assertEqual(self.ask(server, name, user="oldest"), "one", name)
            self.assertEqual(server.logins[-1], "native", name)

    def test_every_default_of_a_greeting(self):
        for default in (SHA2, SHA256, NATIVE):
            server = self.server(tls=self.pair, default=default)
            for name in ("PyMySQL", "libmysqlclient", "mysql2"):
                self.assertEqual(self.ask(server, name, True), "one", (name, default))

    def test_attributes_of_a_statement_are_heard_and_answered(self):
        server = self.server(tls=self.pair)
        text = "SELECT mysql_query_attribute_string('traceparent')"
        for name in ("connector, pure", "libmysqlclient", "mysql2"):
            attributes = {"traceparent": "00-01-02-01", "other": "x"}
            said = self.ask(server, name, True, text=text, attributes=attributes)
            self.assertEqual(said, "00-01-02-01", name)
            self.assertIn((text, attributes), server.heard)

    def test_older_servers_have_neither_attributes_nor_the_short_end_of_a_result(self):
        older = CAPABILITIES & ~(QUERY_ATTRIBUTES | DEPRECATE_EOF)
        server = self.server(tls=self.pair, capabilities=older, version="8.0.20")
        for name in CLIENTS:
            self.assertEqual(self.ask(server, name, True), "one", name)
