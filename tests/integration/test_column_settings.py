"""The configuration of protected columns in a running server: read anew while sessions go on."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from pathlib import Path

import psycopg

from acra_twisted.sandbox.chain import Chain
from acra_twisted.sandbox.keys import Keys
from acra_twisted.sandbox.postgres import Postgres
from acra_twisted.sandbox.processes import twistd
from tests.integration.base import Surroundings, eventually

BEFORE = """
schemas:
  - table: people
    encrypted:
      - column: name
        data_type: str
"""
AFTER = BEFORE + "      - column: phone\n        data_type: str\n"
ANEW = "Read anew"
NOT_ANEW = "Cannot read anew; what was in force stays in force"
PASSWORD = "correct horse battery"
SECRET = "555-4711-0815"


class Case(Surroundings):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.keys = Keys(cls.folder, "people application")

    def setUp(self):
        with self.direct() as db:
            db.execute(
                "DROP TABLE IF EXISTS people;"
                "CREATE TABLE people (id int PRIMARY KEY, name bytea, phone bytea)"
            )
        self.config = self.folder / f"{self.id().rpartition('.')[2]}.yaml"
        self.config.write_text(BEFORE)
        self.server = self.chain(
            link="none",
            keys=self.keys,
            server={"encryptor": {"encryptor_config_file": str(self.config)}},
        )
        self.told = {ANEW: 0, NOT_ANEW: 0}

    def stored(self, number):
        with self.direct() as db:
            return db.execute("SELECT phone FROM people WHERE id = %s", (number,)).fetchone()[0]

    def reload(self, text, expected=ANEW):
        self.config.write_text(text)
        self.told[expected] += 1
        os.kill(self.server.server.pid, signal.SIGHUP)

        def lines():
            text = self.server.server.output()
            return sum("encryptor" in line and expected in line for line in text.splitlines())

        eventually(lambda: lines() == self.told[expected], expected)


class Reloading(Case):
    """SIGHUP: all of the new configuration holds from then on, or nothing of it."""

    def test_a_column_becomes_protected_under_a_session(self):
        with self.connect(self.server) as db:
            db.execute(f"INSERT INTO people VALUES (1, 'a', '{SECRET}')")
            self.assertEqual(self.stored(1), SECRET.encode())
            self.reload(AFTER)
            db.execute(f"INSERT INTO people VALUES (2, 'a', '{SECRET}')")
            db.execute("INSERT INTO people VALUES (3, 'a', %s)", (SECRET,))
            for number in (2, 3):
                self.assertNotIn(SECRET.encode(), self.stored(number))
            rows = db.execute("SELECT phone FROM people WHERE id > 1").fetchall()
            self.assertEqual(rows, [(SECRET,), (SECRET,)])
            # Later sessions, too.
            with self.connect(self.server) as later:
                rows = later.execute("SELECT phone FROM people WHERE id > 1").fetchall()
            self.assertEqual(rows, [(SECRET,), (SECRET,)])

    def test_what_was_prepared_before_stores_nothing_in_clear(self):
        insert = "INSERT INTO people (id, phone) VALUES (%s, %s)"
        with self.connect(self.server) as db:
            db.execute(insert, (1, SECRET), prepare=True)
            self.reload(AFTER)
            with self.assertRaises(psycopg.errors.FeatureNotSupported):
                db.execute(insert, (2, SECRET), prepare=True)
            db.execute("DEALLOCATE ALL")
            db.execute(insert, (3, SECRET), prepare=False)
            self.assertNotIn(SECRET.encode(), self.stored(3))
            count = db.execute("SELECT count(*) FROM people").fetchone()
            self.assertEqual(count, (2,))

    def test_a_transaction_goes_on_with_the_new_settings(self):
        with self.connect(self.server) as db, db.transaction():
            db.execute("INSERT INTO people VALUES (1, 'a', 'x')")
            db.execute("ALTER TABLE people ADD COLUMN more int")
            self.reload(AFTER)
            db.execute(f"INSERT INTO people VALUES (2, 'a', '{SECRET}', 1)")
            rows = db.execute("SELECT phone FROM people WHERE id = 2").fetchall()
            self.assertEqual(rows, [(SECRET,)])
        self.assertNotIn(SECRET.encode(), self.stored(2))

    def test_mistakes_and_signals_for_others_change_nothing(self):
        with self.connect(self.server) as db:
            insert = "INSERT INTO people (id, name) VALUES (%s, %s)"
            db.execute(insert, (1, SECRET), prepare=True)
            self.reload(AFTER.replace("data_type", "data_tipe"), NOT_ANEW)
            self.assertIn("did you mean 'data_type'?", self.server.server.output())
            db.execute(insert, (2, SECRET), prepare=True)
            self.reload("# A comment moves the lines.\n" + BEFORE)
            db.execute(insert, (3, SECRET), prepare=True)
            rows = db.execute("SELECT name FROM people").fetchall()
            self.assertEqual(rows, [(SECRET,)] * 3)


class Checked(Case):
    """A database whose tables a role may look at, and no server."""

    @classmethod
    def make_postgres(cls):
        return Postgres(password=PASSWORD)

    @classmethod
    def direct(cls):
        return super().direct(password=PASSWORD)

    def setUp(self):
        with self.direct() as db:
            db.execute(
                "DROP TABLE IF EXISTS people; DROP ROLE IF EXISTS looker;"
                f"CREATE ROLE looker LOGIN PASSWORD '{PASSWORD}';"
                "CREATE TABLE people (id int PRIMARY KEY, name bytea, phone bytea)"
            )
        self.config = self.folder / "checked.yaml"
        self.config.write_text(AFTER)
        password = self.folder / "password"
        password.write_text(PASSWORD)
        password.chmod(0o600)
        self.role = {"schema_user": "looker", "schema_password_file": str(password)}

    def check(self, *flags, sections=None, **changes):
        """The status and the lines of a check, with further sections of the ini file; nothing is
        started."""
        encryptor = {"encryptor_config_file": str(self.config), **self.role, **changes}
        chain = Chain(
            ("127.0.0.1", self.postgres.port),
            folder=Path(tempfile.mkdtemp(dir=self.folder)),
            link="none",
            keys=self.keys,
            server={"encryptor": encryptor, **(sections or {})},
        )
        command = [*twistd("acra-server", chain.server_ini), "--check_config", *flags]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        self.assertNotIn("Traceback", done.stderr)
        self.assertNotIn(PASSWORD, done.stdout + done.stderr)
        return done.returncode, done.stdout + done.stderr


class Checking(Checked):
    """--check_config --schema, --probe and acra-doctor look at the tables themselves."""

    def test_tables_that_fit(self):
        code, said = self.check("--schema")
        self.assertEqual(code, 0, said)
        self.assertIn("postgres: the tables fit the configuration", said)
        # Nobody looks at them unless asked to.
        self.assertNotIn("tables", self.check()[1])

    def test_tables_that_do_not_fit(self):
        with self.direct() as db:
            db.execute("ALTER TABLE people RENAME phone TO fone")
            db.execute("ALTER TABLE people ALTER name TYPE text USING NULL")
        for flag in ("--schema", "--probe"):
            code, said = self.check(flag)
            self.assertEqual(code, 1, said)
            self.assertIn("people.phone: table public.people has no such column", said)
            self.assertIn("did you mean 'fone'?", said)
            self.assertIn("people.name: its type is text", said)
        self.assertNotIn("its type is text", self.check("--schema", allow_text_columns="true")[1])

    def test_a_table_that_is_searched_without_an_index_is_no_mistake(self):
        self.config.write_text(BEFORE + "        searchable: true\n")
        code, said = self.check("--schema")
        self.assertEqual(code, 0, said)
        self.assertIn("CREATE INDEX CONCURRENTLY", said)

    def test_each_database_is_asked(self):
        code, said = self.check("--schema", schema_databases="postgres, template1")
        self.assertEqual(code, 1, said)
        self.assertIn("postgres: the tables fit", said)
        self.assertIn("template1: people: the database has no such table", said)

    def test_a_database_that_cannot_be_asked(self):
        for changes, told in (
            ({"schema_user": "nobody"}, "nobody cannot look at the tables of postgres"),
            ({"schema_user": "", "schema_password_file": ""}, "name one in schema_user"),
            ({"schema_password_file": "/nowhere"}, "schema_password_file: there is no /nowhere"),
        ):
            code, said = self.check("--schema", **changes)
            self.assertEqual(code, 1, said)
            self.assertIn(told, said)


class Findings(Case):
    """The log says what does not fit between configuration and database."""

    def lines(self, *words):
        def found():
            text = self.server.server.output()
            return [line for line in text.splitlines() if all(word in line for word in words)]

        eventually(found, " ".join(words))
        return found()

    def test_what_does_not_fit_is_told_once_and_again_after_a_change(self):
        missing = ("people.phone", "has no such column", "did you mean 'fone'?")
        with self.connect(self.server) as db:
            db.execute("ALTER TABLE people RENAME phone TO fone")
            self.reload(AFTER)
            db.execute("SELECT name FROM people")
            db.execute("SELECT name FROM people")
            [line] = self.lines(*missing)
            self.assertIn("postgres", line)
            db.execute("ALTER TABLE people RENAME fone TO phone")
            db.execute("SELECT name FROM people")
            db.execute("DROP TABLE people")
            db.execute("SELECT 1")
            self.lines("people", "the database has no such table")
        self.assertEqual(len(self.lines(*missing)), 1)
