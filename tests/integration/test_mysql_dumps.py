"""Dumps of MariaDB through AcraConnector and AcraServer are the server's own, and can be loaded."""

import os
import subprocess
import tempfile
from pathlib import Path

from acra_twisted.sandbox.endings import bound
from acra_twisted.sandbox.mariadb import program
from tests.integration.test_mysql_link import LINKS, LinkCase
from tests.support.mysqldaemon import TOP, MysqlServer

#: Unpacked by `.ci/install-servers`, where Debian's package is not installed.
UNPACKED = TOP / ".servers/usr/bin/mariadb-dump"
TABLES = r"""
CREATE DATABASE shop; CREATE DATABASE again; USE shop;
CREATE TABLE customer (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(99) NOT NULL DEFAULT 'x',
    card BLOB, due DECIMAL(9,2), seen DATETIME(3), KEY by_name (name));
INSERT INTO customer (name, card, due, seen) SELECT CONCAT('it''s "', seq, '"\\'),
    UNHEX(MD5(seq)), seq / 3, '2026-11-29 12:00:00.123' FROM seq_1_to_2000;
CREATE VIEW cheap AS SELECT id, name FROM customer WHERE due < 10;
CREATE TRIGGER t BEFORE INSERT ON customer FOR EACH ROW SET NEW.due = 1;
"""
NAMES = ("customer", "cheap")
WAYS = (
    ("--hex-blob", "--single-transaction"),
    ("--skip-extended-insert", "--skip-opt", "--lock-tables"),
)


def run(path, port, *arguments, said=None):
    """Return what a program writes, and what it complains of."""
    options = ["--no-defaults", "--protocol=tcp", "--host=127.0.0.1", f"--port={port}", "--user=u"]
    done = subprocess.run(
        bound([str(path), *options, *arguments]),
        input=said,
        capture_output=True,
        check=False,
        timeout=60,
        env={**os.environ, "MYSQL_PWD": "pw"},
    )
    return done.stdout, done.stderr.decode()


def dump(port, *arguments):
    """Return the same of mariadb-dump."""
    where = UNPACKED if UNPACKED.exists() else program("mariadb-dump")
    return run(where, port, "--skip-comments", *arguments)


class Dumps(LinkCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.database.run(TABLES)

    def test_they_are_the_server_s_own_and_can_be_loaded(self):
        expected = [dump(self.database.port, *way, "shop", *NAMES) for way in WAYS]
        self.assertEqual([said for _, said in expected], ["", ""])
        text, _ = expected[0]
        self.assertGreater(len(text), 100_000)
        for link in LINKS:
            chain = self.chain(link)
            found = [dump(chain.port, *way, "shop", *NAMES) for way in WAYS]
            self.assertEqual(found, expected, link)
            self.assertEqual(run(program("mariadb"), chain.port, "again", said=text), (b"", ""))
            again, _ = dump(self.database.port, *WAYS[0], "again", *NAMES)
            self.assertEqual(again.replace(b"`again`.", b""), text.replace(b"`shop`.", b""), link)
            chain.stop()

    def test_the_firewall_refuses_comments_that_some_servers_run(self):
        rules = Path(tempfile.mkdtemp(dir=self.folder)) / "rules.yaml"
        rules.write_text("version: 0.85.0\nhandlers:\n  - handler: deny\n    tables: [secrets]\n")
        given = {"stages": ("censor",), "acracensor_config_file": str(rules)}
        with MysqlServer(self.database.port, **given) as server:
            written, said = dump(server.port, *WAYS[0], "shop", *NAMES)
        self.assertIn("(1317)", said)
        self.assertNotIn(b"INSERT INTO", written)
