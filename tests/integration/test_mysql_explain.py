"""acra-explain on the schema of a real MariaDB, live and saved."""

from __future__ import annotations

import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sandbox.mariadb import MariaDB
from tests.support import preloaded

PASSWORD = "of the reader"
CONFIG = """
schemas:
  - table: people
    schema: shop
    encrypted:
      - column: name
      - column: email
        searchable: true
"""
#: Each piece of code has a value of its own in each of the ways to write one.
VALUES = ("Mallory", "47110815", "4d616c6c", "0.815", "10110111")
CODE = """
CREATE TABLE people (id INT, email VARBINARY(400) DEFAULT NULL, name VARBINARY(400),
    n INT AS (id + 47110815), note VARCHAR(40) DEFAULT 'Mallory');
CREATE TABLE other (id INT, note VARCHAR(40));
CREATE VIEW shown AS SELECT name AS label, id FROM people
    WHERE id <> 47110815 AND note <> 'Mallory' AND note <> x'4d616c6c' AND id <> 0.815;
CREATE VIEW counted AS SELECT COUNT(*) AS n FROM people WHERE note <> _utf8mb4'Mallory';
DELIMITER //
CREATE TRIGGER seen BEFORE INSERT ON other FOR EACH ROW /* Mallory */
    INSERT INTO people (id, note) VALUES (b'10110111', "Mallory")//
CREATE PROCEDURE unchecked() BEGIN -- Mallory
    EXECUTE IMMEDIATE 'SET check_constraint_checks = 0'; SELECT 'Mallory'; END//
CREATE PROCEDURE acts() EXECUTE IMMEDIATE CONCAT('SET ROLE ', 'Mallory')//
CREATE PROCEDURE writes() INSERT INTO people (note) VALUES (N'Mallory')//
CREATE PROCEDURE harmless() SELECT 'Mallory', 47110815//
CREATE EVENT later ON SCHEDULE EVERY 1 DAY DO DELETE FROM people WHERE note = 'Mallory'//
"""
STATEMENTS = (
    "INSERT INTO people VALUES (1, 'a@x', 'Ann', DEFAULT, '')",
    "SELECT label FROM shown WHERE id = 1",
    "SELECT * FROM shown",
    "SELECT n FROM counted",
    "INSERT INTO shown (label) VALUES ('Ann')",
    "INSERT INTO other (id) VALUES (1)",
    "CALL unchecked()",
    "CALL acts()",
    "CALL writes()",
    "CALL harmless()",
    "SELECT id FROM people WHERE email = 'a@x'",
    "DROP TABLE other",
)


class Schemas(SynchronousTestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp())
        cls.database = MariaDB(listens=True)
        cls.addClassCleanup(cls.database.stop)
        cls.database.start()
        cls.database.account("reader", PASSWORD)
        cls.database.run("CREATE DATABASE shop")
        cls.database.run(f"USE shop; {CODE}")
        (cls.folder / "enc.yaml").write_text(CONFIG)
        (cls.folder / "password").write_text(PASSWORD)
        (cls.folder / "password").chmod(0o600)
        cls.ini = cls.folder / "server.ini"
        cls.ini.write_text(
            "[database]\nmysql_enable = true\npostgresql_enable = false\n"
            f"db_host = 127.0.0.1\ndb_port = {cls.database.port}\ndb_tls = disable\n"
        )

    def explain(self, *arguments):
        given = [f"--encryptor_config_file={self.folder}/enc.yaml", *arguments]
        status, said = preloaded.run("acra-explain", given)
        self.assertNotIn("Traceback", said)
        return status, said

    def live(self, *arguments):
        password = f"--password_file={self.folder}/password"
        return self.explain(f"--server_config={self.ini}", "--user=reader", password, *arguments)

    def test_a_saved_schema_judges_as_the_server_does_and_has_no_values(self):
        path = self.folder / "schema.json"
        self.assertEqual(self.live(f"--save_schema={path}"), (0, ""))
        text = path.read_text()
        for value in VALUES:
            self.assertNotIn(value, text)
        for name in ("shown", "counted", "seen", "unchecked", "acts", "writes", "later"):
            self.assertIn(f'"{name}"', text)
        saved = f"--schema={path}"
        live = self.live("--database=shop", *STATEMENTS)
        found = self.explain("--dialect=mysql", saved, "--database=shop", *STATEMENTS)
        self.assertEqual(found, live)
        for told in ("<encrypted shop.people.name>", "people.name: result", "opaque_code"):
            self.assertIn(told, live[1])
        changed = path.with_name("changed.json")
        changed.write_text(text.replace('"acra schema of mysql 1"', '"acra schema 2"'))
        status, said = self.explain("--dialect=mysql", f"--schema={changed}", "SELECT 1")
        self.assertEqual(status, 1)
        self.assertIn("save it anew", said)
