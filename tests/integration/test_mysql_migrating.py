"""acra-migrate on tables of a real MariaDB that are in use."""

from __future__ import annotations

import time

import pymysql

from acra_twisted import purposes
from tests.integration.mysqlmigrated import PASSWORD, Base
from tests.support import preloaded
from tests.support.migrated import OWNER, PROGRAM, ROWS, People


class InPlace(People, Base):
    named = whole_name = "shop.people"

    def setUp(self):
        super().setUp()
        self.rows(
            "CREATE TABLE people (id INT PRIMARY KEY, name VARBINARY(400), email VARBINARY(400),"
            " card VARBINARY(400), n INT NOT NULL DEFAULT 0, at TIMESTAMP NOT NULL DEFAULT"
            " '2020-01-01 00:00:00' ON UPDATE CURRENT_TIMESTAMP, KEY (email(33)))"
        )
        self.rows(
            "INSERT INTO people (id, name, email, card) SELECT seq, CONCAT('Name ', seq),"
            f" CONCAT(seq, '@example.com'), 4000000000000000 + seq FROM seq_1_to_{ROWS}"
        )
        self.rows("UPDATE people SET name = NULL, at = at WHERE id % 100 = 0")

    def connect_writer(self):
        return pymysql.connect(
            host="127.0.0.1",
            port=self.database.port,
            user="migrator",
            password=PASSWORD,
            database="shop",
        )

    def write(self, db, text):
        self.rows(text, db)

    def encrypted(self):
        [(number,)] = self.rows(
            "SELECT COUNT(*) FROM people WHERE SUBSTR(email, 34, 3) = x'252525'"
        )
        return number

    def test_new_keys_open_and_old_ones_need_not(self):
        self.migrate("encrypt", "shop.people")
        for kind in (purposes.STORAGE_SYMMETRIC, purposes.SEARCH_HMAC):
            self.keys.writer.generate(kind, OWNER)
        asked = "SELECT id, SUBSTR(name, 107), SUBSTR(email, 1, 33) FROM people ORDER BY id"
        before = self.rows(asked)
        said = self.migrate("rewrap", "shop.people")
        self.assertIn(f"{3 * ROWS - ROWS // 100} values changed", said)
        self.assert_encrypted()
        self.assertEqual(self.rows(asked), before)
        self.assertIn(f"{ROWS} values changed", self.migrate("reencrypt", "shop.people"))
        self.assert_encrypted()

    def test_there_and_back(self):
        asked = "SELECT id, name, email, card, n, at FROM people ORDER BY id"
        before = self.rows(asked)
        self.migrate("encrypt", "shop.people")
        self.assertIn(": 0 values to change", self.migrate("encrypt", "shop.people", "--dry_run"))
        said = self.migrate("decrypt", "shop.people", "--dry_run")
        self.assertIn(f"{3 * ROWS - ROWS // 100} values to change", said)
        self.migrate("decrypt", "shop.people", "--yes")
        self.assertEqual(self.rows(asked), before)

    def test_no_value_is_in_what_is_said(self):
        self.rows("UPDATE people SET name = CONCAT('%%%', 'planted secret') WHERE id = 77")
        self.rows("UPDATE people SET name = REPEAT('too long', 48) WHERE id = 78")
        said = self.migrate("encrypt", "shop.people", status=1)
        self.assertIn("table shop.people, row with number 78 in the order of its key: the", said)
        self.assertIn("error 1406", said)
        self.assertIn("1 values stay as they are", said)
        for secret in ("planted", "too long", "Name ", "example.com", "40000000"):
            self.assertNotIn(secret, said)

    def test_a_trigger_that_changes_what_is_written(self):
        self.rows(
            "CREATE TRIGGER spoils BEFORE UPDATE ON people FOR EACH ROW SET NEW.name = 'spoilt'"
        )
        before = self.rows("SELECT * FROM people ORDER BY id")
        said = self.migrate("encrypt", "shop.people", status=1)
        self.assertIn("a trigger may change it", said)
        self.assertEqual(self.rows("SELECT * FROM people ORDER BY id"), before)

    def test_rows_of_others_are_locked_for_the_batch_alone(self):
        """A transaction of somebody else's holds some rows: all others are encrypted meanwhile."""
        holder = self.connect()
        holder.begin()
        self.rows("SELECT id FROM people WHERE id IN (100, 105, 110) FOR UPDATE", holder)
        process = preloaded.Run(PROGRAM, self.command("encrypt", "shop.people", "--batch=100"))
        self.addCleanup(process.remove)
        deadline = time.monotonic() + 60
        while self.encrypted() < ROWS - 3 and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertEqual(self.encrypted(), ROWS - 3)
        holder.commit()
        self.assertEqual(process.wait(60), 0, process.said)
        self.assert_encrypted()


class Tables(Base):
    def test_types_are_changed_first(self):
        self.rows(
            "CREATE TABLE staff (first VARCHAR(20) CHARACTER SET latin1 NOT NULL, second BINARY(4)"
            " NOT NULL, day DATE NOT NULL, name VARCHAR(80) CHARACTER SET utf8mb4 NOT NULL,"
            " age INT, born DATE, PRIMARY KEY (first, second, day))"
        )
        self.rows(
            "INSERT INTO staff VALUES ('é', x'00275c22', '2020-01-01', 'Zoë', 42, '1999-12-31'),"
            " ('é', x'00275c23', '2020-01-01', '', NULL, NULL),"
            " ('b''', x'00275c23', '2020-01-02', 'Bob', -1, '2000-02-29')"
        )
        said = self.migrate("encrypt", "shop.staff", status=1)
        self.assertIn("see --ddl", said)
        lines = self.migrate("encrypt", "shop.staff", "--ddl", "--in_place")
        self.assertEqual(
            lines,
            "ALTER TABLE `shop`.`staff` MODIFY `name` VARBINARY(470) NOT NULL, MODIFY `age` "
            "VARBINARY(190), MODIFY `born` VARBINARY(190);\n",
        )
        self.rows(lines)
        asked = "SELECT name, age, born FROM staff ORDER BY name"
        before = self.rows(asked)
        said = self.migrate("encrypt", "shop.staff", "--batch=1")
        self.assertIn("shop.staff: 6 values changed, 0 refused", said)
        found = self.rows(asked)
        plain = {
            tuple(one and self.opened(one)[1] for one in row) for row in found
        }  # an empty value stays empty
        self.assertEqual(plain, set(before))
        self.assertEqual(before[0], (b"", None, None))
        self.migrate("decrypt", "shop.staff", "--yes", "--batch=2")
        self.assertEqual(self.rows(asked), before)

    def test_tables_whose_rows_cannot_be_changed_safely(self):
        columns = "name VARBINARY(400), email VARBINARY(400), card VARBINARY(400)"
        for text, made in (
            ("it needs a primary key", f"CREATE TABLE people ({columns})"),
            ("it needs a primary key", f"CREATE TABLE people (id INT UNIQUE, {columns})"),
            (
                "make it InnoDB",
                f"CREATE TABLE people (id INT PRIMARY KEY, {columns}) ENGINE=MyISAM",
            ),
            (
                "end its versioning",
                f"CREATE TABLE people (id INT PRIMARY KEY, {columns}) WITH SYSTEM VERSIONING",
            ),
        ):
            self.rows("DROP TABLE IF EXISTS people")
            self.rows(made)
            self.assertIn(text, self.migrate("encrypt", "shop.people", status=1))
        self.rows("CREATE TABLE tokens (id INT PRIMARY KEY, phone VARCHAR(80))")
        self.assertIn("looks like any value", self.migrate("encrypt", "shop.tokens", status=1))
        self.assertIn("shows the user none", self.migrate("encrypt", "shop.staff", status=1))
        self.assertIn("for --ddl", self.migrate("encrypt", "shop.people", "--in_place", status=1))

    def test_who_cannot_log_in(self):
        self.where = f"mysql://migrator:wrong@127.0.0.1:{self.database.port}/?db_tls=disable"
        said = self.migrate("encrypt", "shop.people", status=1)
        self.assertIn("connection string: the database says error 1045", said)
        self.assertNotIn("wrong", said)


class OwnCharacters(Base):
    """The server gives all clients a character set of its own."""

    more = ("--skip-character-set-client-handshake", "--character-set-server=latin1")

    def test_names_and_keys(self):
        config = self.folder / "own.yaml"
        column = "{column: näme, data_type: str}"
        config.write_text(
            f"schemas:\n  - table: péople\n    schema: shop\n    encrypted:\n      - {column}\n"
        )
        self.rows("SET NAMES utf8mb4")
        self.rows(
            "CREATE TABLE péople (id VARCHAR(9) CHARACTER SET utf8mb4 PRIMARY KEY,"
            " näme VARBINARY(400))"
        )
        keys = [f"{first}{last}" for first in ("a", "é", "Ã©", "ÿ", "ж", "日本") for last in "012"]
        listed = ", ".join(f"('{key}', 'Name')" for key in keys)
        self.rows(f"INSERT INTO péople VALUES {listed}")
        said = self.migrate(
            "encrypt", "shop.péople", "--batch=4", f"--encryptor_config_file={config}"
        )
        self.assertEqual(said, f"shop.péople: {len(keys)} values changed, 0 refused\n")
        for (stored,) in self.rows("SELECT näme FROM péople"):
            self.assertEqual(self.opened(stored), (b"", b"Name"))
