"""Rows that acra-migrate has changed, as applications see them by AcraServer."""

from __future__ import annotations

import os
import signal
import threading

import psycopg

from acra_twisted import purposes
from acra_twisted.sandbox.keys import Keys
from acra_twisted.sandbox.postgres import SUPERUSER
from tests.integration.base import Surroundings, eventually
from tests.support import preloaded
from tests.support.migrated import PROGRAM

#: Without it a configuration would name no column.
OTHER = """
schemas:
  - table: others
    encrypted:
      - column: data
"""
PEOPLE = """
  - table: people
    encrypted:
      - column: email
        searchable: true
        data_type: str
        on_plaintext: {}
      - column: age
        data_type: int32
"""
ROWS = 600


class Served(Surroundings):
    def setUp(self):
        folder = self.folder / self.id().rpartition(".")[2]
        folder.mkdir()
        self.keys = Keys(folder, "people application")
        self.keys.writer.generate(purposes.SEARCH_HMAC, self.keys.client_id)
        self.config = folder / "encryptor.yaml"
        self.db = self.direct()
        self.addCleanup(self.db.close)
        self.db.execute("DROP TABLE IF EXISTS people, others")
        self.db.execute("CREATE TABLE others (data bytea)")

    def serve(self, config):
        self.config.write_text(config)
        settings = {"encryptor": {"encryptor_config_file": str(self.config)}}
        return self.chain(link="none", keys=self.keys, server=settings)

    def migrate(self, change, *flags):
        ended, said = preloaded.run(
            PROGRAM,
            [
                *(change, "people", *flags),
                f"--encryptor_config_file={self.config}",
                f"--connection_string=host=127.0.0.1 port={self.postgres.port} user={SUPERUSER}"
                " dbname=postgres",
                f"--client_id={self.keys.client_id}",
                f"--keys_dir={self.keys.path}",
                f"--master_key_file={self.keys.master_key_file}",
            ],
        )
        self.assertEqual(ended, 0, said)
        return said

    def assert_served(self, db, rows=ROWS):
        found = db.execute("SELECT id, email, age FROM people ORDER BY id").fetchall()
        self.assertEqual(
            found, [(number, f"{number}@example.com", number) for number in range(rows)]
        )

    def assert_found(self, db, rows=ROWS):
        for number in range(0, rows, 97):
            found = db.execute(
                "SELECT id FROM people WHERE email = %s", (f"{number}@example.com",)
            ).fetchall()
            self.assertEqual(found, [(number,)])

    def test_in_place_while_an_application_reads_and_writes(self):
        self.db.execute("CREATE TABLE people (id int PRIMARY KEY, email bytea, age bytea, n int)")
        self.db.execute(
            "INSERT INTO people SELECT i, convert_to(i || '@example.com', 'UTF8'),"
            f" convert_to(i::text, 'UTF8'), 0 FROM generate_series(0, {ROWS - 1}) i"
        )
        served = self.serve(OTHER + PEOPLE.format("return"))
        done = threading.Event()
        seen = []

        def work():
            with self.connect(served) as db:
                while not done.is_set():
                    number = len(seen) * 7 % ROWS
                    db.execute("UPDATE people SET n = n + 1 WHERE id = %s", (number,))
                    db.execute("UPDATE people SET age = %s WHERE id = %s", (number, number))
                    seen.append(
                        db.execute("SELECT email FROM people WHERE id = %s", (number,)).fetchone()
                    )

        worker = threading.Thread(target=work)
        worker.start()
        try:
            self.migrate("encrypt", "--batch=50", "--rate=1000")
        finally:
            done.set()
            worker.join()
        self.assertTrue(seen)
        for number, row in enumerate(seen):
            self.assertEqual(row, (f"{number * 7 % ROWS}@example.com",))
        stored = self.db.execute("SELECT email, age FROM people").fetchall()
        self.assertTrue(all(b"%%%" in email and b"%%%" in age for email, age in stored))
        with self.connect(served) as db:
            self.assert_served(db)
            self.assert_found(db)
        for kind in (purposes.STORAGE_SYMMETRIC, purposes.SEARCH_HMAC):
            self.keys.writer.generate(kind, self.keys.client_id)
        self.migrate("reencrypt")
        for kind in (purposes.STORAGE_SYMMETRIC, purposes.SEARCH_HMAC):
            for path in self.keys.store.files(kind, self.keys.client_id)[1:]:
                os.unlink(path)
        with self.connect(self.serve(OTHER + PEOPLE.format("error"))) as db:
            self.assert_served(db)
            self.assert_found(db)

    def test_by_second_columns_and_a_switch(self):
        """The steps are those of docs/migration.rst."""
        self.db.execute("CREATE TABLE people (id int PRIMARY KEY, email text NOT NULL, age int)")
        served = self.serve(OTHER)
        with self.connect(served) as db:
            for number in range(ROWS):
                db.execute(
                    "INSERT INTO people VALUES (%s, %s, %s)",
                    (number, f"{number}@example.com", number),
                )
            self.config.write_text(OTHER + PEOPLE.format("error"))
            for line in self.migrate("encrypt", "--ddl").splitlines():
                self.db.execute(line)
            self.migrate("encrypt")
            db.execute("UPDATE people SET email = '7@example.org' WHERE id = 7")
            db.execute(
                "INSERT INTO people VALUES (%s, %s, %s)", (ROWS, f"{ROWS}@example.com", ROWS)
            )
            self.migrate("encrypt", "--switch")
            os.kill(served.server.pid, signal.SIGHUP)

            def reads():
                try:
                    return db.execute("SELECT email FROM people WHERE id = 7").fetchone() == (
                        "7@example.org",
                    )
                except psycopg.Error:
                    return False

            eventually(reads, "the configuration is read")
            db.execute("UPDATE people SET email = '7@example.com' WHERE email = '7@example.org'")
            self.assert_served(db, ROWS + 1)
            self.assert_found(db, ROWS + 1)
        [(stored,)] = self.db.execute("SELECT email FROM people WHERE id = 7").fetchall()
        self.assertIn(b"%%%", stored)
        self.assertNotIn(b"example", stored)

    def test_columns_of_bytes_beside_second_columns_wait_for_the_configuration(self):
        self.db.execute("CREATE TABLE people (id int PRIMARY KEY, email bytea, age int)")
        self.db.execute(
            "INSERT INTO people SELECT i, convert_to(i || '@example.com', 'UTF8'), i"
            f" FROM generate_series(0, {ROWS - 1}) i"
        )
        served = self.serve(OTHER)
        self.config.write_text(OTHER + PEOPLE.format("return"))
        for line in self.migrate("encrypt", "--ddl").splitlines():
            self.db.execute(line)
        encrypted = (
            "SELECT count(*) FROM people WHERE position('%%%' IN encode(email, 'escape')) > 0"
        )
        for flags in ((), ("--switch",)):
            said = self.migrate("encrypt", *flags)
            self.assertIn("left as they are: people.email;", said)
            self.assertEqual(self.db.execute(encrypted).fetchone(), (0,))
        os.kill(served.server.pid, signal.SIGHUP)
        with self.connect(served) as db:
            eventually(lambda: self.reads(db), "the configuration is read")
            self.assert_served(db)
            self.assertNotIn("left", self.migrate("encrypt"))
            self.assertEqual(self.db.execute(encrypted).fetchone(), (ROWS,))
            self.assert_served(db)
            self.assert_found(db)

    def test_second_columns_that_are_made_one_after_the_other_are_watched_over_alike(self):
        self.db.execute("CREATE TABLE people (id int PRIMARY KEY, email text, age int)")
        self.db.execute("INSERT INTO people VALUES (1, '1@example.com', 1)")
        self.config.write_text(OTHER + PEOPLE.format("return"))
        for column in ("age", "email"):
            for line in self.migrate("encrypt", "--ddl", f"--columns={column}").splitlines():
                self.db.execute(line)
        self.migrate("encrypt")
        filled = "SELECT email__acra IS NOT NULL, age__acra IS NOT NULL FROM people"
        self.assertEqual(self.db.execute(filled).fetchone(), (True, True))
        self.db.execute("UPDATE people SET email = '2@example.com'")
        self.assertEqual(self.db.execute(filled).fetchone(), (False, True))
        self.db.execute("UPDATE people SET age = 2")
        self.assertEqual(self.db.execute(filled).fetchone(), (False, False))

    def reads(self, db):
        try:
            return db.execute("SELECT age FROM people WHERE id = 7").fetchone() == (7,)
        except psycopg.Error:
            return False
