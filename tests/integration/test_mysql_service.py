"""Connections of AcraServer's and the tools' own to MariaDB, and to a server that stands in for
MySQL: their logins, the schema that they read, and what is told of it."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.sealing import ColumnSealer, block_seal
from acra_twisted.encryption.settings import ColumnSetting
from acra_twisted.sandbox.authority import Authority
from acra_twisted.sandbox.chain import Chain
from acra_twisted.sandbox.keys import Keys
from acra_twisted.sandbox.mariadb import MariaDB
from acra_twisted.sandbox.processes import twistd
from tests.support import preloaded
from tests.support.fakemysql import FakeMySQL
from tests.support.mysqlaccounts import NATIVE, SHA2, SHA256
from tests.support.mysqlclients import plugins

PASSWORD = "correct horse battery staple"
OWNER = "people application"
TLS = {"db_tls": "require"}
SECRET = b"Zaphodius Beeblebrox"
CONFIG = """
schemas:
  - table: people
    schema: shop
    encrypted:
      - {column: name, data_type: str}
      - {column: email, searchable: true, data_type: str}
"""
TABLE = """
CREATE DATABASE shop; USE shop;
CREATE TABLE people (id INT, email VARBINARY(400) INVISIBLE, name VARBINARY(400), KEY (email(33)));
CREATE VIEW shown AS SELECT name FROM people WHERE id <> 4711;
CREATE TABLE wide (id INT);
"""


class Case(SynchronousTestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp())
        (cls.folder / "keys").mkdir()
        cls.keys = Keys(cls.folder / "keys", OWNER)
        cls.authority = Authority(cls.folder)
        cls.pair = cls.authority.issue("database", hosts=("127.0.0.1", "localhost"))
        cls.config = cls.folder / "encryptor.yaml"
        cls.config.write_text(CONFIG)
        cls.password = cls.folder / "password"
        cls.password.write_text(PASSWORD)
        cls.password.chmod(0o600)

    def ini(self, port, user, **settings):
        """A file of AcraServer's settings."""
        encryptor = {
            "encryptor_config_file": str(self.config),
            "schema_user": user,
            "schema_password_file": str(self.password),
        }
        database = {"mysql_enable": "true", "db_tls": "disable"}
        for name, value in settings.items():
            (database if name.startswith("db_") else encryptor)[name] = value
        chain = Chain(
            ("127.0.0.1", port),
            folder=Path(tempfile.mkdtemp(dir=self.folder)),
            link="none",
            keys=self.keys,
            authority=self.authority,
            server={"database": database, "encryptor": encryptor},
        )
        return chain.server_ini

    def check(self, port, user, status, *flags, **settings):
        """The lines of ``--check_config --schema``."""
        path = self.ini(port, user, **settings)
        command = [*twistd("acra-server", path), "--check_config", *(flags or ("--schema",))]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        said = done.stdout + done.stderr
        self.assertEqual(done.returncode, status, said)
        self.assertNotIn("Traceback", said)
        self.assertNotIn(PASSWORD, said)
        return said


class AtMariaDB(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.database = MariaDB(listens=True, tls=cls.pair, ca=cls.authority.path, plugins=plugins())
        cls.addClassCleanup(cls.database.stop)
        cls.database.start()
        cls.database.account("looker", PASSWORD)
        cls.database.account("edwards", PASSWORD, plugin="ed25519")
        cls.database.account("careful", PASSWORD, require="SSL")
        cls.database.run(
            f"CREATE USER lesser@'%' IDENTIFIED BY '{PASSWORD}';"
            "CREATE USER narrow@'%' IDENTIFIED BY ''; "
        )
        cls.database.run(TABLE)
        cls.database.run("GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON shop.* TO lesser@'%';")
        cls.port = cls.database.port

    def test_tables_that_fit_by_every_plugin(self):
        for user, settings in (
            ("looker", {}),
            ("looker", TLS),
            ("careful", TLS),
            ("edwards", {}),
            ("edwards", TLS),
            ("lesser", {}),
        ):
            said = self.check(self.port, user, 0, **settings)
            self.assertIn("shop.shown: this view uses a protected table", said)
            self.assertNotIn("4711", said)

    def test_tables_that_do_not_fit(self):
        self.database.run("ALTER TABLE shop.people MODIFY name VARCHAR(80)")
        try:
            for flag in ("--schema", "--probe"):
                said = self.check(self.port, "looker", 1, flag)
                self.assertIn("shop.people.name: its type varchar has a character set", said)
                self.assertIn("Make it VARBINARY(n)", said)
        finally:
            self.database.run("ALTER TABLE shop.people MODIFY name VARBINARY(400)")

    def test_a_configuration_that_names_no_column(self):
        config = self.folder / "none.yaml"
        config.write_text("schemas: []\n")
        said = self.check(self.port, "looker", 0, encryptor_config_file=str(config))
        self.assertIn("no column is protected", said)
        self.assertIn("the tables fit the configuration", said)

    def test_stored_values_are_counted(self):
        """A value in clear, a sealed one, and none: the table has no other."""
        name = ColumnSetting("shop", "people", "name", data_type="str")
        sealed = ColumnSealer(name, block_seal(self.keys.symmetric_key)).store(SECRET, os.urandom)
        self.database.run(
            f"INSERT INTO shop.people (id, name) VALUES (1, x'{sealed.data.hex()}'),"
            f" (2, x'{SECRET.hex()}'), (3, NULL), (4, '')"
        )
        try:
            said = self.check(self.port, "looker", 0, "--schema", "--sample=50")
        finally:
            self.database.run("DELETE FROM shop.people")
        self.assertIn("shop.people.name: of 2 values, 1 (50.0%) fine, 1 (50.0%) in clear", said)
        self.assertIn("-> acra-migrate encrypt shop.people", said)
        self.assertIn("shop.people.email: no value was found", said)
        self.assertNotIn(SECRET.decode(), said)

    def test_who_may_not_look(self):
        said = self.check(self.port, "nobody", 1)
        self.assertIn("nobody cannot look at the tables of the server", said)
        self.assertIn("error 1045: the password is not the user's", said)
        said = self.check(self.port, "careful", 1)
        self.assertIn("error 1045", said)
        said = self.check(self.port, "narrow", 1, schema_password_file="")
        self.assertIn("people: the server has no such table", said)
        said = self.check(1, "looker", 1)
        self.assertIn("127.0.0.1:1", said)

    def test_statements_are_explained_by_the_tables_that_there_are(self):
        path = self.ini(self.port, "looker")
        where = [f"--server_config={path}", "--user=edwards", f"--password_file={self.password}"]
        status, said = preloaded.run(
            "acra-explain", [*where, "INSERT INTO people VALUES (1, 'Ann')"]
        )
        self.assertEqual(status, 0, said)
        self.assertIn("(?, <encrypted shop.people.name>)", said)
        self.assertNotIn("no schema", said)
        status, said = preloaded.run("acra-explain", [*where, "SELECT * FROM shown"])
        self.assertEqual(status, 0, said)
        self.assertIn("shop.people.name: result column 1, str", said)
        status, said = preloaded.run("acra-explain", [*where, "UPDATE shown SET name = 'Ann'"])
        self.assertEqual(status, 0, said)
        self.assertIn("SET name = <encrypted shop.people.name>", said)
        refused = "UPDATE shown SET name = UPPER('Ann')"
        status, said = preloaded.run("acra-explain", [*where, refused])
        self.assertEqual(status, 1, said)
        self.assertIn("refuse", said)
        status, said = preloaded.run(
            "acra-explain", [*where, "--user=nobody", "--database=shop", "SELECT 1"]
        )
        self.assertEqual(status, 1)
        self.assertIn("--user=nobody: the database says error 1045", said)
        self.assertNotIn("Traceback", said)


class AtMySQL(Case):
    """Its answers to questions about a schema are none: the login is what counts."""

    def logged_in(self, plugin, tls, times=1, **settings):
        with FakeMySQL(tls=self.pair if tls else None) as server:
            server.accounts.add("looker", PASSWORD, plugin)
            for _ in range(times):
                said = self.check(server.port, "looker", 1, **settings)
            return said, server

    def test_plugins_of_mysql_over_tls(self):
        for plugin, ways in (
            (SHA2, ["clear", "fast"]),
            (SHA256, ["clear", "clear"]),
            (NATIVE, ["native", "native"]),
        ):
            said, server = self.logged_in(plugin, True, 2, **TLS)
            self.assertEqual(server.logins, ways)
            self.assertIn("is not understood", said)

    def test_without_tls_the_password_is_encrypted_on_this_host_alone(self):
        for plugin, ways in ((SHA2, ["rsa", "fast"]), (SHA256, ["rsa", "rsa"])):
            _, server = self.logged_in(plugin, False, 2)
            self.assertEqual(server.logins, ways)
            said, server = self.logged_in(plugin, False, db_password_without_tls="deny")
            self.assertIn("sends the password: the database needs TLS", said)
            # The server has decided, and no password was sent.
            self.assertEqual(server.logins, ["refused"])

    def test_a_certificate_of_another(self):
        other = Authority(Path(tempfile.mkdtemp(dir=self.folder)))
        self.pair = other.issue("database", hosts=("127.0.0.1", "localhost"))
        said, server = self.logged_in(SHA2, True, **TLS)
        self.assertIn("certificate", said)
        self.assertEqual(server.logins, [])
