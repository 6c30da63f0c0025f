"""acra-rotate and acra-rollback, by a real PostgreSQL."""

from __future__ import annotations

import json
from unittest import TestCase

import psycopg

from acra_twisted import purposes
from acra_twisted.crypto import acrablock, acrastruct, envelopes
from acra_twisted.sandbox.postgres import SUPERUSER, Postgres
from tests.integration.base import eventually
from tests.support.rotated import OWNER, ROWS, Rotated


class Rows(Rotated, TestCase):
    update = "UPDATE people SET data = $1 WHERE id = $2 AND region = $3;"

    @classmethod
    def setUpClass(cls):
        cls.server = Postgres()
        cls.addClassCleanup(cls.server.remove)
        cls.server.start()
        cls.dsn = f"postgresql://{SUPERUSER}@127.0.0.1:{cls.server.port}/postgres"

    def setUp(self):
        self.make_keys()
        self.db = psycopg.connect(self.dsn, autocommit=True)
        self.addCleanup(self.db.close)
        self.db.execute("DROP TABLE IF EXISTS people, clear")
        self.db.execute("CREATE TABLE people (id int, region text, owner text, data bytea)")
        self.db.execute("CREATE TABLE clear (name text, number bytea)")
        with self.db.cursor().copy("COPY people FROM STDIN (FORMAT binary)") as copy:
            copy.set_types(["int4", "text", "text", "bytea"])
            for number in range(ROWS):
                copy.write_row((number, "north", OWNER, self.sealed(b"Name %d" % number, number)))

    def names(self, column="name"):
        return [name for (name,) in self.db.execute(f"SELECT {column} FROM clear")]

    def test_rows_get_new_keys_and_the_former_ones_may_go(self):
        before = self.db.execute("SELECT id, data FROM people ORDER BY id").fetchall()
        self.rotate("--dry-run")
        self.assertEqual(
            self.db.execute("SELECT id, data FROM people ORDER BY id").fetchall(), before
        )
        [public] = json.loads(self.rotate()).values()
        self.assertTrue(public)
        after = self.db.execute("SELECT id, data FROM people ORDER BY id").fetchall()
        private, _ = self.keys.store.keys(purposes.STORAGE, OWNER)
        secret, _ = self.keys.store.keys(purposes.STORAGE_SYMMETRIC, OWNER)
        for (number, data), (_, old) in zip(after, before, strict=True):
            self.assertNotEqual(data, old)
            self.assertEqual(len(data), len(old))
            [found] = envelopes.find(data)
            inner = found.data(data)
            if number % 2:
                opened = acrablock.open_with(inner, secret.value)
            else:
                opened = acrastruct.open_with(inner, private)
            self.assertEqual(opened, b"Name %d" % number)

    def test_a_damaged_row_leaves_all_as_they_are(self):
        self.db.execute("UPDATE people SET data = 'plain' WHERE id = 1000")
        before = self.db.execute("SELECT data FROM people ORDER BY id").fetchall()
        self.assertIn("no row was written", self.rotate(status=1))
        self.assertEqual(self.db.execute("SELECT data FROM people ORDER BY id").fetchall(), before)

    def test_what_others_write_meanwhile_is_not_lost(self):
        self.db.execute("SELECT pg_advisory_lock(7)")
        tool = self.begin_rotation(
            "SELECT id, owner, data FROM people WHERE id < 2 ORDER BY id",
            "UPDATE people SET data = $1 WHERE id = $2 AND pg_advisory_xact_lock(7) IS NOT NULL",
        )
        waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'advisory'"
        eventually(lambda: self.db.execute(waits).fetchall(), "the first row is written")
        self.db.execute("UPDATE people SET data = 'later' WHERE id = 1")
        self.db.execute("SELECT pg_advisory_unlock(7)")
        self.assertEqual(tool.wait(), 1, tool.said)
        self.assertIn("row 2: somebody else has changed it, or holds it", tool.said)
        [(data,)] = self.db.execute("SELECT data FROM people WHERE id = 1")
        self.assertEqual(data, b"later")

    def test_values_are_inserted(self):
        expected = [f"Name {number}" for number in range(ROWS)]
        told = self.roll_back("--insert=INSERT INTO clear (name) VALUES ($1)", "--execute")
        self.assertIn(f"{ROWS} values decrypted", told)
        self.assertEqual(self.names(), expected)
        self.db.execute("TRUNCATE clear")
        self.roll_back("--insert=INSERT INTO clear (number) VALUES ($1)", "--execute")
        self.assertEqual(self.names("number"), [name.encode() for name in expected])

    def test_a_file_can_be_run(self):
        self.db.execute("DELETE FROM people WHERE id > 3")
        self.db.execute(
            "UPDATE people SET data = %s WHERE id = 3", (self.sealed(b"it's \\ \0\xff", 2),)
        )
        for number, escape in enumerate(("--escape=false", "--escape")):
            path = self.folder / f"decrypted{number}.sql"
            self.roll_back(
                "--insert=INSERT INTO clear (number) VALUES ($1);", f"--output_file={path}", escape
            )
            self.assertEqual(path.stat().st_mode & 0o777, 0o600)
            self.db.execute("TRUNCATE clear")
            self.db.execute(path.read_text())
            self.assertEqual(
                self.names("number"), [b"Name 0", b"Name 1", b"Name 2", b"it's \\ \0\xff"]
            )

    def test_a_row_that_does_not_open_is_told_by_its_number(self):
        self.db.execute("UPDATE people SET data = 'plain' WHERE id = 1")
        told = self.roll_back(
            "--insert=INSERT INTO clear (name) VALUES ($1)", "--execute", status=1
        )
        self.assertIn("row 2: the container cannot be opened: it is not encrypted", told)
        self.assertEqual(len(self.names()), ROWS - 1)
