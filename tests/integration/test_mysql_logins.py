"""Clients of MySQL and MariaDB log in through AcraServer, with and without TLS on each leg."""

import socket
import tempfile
from pathlib import Path

import pymysql
from pymysql.constants import CLIENT
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sandbox.authority import Authority
from acra_twisted.sandbox.mariadb import MariaDB
from acra_twisted.sandbox.processes import free_port
from acra_twisted.wire.mysql import capabilities as bits
from acra_twisted.wire.mysql.frames import packets
from tests.integration.base import eventually
from tests.support import classmariadb
from tests.support.fakemysql import FakeMySQL
from tests.support.mysqlaccounts import SHA256
from tests.support.mysqlclients import CLIENTS, Login, Refused, plugins
from tests.support.mysqldaemon import MysqlServer
from tests.support.mysqllogins import response

#: Those that ask a server of MySQL for its key of RSA where there is no TLS.
RSA = ("PyMySQL", "aiomysql", "asyncmy", "mysql2", "npm mariadb")
#: One of each family.
SOME = ("PyMySQL", "libmysqlclient", "mysql2")
#: Where there is TLS: with the client, with the database.
LEGS = ((False, False), (True, True), (True, False), (False, True))


class LoginCase(SynchronousTestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp())
        cls.authority = Authority(cls.folder)
        cls.pair = cls.authority.issue("database", hosts=("127.0.0.1", "localhost"))
        cls.own = cls.authority.issue("acra-server", hosts=("127.0.0.1", "localhost"))

    def serve(self, port, client_tls=False, database_tls=False, offered="allow"):
        """An AcraServer before the database at ``port``."""
        settings = {"db_tls": "require" if database_tls else "disable"}
        if client_tls:
            settings |= {"client_tls": offered, **self.files("tls_client_", self.own)}
        if database_tls:
            settings |= {"tls_database_ca": str(self.authority.path)}
        server = MysqlServer(port, **settings)
        server.__enter__()
        self.addCleanup(server.stop)
        return server

    def files(self, prefix, pair):
        return {f"{prefix}cert": str(pair[0]), f"{prefix}key": str(pair[1])}

    def ask(self, server, name, tls=False, user="u", text="SELECT 'one'", **more):
        ca = str(self.authority.path) if tls else ""
        return CLIENTS[name](Login(server.port, user, ca=ca, text=text, **more))


class AtMariaDB(LoginCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.database = classmariadb.started(cls, tls=cls.pair, plugins=plugins())
        cls.database.account("careful", "pw", require="SSL")
        cls.database.account("edwards", "pw", plugin="ed25519")
        cls.database.account("either", "pw", plugin="mysql_native_password OR ed25519")

    def test_every_client_on_all_legs(self):
        for client_tls, database_tls in LEGS:
            server = self.serve(self.database.port, client_tls, database_tls)
            for name in CLIENTS if client_tls == database_tls else SOME:
                found = self.ask(server, name, client_tls, text="SELECT CURRENT_USER()")
                self.assertEqual(found, "u@%", (name, client_tls, database_tls))
            server.stop()

    def test_what_the_database_requires_is_of_its_own_leg(self):
        server = self.serve(self.database.port, False, True)
        self.assertEqual(self.ask(server, "mariadb", user="careful"), "one")
        server = self.serve(self.database.port, True, False)
        self.assertRaises(Refused, self.ask, server, "mariadb", True, user="careful")

    def test_ed25519_passes_all_legs(self):
        for client_tls, database_tls in LEGS:
            server = self.serve(self.database.port, client_tls, database_tls)
            for user in ("edwards", "either"):
                self.assertEqual(self.ask(server, "mariadb", client_tls, user=user), "one")
            self.assertEqual(self.ask(server, "npm mariadb", client_tls, user="edwards"), "one")
            server.stop()

    def test_clients_that_name_no_plugin(self):
        """They prove a password as ``mysql_native_password`` does: the npm package mysql."""
        for client_tls, database_tls in ((False, False), (False, True)):
            server = self.serve(self.database.port, client_tls, database_tls)
            for user, password, answer in (
                ("u", "pw", "u@%"),
                ("either", "pw", "either@%"),
                ("u", "other", 1045),
                ("edwards", "pw", 1251),
            ):
                self.assertEqual(self.unnamed(server.port, user, password), answer, user)
                direct = self.unnamed(self.database.port, user, password)
                self.assertEqual(direct, answer, user)
            server.stop()

    @staticmethod
    def unnamed(port, user, password):
        """Return who the client is to the database, or the number of its error."""
        connection = pymysql.connect(
            host="127.0.0.1", port=port, user=user, password=password, defer_connect=True
        )
        # It writes a name all the same, which nobody reads.
        connection.client_flag &= ~(CLIENT.PLUGIN_AUTH | CLIENT.CONNECT_ATTRS)
        try:
            connection.connect()
        except pymysql.MySQLError as error:
            return error.args[0]
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT CURRENT_USER()")
            return cursor.fetchone()[0]

    def test_a_wrong_password(self):
        server = self.serve(self.database.port)
        for name in CLIENTS:
            self.assertRaises(Refused, self.ask, server, name, password="other")
        self.assertIn("The database refused the login", server.stop())

    def test_a_client_that_must_use_tls(self):
        server = self.serve(self.database.port, True, False, offered="require")
        self.assertEqual(self.ask(server, "PyMySQL", True), "one")
        error = self.assertRaises(Refused, self.ask, server, "PyMySQL")
        self.assertIn("TLS", str(error))

    def test_bytes_in_clear_behind_the_request_for_tls_end_the_connection(self):
        server = self.serve(self.database.port, True)
        said = response(bits.SSL)
        with socket.create_connection(("127.0.0.1", server.port), 20) as client:
            client.settimeout(20)
            greeting = client.recv(4096)
            self.assertEqual(greeting[3:5], b"\0\x0a")
            client.sendall(packets(said.head(), 1) + packets(said.encode(), 2))
            answer = b""
            try:
                while data := client.recv(4096):
                    answer += data
            except ConnectionResetError:
                pass
        # An alert of TLS at most.
        self.assertIn(answer[:1], (b"", b"\x15"))
        self.assertNotIn("Session started", server.stop())

    def test_large_results(self):
        server = self.serve(self.database.port, True, True)
        for name in (*SOME, "mariadb"):
            found = self.ask(server, name, True, text="SELECT REPEAT('x', 300000)")
            self.assertEqual(found, "x" * 300000, name)


class AtAnother(LoginCase):
    def test_no_database(self):
        server = self.serve(free_port())
        for name in CLIENTS:
            error = self.assertRaises(Refused, self.ask, server, name)
            self.assertIn("could not connect to the database", str(error), name)

    def test_a_database_that_takes_nobody(self):
        with MariaDB(listens=True, settings=["--max-connections=10"]) as database:
            database.account("u", "pw")
            server = self.serve(database.port)
            held = [socket.create_connection(("127.0.0.1", database.port)) for _ in range(11)]
            for one in held:
                self.addCleanup(one.close)
                one.recv(100)
            error = self.assertRaises(Refused, self.ask, server, "PyMySQL")
            self.assertIn("1040", str(error))

    def database(self, **options):
        """A server that stands in for MySQL."""
        database = FakeMySQL(tls=self.pair, **options)
        database.__enter__()
        self.addCleanup(database.__exit__)
        database.accounts.add("u", "pw")
        return database

    def test_full_authentication_where_both_ends_see_the_same(self):
        database = self.database()
        for names, tls, way in ((CLIENTS, True, "clear"), (RSA, False, "rsa")):
            server = self.serve(database.port, tls, tls)
            for name in names:
                database.accounts.known.clear()
                database.logins.clear()
                self.assertEqual(self.ask(server, name, tls), "one", name)
                self.assertEqual(self.ask(server, name, tls), "one", name)
                self.assertEqual(database.logins, [way, "fast"], name)
            server.stop()

    def test_the_gaps_are_named_and_no_password_crosses_them(self):
        database = self.database()
        for legs, wanted in (((True, False), "db_tls"), ((False, True), "client_tls")):
            server = self.serve(database.port, *legs)
            for name in RSA:
                database.accounts.known.clear()
                database.shown.clear()
                error = self.assertRaises(Refused, self.ask, server, name, legs[0])
                self.assertIn(wanted, str(error), name)
                # AcraServer ends the login, with the answer of a user without a password.
                eventually(lambda: database.shown == [b"\0"], name)
            server.stop()

    def test_the_fast_way_passes_all_legs(self):
        database = self.database()
        first = self.serve(database.port, True, True)
        self.assertEqual(self.ask(first, "PyMySQL", True), "one")
        for legs in LEGS:
            server = self.serve(database.port, *legs)
            for name in SOME:
                self.assertEqual(self.ask(server, name, legs[0]), "one", (name, legs))
            server.stop()

    def test_sha256_password(self):
        database = self.database(default=SHA256)
        database.accounts.add("u", "pw", SHA256)
        server = self.serve(database.port, True, True)
        self.assertEqual(self.ask(server, "PyMySQL", True), "one")
        server = self.serve(database.port, True, False)
        error = self.assertRaises(Refused, self.ask, server, "PyMySQL", True)
        self.assertIn("db_tls", str(error))
