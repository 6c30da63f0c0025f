"""Prepared statements on protected columns: by SQL and by the protocol, while tables change."""

from __future__ import annotations

import asyncio

import psycopg

from tests.integration.protected import ProtectedCase, asyncpg_session

CONFIG = """
schemas:
  - table: people
    columns: [id, name, email, card, note]
    encrypted:
      - {column: name, data_type: str}
      - {column: email, searchable: true, data_type: str}
      - {column: card, masking: xxxx, plaintext_length: 4, plaintext_side: right, data_type: str}
"""
TABLE = "CREATE TABLE people (id int PRIMARY KEY, name bytea, email bytea, card bytea, note text)"
SECRETS = ("Zaphodius", "zaphod@example.com", "4012888888881881")
INSERT = "INSERT INTO people (id, name, email, card) VALUES"


class Prepared(ProtectedCase):
    config = CONFIG
    table = TABLE
    secrets = SECRETS

    def setUp(self):
        with self.direct() as db:
            db.execute("DROP SCHEMA IF EXISTS elsewhere CASCADE")
        super().setUp()

    def run_asyncpg(self, work):
        async def run():
            async with asyncpg_session(self.served) as db:
                return await work(db)

        return asyncio.run(run())

    def test_values_of_a_statement_that_sql_prepares(self):
        with self.connect(self.served, prepare_threshold=None) as db:
            db.execute(f"PREPARE put (int, text, text, text) AS {INSERT} ($1, $2, $3, $4)")
            for number in range(3):
                db.execute(
                    f"EXECUTE put ({number}, 'Zaphodius', 'zaphod@example.com', '4012888888881881')"
                )
            self.assert_encrypted("name", "email", "card", rows=3)
            db.execute("PREPARE get (text) AS SELECT id, name FROM people WHERE email = $1")
            found = db.execute("EXECUTE get ('zaphod@example.com')").fetchall()
            self.assertEqual(sorted(found), [(number, "Zaphodius") for number in range(3)])
            self.assertEqual(db.execute("EXECUTE get ('another')").fetchall(), [])
            self.assertIn("Seq Scan", str(db.execute("EXPLAIN EXECUTE get ('x')").fetchall()))
            # Planned anew, as the database does.
            db.execute("ALTER TABLE people ADD COLUMN more int")
            found = db.execute("EXECUTE get ('zaphod@example.com')").fetchall()
            self.assertEqual(len(found), 3)
            db.execute("DEALLOCATE get")
            with self.assertRaises(psycopg.errors.InvalidSqlStatementName):
                db.execute("EXECUTE get ('x')")

    def test_statements_go_on_after_others_that_sql_prepares_and_deallocates(self):
        with self.connect(self.served, prepare_threshold=0) as db:
            text = INSERT + " (%s, %s, %s, %s)"
            for number in range(3):
                db.execute(text, (number, *SECRETS))
                db.execute("SELECT name FROM people WHERE id = %s", (number,))
                db.execute("PREPARE other AS SELECT 1", prepare=False)
                db.execute("DEALLOCATE other", prepare=False)
            # psycopg drops statements by DEALLOCATE, or by Close.
            db.prepared_max = 2
            for number in range(3, 8):
                db.execute(text + f" RETURNING {number}", (number, *SECRETS))
                found = db.execute("SELECT name FROM people WHERE id = %s", (number,)).fetchone()
                self.assertEqual(found, ("Zaphodius",))
            self.assert_encrypted("name", "email", "card", rows=8)

    def test_statements_go_on_while_tables_change(self):
        async def work(db):
            put = INSERT + " ($1, $2, $3, $4)"
            get = "SELECT id, name FROM people WHERE email = $1"
            everything = "SELECT * FROM people WHERE id = $1"
            for number in range(3):
                await db.execute(put, number, *SECRETS)
                rows = await db.fetch(get, SECRETS[1])
                self.assertEqual([row["name"] for row in rows], ["Zaphodius"] * (number + 1))
                # Another number of columns: the driver prepares it anew by itself.
                row = await db.fetchrow(everything, number)
                self.assertEqual(row["name"], "Zaphodius")
                self.assertEqual(len(row), 5 + number)
                await db.execute(f"ALTER TABLE people ADD COLUMN more{number} int")
            await db.execute("CREATE SCHEMA elsewhere")
            await db.execute("SET search_path = elsewhere, public")
            self.assertEqual(len(await db.fetch(get, SECRETS[1])), 3)
            await db.execute(put, 3, *SECRETS)

        self.run_asyncpg(work)
        self.assert_encrypted("name", "email", "card", rows=4)

    def test_a_table_that_is_made_anew_in_another_order(self):
        async def work(db):
            put = "INSERT INTO people VALUES ($1, $2)"
            await db.execute(put, 1, "Zaphodius")
            await db.execute("DROP TABLE people")
            await db.execute(
                "CREATE TABLE people (id int, note text, name bytea, email bytea, card bytea)"
            )
            await db.execute(put, 2, "seen")
            await db.execute("INSERT INTO people (id, name) VALUES ($1, $2)", 3, "Zaphodius")
            rows = await db.fetch("SELECT id, note, name FROM people ORDER BY id")
            self.assertEqual(
                [tuple(row) for row in rows], [(2, "seen", None), (3, None, SECRETS[0])]
            )

        self.run_asyncpg(work)

    def test_a_portal_of_a_statement_that_may_change_tables(self):
        async def work(db):
            async with db.transaction():
                cursor = await db.cursor("EXPLAIN SELECT name FROM people")
                self.assertIn("Seq Scan", str(await cursor.fetch(1)))
                cursor = await db.cursor("EXPLAIN ANALYZE SELECT name FROM people")
                self.assertTrue(await cursor.fetch(10))
            self.assertEqual(await db.fetch("SELECT name FROM people"), [])

        self.run_asyncpg(work)

    def test_sql_fetches_of_a_portal_what_the_protocol_executes(self):
        async def work(db):
            await db.execute(INSERT + " ($1, $2, $3, $4)", 1, *SECRETS)
            async with db.transaction():
                text = "SELECT card FROM people UNION ALL SELECT card FROM people"
                prepared = await db.prepare(text)
                cursor = await prepared.cursor()
                self.assertEqual((await cursor.fetchrow())["card"], SECRETS[2])
                [portal] = await db.fetch("SELECT name FROM pg_cursors WHERE name LIKE '%asyncpg%'")
                found = await db.fetch(f"FETCH ALL FROM {portal['name']}")
                self.assertEqual([one["card"] for one in found], [SECRETS[2]])

        self.run_asyncpg(work)
