"""COPY into tables with protected columns and out of them: by drivers, psql and pg_dump."""

import asyncio
import os
import subprocess

import asyncpg
import psycopg

from acra_twisted import purposes
from acra_twisted.sandbox.keys import Keys
from acra_twisted.sandbox.postgres import SUPERUSER, Postgres
from tests.integration.base import Surroundings

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
        crypto_envelope: acrastruct
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
ROWS = [
    (1, "Zaphodius", "zaphod@example.com", 4711, b"\0\xff\\", "4012888888881881", "a\tb"),
    (2, 'He said "tea,\nplease"', "arthur@example.com", -5, b"", "4222222222222000", None),
    (3, None, None, None, None, None, "\\N"),
    (4, "", "", 0, b"Trilliania", "", "naïve ż"),
]
#: Long enough to stand nowhere by chance.
SECRETS = ("Zaphodius", "He said", "zaphod@example", "40128888", "Trilliania")
TYPES = ["int4", "text", "text", "int4", "bytea", "text", "text"]
SEALED = ("name", "email", "age", "raw", "card")


class Copies(Surroundings):
    @classmethod
    def make_postgres(cls):
        return Postgres(settings=["log_statement = all", "log_parameter_max_length = -1"])

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        keys = Keys(cls.folder, "people application")
        keys.writer.generate(purposes.SEARCH_HMAC, keys.client_id)
        config = cls.folder / "encryptor.yaml"
        config.write_text(CONFIG)
        cls.served = cls.chain(
            link="none",
            keys=keys,
            server={"encryptor": {"encryptor_config_file": str(config)}},
        )

    def setUp(self):
        with self.direct() as db:
            db.execute("DROP TABLE IF EXISTS people CASCADE")
            db.execute(TABLE)

    def direct(self):
        return psycopg.connect(
            host="127.0.0.1",
            port=self.postgres.port,
            user=SUPERUSER,
            dbname="postgres",
            autocommit=True,
        )

    def rows(self):
        with self.connect(self.served) as db:
            return db.execute("SELECT * FROM people ORDER BY id").fetchall()

    def assert_encrypted(self):
        """Every value that is stored is encrypted, but NULL and the empty one."""
        with self.direct() as db:
            stored = db.execute(f"SELECT {', '.join(SEALED)} FROM people").fetchall()
        self.assertTrue(stored)
        for row in stored:
            for value in row:
                if value:
                    self.assertIn(b"%%%", bytes(value))
                    for secret in SECRETS:
                        self.assertNotIn(secret.encode(), bytes(value))
        log = b"".join(path.read_bytes() for path in self.postgres.folder.rglob("*.log"))
        for secret in SECRETS:
            self.assertNotIn(secret.encode(), log)

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
            self.assert_encrypted()
            self.assertEqual(self.rows(), ROWS)
            with self.connect(self.served) as db:
                with db.cursor().copy(f"COPY people TO STDOUT {options}") as copy:
                    copy.set_types(TYPES)
                    self.assertEqual(list(copy.rows()), ROWS)
                # The session goes on.
                self.assertEqual(db.execute("SELECT count(*) FROM people").fetchone(), (4,))

    def test_asyncpg_in_binary(self):
        async def talk():
            db = await asyncpg.connect(
                host="127.0.0.1", port=self.served.port, user=SUPERUSER, database="postgres",
                ssl=False,
            )  # fmt: skip
            try:
                await db.copy_records_to_table("people", records=ROWS)
                made = self.folder / "out.csv"
                await db.copy_from_table("people", output=str(made), format="csv", header=True)
                return [tuple(row) for row in await db.fetch("SELECT * FROM people ORDER BY id")]
            finally:
                await db.close()

        self.assertEqual(asyncio.run(talk()), ROWS)
        self.assert_encrypted()
        text = (self.folder / "out.csv").read_text()
        self.assertTrue(text.startswith("id,name,email,age,raw,card,note\n1,Zaphodius,"))
        self.assertIn('2,"He said ""tea,\nplease""",arthur@example.com,-5,', text)

    def run_tool(self, name, *arguments, text=b""):
        """Run a program, and return its output."""
        done = subprocess.run(
            [str(self.postgres.bin / name), *arguments],
            input=text,
            capture_output=True,
            check=False,
            env={
                **os.environ,
                "PGHOST": "127.0.0.1",
                "PGPORT": str(self.served.port),
                "PGUSER": SUPERUSER,
                "PGDATABASE": "postgres",
                "PGSSLMODE": "disable",
            },
        )
        self.assertEqual(done.stderr, b"")
        return done.stdout

    def psql(self, *commands, text=b""):
        return self.run_tool("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", *commands, text=text)

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
        self.assert_encrypted()

    def test_pg_dump_restored(self):
        self.load()
        dump = self.run_tool("pg_dump", "-t", "people")
        self.assertIn(b"1\tZaphodius\tzaphod@example.com\t4711\t", dump)
        with self.direct() as db:
            db.execute("DROP TABLE people")
        self.psql(text=dump)
        self.assertEqual(self.rows(), ROWS)
        self.assert_encrypted()
