"""Tools for rows that are pointed at AcraServer, or at a connector, in place of the database."""

from __future__ import annotations

import tempfile
from pathlib import Path
from unittest import TestCase

import psycopg

from acra_twisted import purposes
from acra_twisted.sandbox.chain import Chain
from acra_twisted.sandbox.keys import Keys
from acra_twisted.sandbox.mariadb import MariaDB
from acra_twisted.sandbox.postgres import SUPERUSER, Postgres
from tests.support import preloaded

OWNER = "people application"
SAID = "name the database itself"
CONFIG = "schemas:\n  - table: people\n    encrypted:\n      - {column: name, data_type: str}\n"


class Tools:
    """Mixed into a test of a database."""

    @classmethod
    def make_chains(cls, port, **kind):
        cls.folder = Path(tempfile.mkdtemp())
        cls.keys = Keys(cls.folder, OWNER)
        cls.keys.writer.generate(purposes.SEARCH_HMAC, OWNER)
        cls.config = cls.folder / "encryptor.yaml"
        cls.config.write_text(CONFIG)

        def chain(link, server, **more):
            made = Chain(
                ("127.0.0.1", port),
                folder=Path(tempfile.mkdtemp(dir=cls.folder)),
                keys=cls.keys,
                link=link,
                server={"database": kind, **server},
                **more,
            )
            cls.addClassCleanup(made.stop)
            return made.start()

        encryptor = {"encryptor": {"encryptor_config_file": str(cls.config)}}
        connector = {"connector": {"mysql_enable": "true"}} if kind else {}
        cls.chains = (
            chain("none", encryptor),
            chain("none", {"tracing": {"tracing_propagate_to_database": "true"}}),
            chain("secure-session", encryptor, connector=connector),
        )

    def migrate(self, port, status):
        arguments = [
            *("encrypt", "--dry_run", "people", f"--encryptor_config_file={self.config}"),
            *(f"--connection_string={self.address(port)}", f"--client_id={OWNER}", *self.own_keys),
        ]
        return self.call("acra-migrate", arguments, status)

    def rotate(self, port, status):
        arguments = [
            *(f"--db_connection_string={self.address(port)}", "--dry-run", *self.own_keys),
            *("--sql_select=SELECT id, name FROM people WHERE id < 0", self.update),
        ]
        return self.call("acra-rotate", arguments, status)

    @property
    def own_keys(self):
        keys = self.keys
        return (f"--keys_dir={keys.path}", f"--master_key_file={keys.master_key_file}")

    def call(self, program, arguments, status):
        ended, said = preloaded.run(program, arguments)
        self.assertEqual(ended, status, said)
        self.assertNotIn("Traceback", said)
        return said

    def test_acraserver_is_told_from_the_database(self):
        for chain in self.chains:
            for tool in (self.migrate, self.rotate):
                self.assertIn(SAID, tool(chain.port, 1))
        for tool in (self.migrate, self.rotate):
            self.assertNotIn(SAID, tool(self.database_port, 0))


class InPostgresql(Tools, TestCase):
    update = "--sql_update=UPDATE people SET name = $1 WHERE id = $2"

    @classmethod
    def setUpClass(cls):
        postgres = Postgres()
        cls.addClassCleanup(postgres.remove)
        postgres.start()
        with psycopg.connect(port=postgres.port, host="127.0.0.1", user=SUPERUSER) as db:
            db.execute("CREATE TABLE people (id int PRIMARY KEY, name bytea)")
        cls.database_port = postgres.port
        cls.make_chains(postgres.port)

    def address(self, port):
        return f"postgresql://{SUPERUSER}@127.0.0.1:{port}/postgres?sslmode=disable"


class InMariadb(Tools, TestCase):
    update = "--sql_update=UPDATE people SET name = ? WHERE id = ?"

    @classmethod
    def setUpClass(cls):
        database = MariaDB(listens=True)
        cls.addClassCleanup(database.stop)
        database.start()
        database.account("migrator", "its password")
        database.run("CREATE DATABASE shop")
        database.run("CREATE TABLE shop.people (id INT PRIMARY KEY, name VARBINARY(400))")
        cls.database_port = database.port
        cls.make_chains(database.port, mysql_enable="true")

    def address(self, port):
        return f"mysql://migrator:its%20password@127.0.0.1:{port}/shop?db_tls=disable"
