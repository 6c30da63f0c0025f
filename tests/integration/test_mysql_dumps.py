"""Dumps of MariaDB through AcraConnector and AcraServer are the server's own, and can be loaded."""

import os
import subprocess
import tempfile
from pathlib import Path

from acra_twisted.sandbox.endings import bound
from acra_twisted.sandbox.mariadb import program
from tests.integration.test_mysql_link import LINKS, LinkCase
from tests.support.mysqlclients import Login, arguments_of
from tests.support.mysqldaemon import TOP

#: Unpacked by `.ci/install-servers`, where Debian's package is not installed.
UNPACKED = TOP / ".servers/usr/bin/mariadb-dump"
TABLES = r"""
CREATE DATABASE shop; CREATE DATABASE again; CREATE DATABASE third; USE shop;
CREATE TABLE secrets (a TEXT); INSERT INTO secrets VALUES ('hidden');
CREATE TABLE customer (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(99) NOT NULL DEFAULT 'x',
    card BLOB, due DECIMAL(9,2), seen DATETIME(3), KEY by_name (name));
INSERT INTO customer (name, card, due, seen) SELECT CONCAT('it''s "', seq, '"\\'),
    UNHEX(MD5(seq)), seq / 3, '2026-11-29 12:00:00.123' FROM seq_1_to_2000;
CREATE TABLE cut (n INT) PARTITION BY RANGE (n)
    (PARTITION few VALUES LESS THAN (10), PARTITION more VALUES LESS THAN MAXVALUE);
INSERT INTO cut VALUES (1), (11);
CREATE VIEW cheap AS SELECT id, name FROM customer WHERE due < 10;
CREATE TRIGGER t BEFORE INSERT ON customer FOR EACH ROW SET NEW.due = 1;
"""
NAMES = ("customer", "cut", "cheap")
WAYS = (
    ("--hex-blob", "--single-transaction"),
    ("--skip-extended-insert", "--skip-opt", "--lock-tables"),
)


def run(path, login, *arguments, said=None):
    """Return what a program writes, and what it complains of."""
    done = subprocess.run(
        bound([*arguments_of(login, path), *arguments]),
        input=said,
        capture_output=True,
        check=False,
        timeout=300,
        env={**os.environ, "MYSQL_PWD": login.password},
    )
    return done.stdout, done.stderr.decode()


def dump(login, *arguments):
    """Return the same of mariadb-dump."""
    where = UNPACKED if UNPACKED.exists() else program("mariadb-dump")
    return run(where, login, "--skip-comments", *arguments)


class Dumps(LinkCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.database.run(TABLES)

    def test_they_are_the_server_s_own_and_can_be_loaded(self):
        expected = [dump(Login(self.database.port), *way, "shop", *NAMES) for way in WAYS]
        self.assertEqual([said for _, said in expected], ["", ""])
        text, _ = expected[0]
        self.assertGreater(len(text), 100_000)
        for link in LINKS:
            chain = self.chain(link)
            found = [dump(Login(chain.port), *way, "shop", *NAMES) for way in WAYS]
            self.assertEqual(found, expected, link)
            self.assertEqual(
                run(program("mariadb"), Login(chain.port), "again", said=text), (b"", "")
            )
            again, _ = dump(Login(self.database.port), *WAYS[0], "again", *NAMES)
            self.assertEqual(again.replace(b"`again`.", b""), text.replace(b"`shop`.", b""), link)
            chain.stop()

    def test_with_the_firewall_on(self):
        expected = [dump(Login(self.database.port), *way, "shop", *NAMES) for way in WAYS]
        whole, _ = dump(Login(self.database.port), "--skip-triggers", "shop", *NAMES)
        given = {"pipeline": {"stages": "censor"}, "censor": self.rules()}
        chain = self.chain(server=given)
        self.assertEqual([dump(Login(chain.port), *way, "shop", *NAMES) for way in WAYS], expected)
        said = dump(Login(chain.port), "--skip-triggers", "shop", *NAMES)
        self.assertEqual(said, (whole, ""))
        # As it is written by newer servers, and by those of MySQL.
        for mark in (b"/*M!100616", b"/*!80013"):
            head = mark + b" SET @old = @@sql_notes, sql_notes = 0 */;\n"
            foot = mark + b" SET sql_notes = @old */;\n"
            text = head + whole + foot
            self.assertEqual(
                run(program("mariadb"), Login(chain.port), "third", said=text), (b"", "")
            )
            again, _ = dump(Login(self.database.port), "--skip-triggers", "third", *NAMES)
            self.assertEqual(again.replace(b"`third`.", b""), whole.replace(b"`shop`.", b""))
        # A trigger is code: what it does to a denied table is not judged.
        _, said = run(program("mariadb"), Login(chain.port), "third", said=expected[0][0])
        self.assertIn("(70100)", said)
        for text in (
            b"/*!50003 SELECT a FROM secrets */;",
            b"SELECT 1 /*!50003 FROM secrets */;",
            b"SELECT 1 FROM /*M!100616 customer, */ secrets;",
            b"/*!80013 SELECT a FROM secrets */;",
        ):
            _, said = run(program("mariadb"), Login(chain.port), "shop", said=text)
            self.assertIn("ERROR 1317 (70100)", said, text)
        self.assertEqual(self.database.run("SELECT a FROM shop.secrets"), "hidden\n")
        chain.stop()

    def rules(self):
        """Settings of AcraServer by which a table is denied."""
        rules = Path(tempfile.mkdtemp(dir=self.folder)) / "rules.yaml"
        rules.write_text("version: 0.85.0\nhandlers:\n  - handler: deny\n    tables: [secrets]\n")
        return {"acracensor_config_file": str(rules)}
