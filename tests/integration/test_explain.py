"""acra-explain on the schema of a real PostgreSQL."""

from __future__ import annotations

import json
import subprocess
import sys

import psycopg

from acra_twisted.sandbox.postgres import SUPERUSER, Postgres
from tests.integration.base import Surroundings
from tests.integration.protected import ProtectedCase

PASSWORD = "of the superuser"
PROGRAM = "from acra_twisted.tools.explain import script; exit(script())"
CONFIG = """
schemas:
  - table: people
    encrypted:
      - column: name
      - column: email
        searchable: true
"""


def explained(*arguments, **options):
    """Run acra-explain."""
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        **options,
    )


class LiveSchema(Surroundings):
    @classmethod
    def make_postgres(cls):
        return Postgres(password=PASSWORD)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        columns = ", ".join(f"an_unprotected_column_with_a_long_name_{n} int" for n in range(400))
        with cls.direct(password=PASSWORD) as db:
            db.execute(f"CREATE TABLE people (id int, {columns}, email bytea, name bytea)")
            db.execute("CREATE VIEW shown AS SELECT name AS label FROM people WHERE id <> 4711")
            db.execute("ALTER TABLE people ALTER COLUMN name SET DEFAULT 'Mallory'")
        (cls.folder / "enc.yaml").write_text(CONFIG)
        cls.ini = cls.folder / "server.ini"
        cls.ini.write_text(f"[database]\ndb_host = 127.0.0.1\ndb_port = {cls.postgres.port}\n")
        (cls.folder / "password").write_text(PASSWORD)
        (cls.folder / "password").chmod(0o600)

    def explain(self, *arguments, **options):
        return explained(f"--encryptor_config_file={self.folder}/enc.yaml", *arguments, **options)

    def live(self, *arguments, **options):
        where = (f"--server_config={self.ini}", f"--user={SUPERUSER}")
        return self.explain(*where, *arguments, **options)

    def test_statements_are_judged_by_the_tables_that_the_database_has(self):
        values = ", ".join(["0"] * 401)
        done = self.live(
            f"--password_file={self.folder}/password",
            "--json",
            f"INSERT INTO people VALUES ({values}, 'e@x', 'Ann')",
            "SELECT label FROM shown",
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        inserted, shown = json.loads(done.stdout)["statements"]
        self.assertEqual(
            [(one["source"], one["column"]) for one in inserted["values"]],
            [("literal 402", "people.email"), ("literal 403", "people.name")],
        )
        self.assertEqual(shown["results"][0]["column"], "people.name")

    def test_a_saved_schema_serves_without_the_database_and_has_no_values(self):
        path = self.folder / "schema.json"
        done = self.live(f"--save_schema={path}", input=f"{PASSWORD}\n")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        text = path.read_text()
        self.assertNotIn("Mallory", text)
        self.assertNotIn(b"Mallory".hex(), text)
        self.assertNotIn("4711", text)
        done = self.explain(f"--schema={path}", "INSERT INTO people (id) VALUES (1)")
        self.assertEqual(done.returncode, 1)
        self.assertIn("default_in_clear", done.stdout)

    def test_a_role_that_cannot_log_in(self):
        done = self.live("SELECT 1", input="wrong\n")
        self.assertEqual(done.returncode, 1)
        self.assertIn("--user=postgres: the database says 28P01", done.stderr)
        self.assertNotIn("Traceback", done.stderr)


class Printed(ProtectedCase):
    """Runs all that ``--ddl`` prints, as it is."""

    config = CONFIG
    table = "CREATE TABLE people (id int, name bytea, email bytea)"

    def setUp(self):
        super().setUp()
        done = explained(f"--encryptor_config_file={self.config_file}", "--ddl")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        with self.direct() as db:
            for statement in done.stdout.split(";\n"):
                if statement:
                    db.execute(statement)

    def test_searches_use_the_index_and_plaintext_is_refused(self):
        with self.connect(self.served) as db:
            db.execute("INSERT INTO people VALUES (1, 'Zaphod', 'zaphod@example.com')")
            with self.direct() as raw:
                raw.execute(
                    "INSERT INTO people (id, email) SELECT n, '\\x7f'::bytea ||"
                    " sha256(n::text::bytea) || '%%%' FROM generate_series(2, 20000) n"
                )
                raw.execute("ANALYZE people")
                [(index,)] = raw.execute(
                    "SELECT indexname FROM pg_indexes WHERE tablename = 'people'"
                )
                for column in ("name", "email"):
                    with self.assertRaises(psycopg.errors.CheckViolation):
                        raw.execute(f"INSERT INTO people ({column}) VALUES ('Zaphod')")
            for condition, *values in (
                ("email = 'zaphod@example.com'",),
                ("email = %s", b"zaphod@example.com"),
                ("email IN ('zaphod@example.com', 'other')",),
                ("email = ANY(%s)", [b"zaphod@example.com"]),
            ):
                text = f"SELECT id FROM people WHERE {condition}"
                self.assertEqual(db.execute(text, values).fetchall(), [(1,)], condition)
                plan = "\n".join(line for (line,) in db.execute(f"EXPLAIN {text}", values))
                self.assertIn(f" {index}", plan, condition)
