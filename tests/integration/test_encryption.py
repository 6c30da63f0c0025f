"""Plaintext in SQL, ciphertext in the database: drivers write and read, and see their own types."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import psycopg

from tests.integration.protected import ProtectedCase, asyncpg_session

CONFIG = """
schemas:
  - table: people
    columns: [id, name, email, age, raw, card, note]
    encrypted:
      - column: name
        data_type: str
      - column: email
        searchable: true
        data_type: str
      - column: age
        data_type: int32
      - column: raw
      - column: card
        masking: "xxxx"
        plaintext_length: 4
        plaintext_side: right
        data_type: str
"""
TABLE = (
    "CREATE TABLE people (id int PRIMARY KEY, name bytea, email bytea, age bytea, raw bytea,"
    " card bytea, note text)"
)
#: Long enough to stand nowhere by chance.
SECRETS = ("Zaphodius", "zaphod@example.com", "4012888888881881", "Trilliania")


class Encryption(ProtectedCase):
    config = CONFIG
    table = TABLE
    secrets = SECRETS

    def test_literals(self):
        with self.connect(self.served) as db:
            db.execute(
                "INSERT INTO people (id, name, email, age, raw, card, note) VALUES (1, 'Zaphodius',"
                " 'zaphod@example.com', 4711, '\\x00ff', '4012888888881881', 'seen')"
            )
            self.assert_encrypted("name", "email", "age", "raw", "card")
            row = db.execute("SELECT name, email, age, raw, card, note FROM people").fetchone()
            self.assertEqual(
                row,
                (
                    "Zaphodius",
                    "zaphod@example.com",
                    4711,
                    b"\0\xff",
                    "4012888888881881",
                    "seen",
                ),
            )
            db.execute("UPDATE people SET name = 'Trilliania' WHERE id = 1")
            self.assertEqual(db.execute("SELECT name FROM people").fetchone(), ("Trilliania",))
            self.assert_encrypted("name")

    def test_twenty_thousand_rows_in_a_statement(self):
        rows = [(n, "Zaphodius", f"zaphod@example.com {n}", n) for n in range(20_000)]
        shown = ", ".join("(%d, '%s', '%s', %d)" % row for row in rows)
        with self.connect(self.served) as db:
            db.execute("INSERT INTO people (id, name, email, age) VALUES " + shown)
            found = db.execute("SELECT id, name, email, age FROM people ORDER BY id").fetchall()
            self.assertTrue(found == rows)
            found = db.execute("SELECT id FROM people WHERE email = %s", (rows[4711][2],))
            self.assertEqual(found.fetchall(), [(4711,)])
        self.assert_encrypted("name", "email", "age", rows=20_000)

    def test_parameters(self):
        for binary in (False, True):
            self.setUp()
            with self.connect(self.served) as db:
                for number in range(8):
                    db.execute(
                        "INSERT INTO people VALUES (%s, %s, %s, %s, %s, %s, %s)",
                        (number, "Zaphodius", "zaphod@example.com", 4711, b"\0\xff",
                         "4012888888881881", "seen"),
                    )  # fmt: skip
                self.assert_encrypted("name", "email", "age", "raw", "card")
                with db.cursor(binary=binary) as cursor:
                    cursor.execute("SELECT * FROM people WHERE id = %s", (3,))
                    self.assertEqual(
                        [one.type_code for one in cursor.description],
                        [23, 25, 25, 23, 17, 25, 25],
                    )
                    self.assertEqual(
                        cursor.fetchone(),
                        (3, "Zaphodius", "zaphod@example.com", 4711, b"\0\xff", "4012888888881881",
                         "seen"),
                    )  # fmt: skip

    def test_asyncpg(self):
        async def talk():
            async with asyncpg_session(self.served) as db:
                await db.executemany(
                    "INSERT INTO people (id, name, age) VALUES ($1, $2, $3)",
                    [(n, "Zaphodius", 4711) for n in range(4)],
                )
                async with db.transaction():
                    await db.execute("UPDATE people SET raw = $1 WHERE id = $2", b"\0x", 2)
                return await db.fetch("SELECT id, name, age, raw FROM people ORDER BY id")

        found = [tuple(one) for one in asyncio.run(talk())]
        self.assertEqual(
            found[1:3],
            [(1, "Zaphodius", 4711, None), (2, "Zaphodius", 4711, b"\0x")],
        )
        self.assert_encrypted("name", "age")

    def test_one_parameter_in_two_roles(self):
        with self.connect(self.served) as db, psycopg.RawCursor(db) as cursor:
            cursor.execute("INSERT INTO people (id, name, note) VALUES (1, $1, $1)", ("both",))
            self.assertEqual(
                db.execute("SELECT name, note FROM people").fetchone(), ("both", "both")
            )
            self.assert_encrypted("name")

    def refused(self, db, text, values=None, code="0A000"):
        with self.assertRaises(psycopg.Error) as caught:
            db.execute(text, values)
        self.assertEqual(caught.exception.sqlstate, code)
        for secret in SECRETS:
            self.assertNotIn(secret, str(caught.exception))
        return str(caught.exception)

    def test_what_is_not_understood_is_refused(self):
        with self.connect(self.served) as db:
            for text in (
                "INSERT INTO people (id, name) VALUES (1, upper('Zaphodius'))",
                "UPDATE people SET name = name || 'Zaphodius'",
                "SELECT * FROM people WHERE name = 'Zaphodius'",
                "COPY people FROM STDIN; SELECT 1",
                "COPY people FROM '/tmp/people'",
                "PREPARE p AS UPDATE people SET name = $1, note = $1",
                "DO $$ BEGIN INSERT INTO people (id, name) VALUES (1, 'Zaphodius'); END $$",
            ):
                self.assertTrue(self.refused(db, text))
            self.refused(db, "INSERT INTO people (id, age) VALUES (1, 99999999999)", code="22003")
            self.refused(db, "INSERT INTO people (id, age) VALUES (1, %s)", ("x",), "22P02")
            self.assertEqual(db.execute("SELECT count(*) FROM people").fetchone(), (0,))
            self.assertEqual(db.execute("SELECT 1").fetchone(), (1,))

    def test_a_table_that_is_made_in_a_transaction(self):
        with self.connect(self.served) as db:
            db.execute("DROP TABLE people")
            with db.transaction():
                db.execute(TABLE)
                db.execute("INSERT INTO people (id, name) VALUES (1, 'Zaphodius')")
            self.assertEqual(db.execute("SELECT name FROM people").fetchone(), ("Zaphodius",))
            self.assert_encrypted("name")

    def test_values_are_nowhere_in_clear(self):
        """Neither in files of the database, its log of every statement and WAL, nor in ours."""
        self.test_literals()
        self.test_parameters()
        self.setUp()
        self.test_one_parameter_in_two_roles()
        self.setUp()
        self.test_what_is_not_understood_is_refused()
        with self.direct() as db:
            db.execute("CHECKPOINT")
        found = []
        for folder in (self.postgres.folder, Path(self.served.folder)):
            for path in folder.rglob("*"):
                if path.is_file() and not path.is_symlink():
                    # The database removes some meanwhile.
                    with suppress(FileNotFoundError):
                        data = path.read_bytes()
                        found += [
                            (path.name, secret) for secret in SECRETS if secret.encode() in data
                        ]
        self.assertEqual(found, [])
        self.assertIn(b"INSERT INTO people", self.log())
