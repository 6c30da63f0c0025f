"""COPY into tables with protected columns and out of them: by drivers, psql and pg_dump."""

import asyncio
import os
import subprocess
from io import BytesIO
from pathlib import Path

import asyncpg
import psycopg

from acra_twisted.sandbox.keys import Keys
from acra_twisted.sandbox.postgres import SUPERUSER
from tests.integration.protected import ProtectedCase, asyncpg_session, token_store

CONFIG = """
schemas:
  - table: people
    columns: [id, name, email, age, raw, card, note]
    encrypted:
      - {column: name, data_type: str}
      - {column: email, searchable: true, data_type: str}
      - {column: age, data_type: int32}
      - {column: raw, crypto_envelope: acrastruct}
      - {column: card, masking: xxxx, plaintext_length: 4, plaintext_side: right, data_type: str}
  - table: calls
    columns: [id, phone]
    encrypted:
      - {column: phone, token_type: str, consistent_tokenization: true}
"""
TABLE = (
    "CREATE TABLE people (id int PRIMARY KEY, name bytea, email bytea, age bytea, raw bytea,"
    " card bytea, note text DEFAULT 'none')"
)
ROWS = [
    (1, "Zaphodius", "zaphod@example.com", 4711, b"\0\xff\\", "4012888888881881", "a\tb"),
    (2, 'He said "tea,\nplease"', "arthur@example", -5, b"", "4222222222222000", None),
    (3, None, None, None, None, None, "\\N"),
    (4, "", "", 0, b"Trilliania", "", "naïve ż"),
]
#: Long enough to stand nowhere by chance.
SECRETS = ("Zaphodius", "He said", "zaphod@example", "40128888", "Trilliania")
TYPES = ["int4", "text", "text", "int4", "bytea", "text", "text"]
SEALED = ("name", "email", "age", "raw", "card")


class Copies(ProtectedCase):
    config = CONFIG
    table = TABLE
    secrets = SECRETS

    @classmethod
    def make_served(cls):
        folder = cls.folder / "stranger"
        folder.mkdir()
        stranger = Keys(folder, "other application")
        cls.strangers = cls.protect(stranger, token_store(stranger))
        return cls.protect(cls.keys, token_store(cls.keys))

    def rows(self):
        with self.connect(self.served) as db:
            return db.execute("SELECT * FROM people ORDER BY id").fetchall()

    def assert_stored(self):
        """Every value that is stored is encrypted, but NULL and the empty one; the log has none."""
        with self.direct() as db:
            stored = db.execute(f"SELECT {', '.join(SEALED)} FROM people").fetchall()
        self.assertTrue(stored)
        for row in stored:
            for value in row:
                if value:
                    self.assert_sealed(value)
        self.assert_not_logged(*SECRETS)

    def load(self, options=""):
        with (
            self.connect(self.served) as db,
            db.cursor().copy(f"COPY people FROM STDIN {options}") as copy,
        ):
            if "binary" in options:
                copy.set_types(TYPES)
            for row in ROWS:
                copy.write_row(row)

    def test_psycopg_text_and_binary(self):
        for options in ("", "(FORMAT binary)"):
            self.setUp()
            self.load(options)
            self.assert_stored()
            self.assertEqual(self.rows(), ROWS)
            with self.connect(self.served) as db:
                with db.cursor().copy(f"COPY people TO STDOUT {options}") as copy:
                    copy.set_types(TYPES)
                    self.assertEqual(list(copy.rows()), ROWS)
                # The session goes on.
                self.assertEqual(db.execute("SELECT count(*) FROM people").fetchone(), (4,))

    def test_a_driver_that_sends_rows_before_it_is_asked(self):
        """A refusal comes in its place, and the session goes on."""
        rows = b"".join(b"%d,Zaphodius,7\n" % number for number in range(5000))

        async def talk():
            async with asyncpg_session(self.served) as db:
                for data, options, error in (
                    (b"1,Zaphodius,seven\n" + rows, {}, asyncpg.DataError),
                    (rows + b"1,Zaphodius,seven\n", {}, asyncpg.DataError),
                    (rows, {"null": "00"}, asyncpg.FeatureNotSupportedError),
                    (rows + rows, {}, asyncpg.UniqueViolationError),
                ):
                    for block in (False, True):
                        transaction = db.transaction()
                        if block:
                            await transaction.start()
                        with self.assertRaises(error):
                            await db.copy_to_table(
                                "people", source=BytesIO(data), columns=["id", "name", "age"],
                                format="csv", **options,
                            )  # fmt: skip
                        if block:
                            await transaction.rollback()
                        self.assertEqual(await db.fetchval("SELECT count(*) FROM people"), 0)

        asyncio.run(talk())
        self.assert_not_logged("Zaphodius")

    def test_asyncpg_in_binary(self):
        async def talk():
            async with asyncpg_session(self.served) as db:
                await db.copy_records_to_table("people", records=ROWS)
                made = self.folder / "out.csv"
                await db.copy_from_table("people", output=str(made), format="csv", header=True)
                return [tuple(row) for row in await db.fetch("SELECT * FROM people ORDER BY id")]

        self.assertEqual(asyncio.run(talk()), ROWS)
        self.assert_stored()
        text = (self.folder / "out.csv").read_text()
        self.assertTrue(text.startswith("id,name,email,age,raw,card,note\n1,Zaphodius,"))
        self.assertIn('2,"He said ""tea,\nplease""",arthur@example,-5,', text)

    def run_tool(self, name, *arguments, text=b"", port=0):
        """Run a program, at the server if no port is given, and return its output."""
        done = subprocess.run(
            [str(self.postgres.bin / name), *arguments],
            input=text,
            capture_output=True,
            check=False,
            env={
                **os.environ,
                "PGHOST": "127.0.0.1",
                "PGPORT": str(port or self.served.port),
                "PGUSER": SUPERUSER,
                "PGDATABASE": "postgres",
                "PGSSLMODE": "disable",
            },
        )
        self.assertEqual(done.stderr, b"")
        return done.stdout

    def psql(self, *commands, text=b"", port=0):
        options = ("-X", "-q", "-v", "ON_ERROR_STOP=1")
        return self.run_tool("psql", *options, *commands, text=text, port=port)

    def test_psql_csv(self):
        self.load()
        out = self.folder / "people.csv"
        self.psql("-c", f"\\copy people to '{out}' csv header null 'nil' force quote *")
        text = out.read_text()
        self.assertIn('"1","Zaphodius","zaphod@example.com","4711"', text)
        self.assertIn(",nil,", text)
        self.setUp()
        self.psql("-c", f"\\copy people from '{out}' (format csv, header match, null 'nil')")
        self.assertEqual(self.rows(), ROWS)
        self.assert_stored()

    def test_pg_dump_restored(self):
        self.load()
        dump = self.run_tool("pg_dump", "-t", "people")
        self.assertIn(b"1\tZaphodius\tzaphod@example.com\t4711\t", dump)
        with self.direct() as db:
            db.execute("DROP TABLE people")
        self.psql(text=dump)
        self.assertEqual(self.rows(), ROWS)
        self.assert_stored()

    def test_pg_restore_of_every_format(self):
        """A dump in clear is encrypted where it is restored through AcraServer."""
        self.load()
        for form, *options in (
            ("custom", "--clean", "--if-exists"),
            ("directory", "--clean", "--jobs=2"),
            ("tar", "--data-only"),
        ):
            with self.subTest(form):
                dump = str(self.folder / f"people.{form}")
                self.run_tool("pg_dump", "-t", "people", f"--format={form}", f"--file={dump}")
                self.empty()
                self.run_tool("pg_restore", "-d", "postgres", *options, dump)
                self.assertEqual(self.rows(), ROWS)
                self.assert_stored()

    def test_pg_dump_of_statements(self):
        self.load()
        for option in ("--inserts", "--column-inserts", "--rows-per-insert=3"):
            with self.subTest(option):
                dump = self.run_tool("pg_dump", "-t", "people", option, "--data-only")
                self.assertIn(b"Zaphodius", dump)
                self.empty()
                self.psql(text=dump)
                self.assertEqual(self.rows(), ROWS)
                self.assert_stored()

    def test_dumps_beside_the_server(self):
        """They have what is stored, and are restored beside it."""
        self.load()
        beside = {"port": self.postgres.port}
        with self.direct() as db:
            stored = db.execute("SELECT * FROM people ORDER BY id").fetchall()
        for form in ("custom", "plain"):
            with self.subTest(form):
                dump = str(self.folder / f"stored.{form}")
                self.run_tool("pg_dump", "-t", "people", f"-F{form}", "-f", dump, **beside)
                self.assertNotIn(b"Zaphodius", Path(dump).read_bytes())
                with self.direct() as db:
                    db.execute("DROP TABLE people")
                if form == "plain":
                    self.psql("-f", dump, **beside)
                else:
                    self.run_tool("pg_restore", "-d", "postgres", dump, **beside)
                with self.direct() as db:
                    found = db.execute("SELECT * FROM people ORDER BY id").fetchall()
                self.assertEqual(found, stored)
                self.assertEqual(self.rows(), ROWS)

    def empty(self):
        with self.direct() as db:
            db.execute("TRUNCATE people")

    def test_tokens(self):
        rows = b"".join(b"%d\t555-%d\n" % (n, n % 7) for n in range(2000)) + b"2000\t\\N\n"
        with self.connect(self.served) as db:
            db.execute("DROP TABLE IF EXISTS calls")
            db.execute("CREATE TABLE calls (id int, phone text)")
            self.copy(db, "COPY calls FROM STDIN", rows)
            with db.cursor().copy("COPY (SELECT * FROM calls ORDER BY id) TO STDOUT") as copy:
                self.assertEqual(b"".join(copy), rows)
            with db.cursor().copy("COPY calls TO STDOUT (FORMAT binary)") as copy:
                copy.set_types(["int4", "text"])
                self.assertEqual(sorted(copy.rows())[8], (8, "555-1"))
        with self.direct() as db:
            found = db.execute(
                "SELECT DISTINCT phone FROM calls WHERE phone IS NOT NULL"
            ).fetchall()
        self.assertEqual(len(found), 7)
        self.assertFalse([phone for (phone,) in found if phone.startswith("555-")])

    def copy(self, db, text, *pieces):
        """Load pieces of data."""
        with db.cursor().copy(text) as copy:
            for piece in pieces:
                copy.write(piece)

    def stored(self):
        with self.direct() as db:
            return db.execute("SELECT id FROM people ORDER BY id").fetchall()

    def test_a_row_that_is_refused_ends_the_load(self):
        bad = b"2\tZaphodius\tseven\n"
        rows = b"".join(b"%d\tZaphodius\t7\n" % number for number in range(3, 5000))
        text = "COPY people (id, name, age) FROM STDIN"
        with self.connect(self.served) as db:
            for pieces in ([bad], [b"1\tx\t7\n", bad, rows], [rows, bad], [rows + bad]):
                with self.assertRaises(psycopg.DataError) as caught:
                    self.copy(db, text, *pieces)
                self.assertIn("people.age", str(caught.exception))
                self.assertNotIn("seven", str(caught.exception))
                self.assertEqual(db.execute("SELECT 1").fetchone(), (1,))
            with self.assertRaises(psycopg.DataError), db.transaction():
                db.execute("INSERT INTO people (id) VALUES (100)")
                self.copy(db, text, bad)
            with self.assertRaises(psycopg.errors.InFailedSqlTransaction):
                db.autocommit = False
                with self.assertRaises(psycopg.DataError):
                    self.copy(db, text, rows, bad)
                db.execute("SELECT 1")
            db.rollback()
        self.assertEqual(self.stored(), [])
        self.assert_not_logged("Zaphodius", "seven")

    def test_errors_of_the_database_in_the_middle(self):
        """Its own error arrives, and what the client has still sent goes nowhere."""
        rows = b"".join(b"%d\tZaphodius\n" % number for number in range(5000))
        with self.connect(self.served) as db:
            with self.assertRaises(psycopg.errors.UniqueViolation):
                self.copy(db, "COPY people (id, name) FROM STDIN", rows + b"7\tZaphodius\n")
            with self.assertRaises(psycopg.errors.InvalidTextRepresentation):
                self.copy(db, "COPY people (id, name) FROM STDIN", b"x\ty\n", *[rows] * 20)
            self.assertEqual(db.execute("SELECT count(*) FROM people").fetchone(), (0,))

    def test_rows_that_are_none(self):
        head = b"PGCOPY\n\xff\r\n\0" + bytes(8)
        with self.connect(self.served) as db:
            for options, data in (
                ("", b"1\n"),
                ("", b"1\ta\tb\n"),
                ("", b"1\ta\r2\tb\n"),
                ("(FORMAT csv)", b'1,"a'),
                ("(FORMAT csv)", b"1,a,b\n"),
                ("(FORMAT binary)", b"Zaphodius" * 9),
                ("(FORMAT binary)", head + b"\0\2\0\0\0\4\0\0\0\1\x7f\xff\xff\xffZaphodius"),
                ("(FORMAT binary)", head + b"\0\2\0\0\0\4\0\0\0\1\xff\xff\xff\xfe"),
                ("(FORMAT binary)", head + b"\0\3"),
            ):
                with self.assertRaises(psycopg.DataError, msg=(options, data)) as caught:
                    self.copy(db, f"COPY people (id, name) FROM STDIN {options}", data)
                self.assertEqual(caught.exception.sqlstate, "22P04")
            self.assertEqual(db.execute("SELECT 1").fetchone(), (1,))
        self.assertEqual(self.stored(), [])

    def test_sessions_that_end_in_the_middle(self):
        rows = b"".join(b"%d\tZaphodius\n" % number for number in range(5000))
        text = "COPY people (id, name) FROM STDIN"
        db = self.connect(self.served)
        with self.assertRaises(psycopg.OperationalError), db.cursor().copy(text) as copy:
            copy.write(rows[:-20])
            db.close()
        db = self.connect(self.served)
        with self.assertRaises(psycopg.OperationalError), db.cursor().copy(text) as copy:
            copy.write(rows)
            with self.direct() as other:
                other.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE %s"
                    " AND pid <> pg_backend_pid()",
                    (text + "%",),
                )
            for _ in range(100):
                copy.write(rows)
        db = self.connect(self.served)
        with self.assertRaises(ZeroDivisionError), db.cursor().copy(text) as copy:
            copy.write(rows)
            raise ZeroDivisionError
        self.assertEqual(db.execute("SELECT count(*) FROM people").fetchone(), (0,))
        db.close()

    def test_options(self):
        with self.connect(self.served) as db:
            for text, data in (
                ("(DEFAULT '\\D', NULL 'nil')", b"1\tAnna\t\\D\n2\tnil\tx\n"),
                ("(FORMAT csv, DELIMITER ';', QUOTE '''')", b"1;'Anna';\r\n2;;\r\n"),
                ("(FREEZE false, HEADER) WHERE id < 3", b"id\tname\tnote\n1\tAnna\tx\n3\ta\ta\n"),
                ("(FORMAT csv, FORCE_NULL (name))", b'1,Anna,\n2,"",\n'),
                ("(ON_ERROR ignore)", b"1\tAnna\tb\nx\tBerta\tb\n"),
            ):
                self.copy(db, f"COPY people (id, name, note) FROM STDIN {text}", data)
                names = db.execute("SELECT name FROM people ORDER BY id").fetchall()
                self.assertEqual(names[0], ("Anna",), text)
                self.assertIn(names[1:], ([], [(None,)]), text)
                db.execute("TRUNCATE people")

    def test_a_query_that_is_copied_out(self):
        self.load()
        with self.connect(self.served) as db:
            for query, rows in (
                ("SELECT name FROM people WHERE email = 'zaphod@example.com'", "Zaphodius\n"),
                ("SELECT p.age a FROM people p JOIN people q USING (id) WHERE id = 2", "-5\n"),
            ):
                with db.cursor().copy(f"COPY ({query}) TO STDOUT") as copy:
                    self.assertEqual(b"".join(copy).decode(), rows)

    def test_a_stranger_gets_masks_and_ciphertext(self):
        self.load()
        with self.connect(self.strangers) as db:
            with db.cursor().copy("COPY people (id, name, card) TO STDOUT") as copy:
                rows = [line.split(b"\t") for line in b"".join(copy).splitlines()]
            self.assertEqual(rows[0][0], b"1")
            self.assertTrue(rows[0][1].startswith(b"\\\\x252525"))
            self.assertEqual([row[2] for row in rows], [b"xxxx1881", b"xxxx2000", b"\\N", b""])
            with (
                self.assertRaises(psycopg.DataError) as caught,
                db.cursor().copy("COPY people (age) TO STDOUT") as copy,
            ):
                list(copy)
            self.assertIn("people.age", str(caught.exception))
            self.assertEqual(db.execute("SELECT 1").fetchone(), (1,))

    def test_a_load_of_many_rows_and_other_sessions(self):
        rows = b"".join(b"%d\tname %d\t%d\n" % (n, n, n) for n in range(20_000))
        with self.connect(self.served) as db, self.connect(self.served) as other:
            with db.cursor().copy("COPY people (id, name, age) FROM STDIN") as copy:
                copy.write(rows[:500_000])
                self.assertEqual(other.execute("SELECT count(*) FROM people").fetchone(), (0,))
                copy.write(rows[500_000:])
            with db.cursor().copy("COPY (SELECT id, name, age FROM people) TO STDOUT") as copy:
                found = b"".join(copy)
        self.assertEqual(sorted(found.splitlines()), sorted(rows.splitlines()))
