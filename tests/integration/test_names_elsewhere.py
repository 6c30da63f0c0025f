"""Names that mean another relation of PostgreSQL than they seem to: temporary views, views that get
another name, schemas that come into the search path.  Nothing is written in clear through them."""

from __future__ import annotations

import time

import psycopg

from acra_twisted.encryption.postgresql.keeper import LOOK
from acra_twisted.sandbox.postgres import SUPERUSER, Postgres, system
from tests.integration.protected import ProtectedCase

CONFIG = """
schemas:
  - table: people
    columns: [id, name, note]
    encrypted:
      - column: name
        data_type: str
  - table: hr.pay
    columns: [id, name]
    encrypted:
      - column: name
        data_type: str
"""
TABLE = "CREATE TABLE people (id int, name bytea, note bytea)"
SECRET = "Zaphodius"  # noqa: S105 - no password
TABLES = (
    "DROP SCHEMA IF EXISTS hr, other, public CASCADE; CREATE SCHEMA public; CREATE SCHEMA hr;"
    "GRANT ALL ON SCHEMA public TO public; CREATE TABLE hr.pay (id int, name bytea);"
    "CREATE TABLE pay (id int, name bytea); CREATE TABLE plain (id int, name bytea);" + TABLE
)
VALUES = f"(id, name) VALUES (1, '{SECRET}')"
SHOWN = "AS SELECT id, name FROM people"
FRESH = f"CREATE VIEW fresh {SHOWN}"
EXISTS = "WHERE EXISTS (SELECT FROM tmp)"
PATH = "SET search_path = pg_temp, public"
MAKING = (
    "CREATE OR REPLACE FUNCTION making() RETURNS void LANGUAGE plpgsql AS "
    "$$ BEGIN CREATE TEMP TABLE tmp (id int); INSERT INTO tmp VALUES (1); END $$"
)
MOVING = (
    "CREATE OR REPLACE FUNCTION moving() RETURNS void LANGUAGE plpgsql AS "
    "$$ BEGIN PERFORM set_config('search_path', 'pg_temp, public', false); END $$"
)
RENAMING = (
    "CREATE FUNCTION renaming() RETURNS void LANGUAGE plpgsql AS "
    "$$ BEGIN EXECUTE 'ALTER VIEW fr' || 'esh RENAME TO x'; END $$"
)
#: What another program does, and what a session sends then; each ends with what writes.
TEMPORARY = (
    ("", PATH, f"CREATE VIEW v {SHOWN}", f"INSERT INTO v {VALUES}"),
    ("", PATH, f"CREATE VIEW plain {SHOWN}", f"INSERT INTO plain {VALUES}"),
    (
        *("", "CREATE TEMP TABLE tmp (id int)", "INSERT INTO tmp VALUES (1)"),
        *(f"CREATE VIEW v {SHOWN} {EXISTS}", f"INSERT INTO v {VALUES}"),
    ),
    (MAKING, "SELECT making()", f"CREATE VIEW v {SHOWN} {EXISTS}", f"INSERT INTO v {VALUES}"),
    (FRESH, "CREATE TEMP VIEW v AS TABLE fresh", f"INSERT INTO v {VALUES}"),
    (
        *("", "CREATE TEMP VIEW v AS SELECT 1 AS id, ''::bytea AS name", PATH),
        *(f"CREATE OR REPLACE VIEW v {SHOWN}", f"INSERT INTO v {VALUES}"),
    ),
    (
        *("", PATH, "CREATE VIEW people AS SELECT id, name AS note, note AS name FROM people"),
        f"INSERT INTO people (id, note) VALUES (1, '{SECRET}')",
    ),
    ("", PATH, "CREATE TABLE kid () INHERITS (people)", f"INSERT INTO kid {VALUES}"),
)
#: What another program does, and what a session sends in one text, or in one batch; what is made so
#: is temporary.
TOGETHER = (
    (MAKING, "SELECT making()", f"CREATE VIEW v {SHOWN} {EXISTS}"),
    (MOVING, "SELECT moving()", f"CREATE VIEW v {SHOWN}"),
    (MOVING, "SELECT moving()", "CREATE TABLE v () INHERITS (people)"),
    (
        *(MAKING.replace("id int", "id int, name bytea, note bytea"), "SELECT making()"),
        "ALTER TABLE tmp INHERIT people",
    ),
    (
        *("", "CREATE TEMP TABLE tmp (id int, name bytea, note bytea)"),
        "ALTER TABLE tmp INHERIT people",
    ),
)
#: A function that another program has made of parts, and that makes something temporary.
HIDDEN = (
    "CREATE OR REPLACE FUNCTION hidden() RETURNS void LANGUAGE plpgsql AS "
    "$$ BEGIN EXECUTE 'CREATE TEMP {made} peo' || '{end}'; END $$"
)
BEHIND = (
    ("VIEW v AS SELECT id, name FROM", "ple"),
    ("TABLE v () INHERITS (", "ple)"),
    ("VIEW w AS SELECT id, name FROM", "ple; CREATE TEMP VIEW v AS TABLE w"),
)
RENAMED = (
    (FRESH, f"ALTER VIEW fresh RENAME TO x; INSERT INTO x {VALUES}"),
    (FRESH, f"CREATE VIEW x AS TABLE fresh; INSERT INTO x {VALUES}"),
    (RENAMING + ";" + FRESH, f"SELECT renaming(); INSERT INTO x {VALUES}"),
    (FRESH, "DROP TABLE plain", "CREATE VIEW plain AS TABLE fresh", f"INSERT INTO plain {VALUES}"),
    (
        *(FRESH, "ALTER TABLE plain RENAME TO x", "ALTER VIEW fresh RENAME TO plain"),
        f"INSERT INTO plain {VALUES}",
    ),
    (
        FRESH,
        "CREATE FUNCTION f(bytea) RETURNS void LANGUAGE sql AS "
        f"$$ INSERT INTO fresh (id, name) VALUES (1, $1)$$; SELECT f('{SECRET}')",
    ),
    (
        f"CREATE SCHEMA other; CREATE VIEW other.plain {SHOWN}",
        f"SET search_path = other; INSERT INTO plain {VALUES}",
    ),
)
ATTACHED = (
    "DROP TABLE plain; CREATE TABLE plain (id int, name bytea, note bytea)",
    "ALTER TABLE people INHERIT plain",
)


class Elsewhere(ProtectedCase):
    config = CONFIG
    table = TABLE
    secrets = (SECRET,)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.past("CREATE ROLE low LOGIN; CREATE ROLE lower LOGIN; CREATE ROLE high")

    def setUp(self):
        self.past(TABLES)

    @classmethod
    def past(cls, script):
        """Run a script past AcraServer."""
        with cls.direct() as db:
            db.execute(script)

    def begun(self, user=SUPERUSER):
        """A session that knows the tables, and that plain is one that is not protected."""
        db = self.connect(self.served, prepare_threshold=None, user=user)
        self.addCleanup(db.close)
        self.send(db, "CREATE INDEX ON people (id)")
        db.execute("INSERT INTO plain (id) VALUES (7)")
        return db

    def send(self, db, *texts):
        """Send texts, whatever becomes of each."""
        for text in texts:
            try:
                db.execute(text)
            except psycopg.Error:
                db.rollback()

    def assert_nothing_in_clear(self, *about):
        with self.direct() as db:
            for table in ("public.people", "hr.pay"):
                for (name,) in db.execute(f"SELECT name FROM {table}").fetchall():
                    if name is not None:
                        self.assertNotIn(SECRET.encode(), bytes(name), about)

    def attempt(self, before, *texts):
        self.past(TABLES)
        with self.begun() as db:
            self.past(before)
            self.send(db, *texts)
        self.assert_nothing_in_clear(before, texts)

    def test_views_that_are_temporary_by_themselves(self):
        for one in TEMPORARY:
            self.attempt(*one)

    def test_the_same_in_a_transaction(self):
        for before, *texts in TEMPORARY:
            self.attempt(before, "BEGIN", *texts, "COMMIT")

    def test_code_that_runs_before_a_definition_in_a_text_or_a_batch(self):
        for before, *texts in TOGETHER:
            for is_batch in (False, True):
                self.past(TABLES)
                with self.begun() as db:
                    self.past(before)
                    with self.assertRaises(psycopg.Error, msg=(texts, is_batch)):
                        if is_batch:
                            with db.pipeline():
                                for text in texts:
                                    db.execute(text)
                        else:
                            db.execute("; ".join(texts))

    def test_something_temporary_that_a_function_has_made(self):
        for made, end in BEHIND:
            self.past(HIDDEN.format(made=made, end=end))
            for texts in (
                ("SELECT hidden()", f"INSERT INTO v {VALUES}"),
                ("BEGIN", "SELECT hidden()", f"INSERT INTO v {VALUES}"),
                ("SELECT hidden()", f"UPDATE v SET name = '{SECRET}'"),
            ):
                with self.begun() as db:
                    for text in texts[:-1]:
                        db.execute(text)
                    with self.assertRaises(psycopg.Error, msg=(made, texts)):
                        db.execute(texts[-1])
            with self.begun() as db, self.assertRaises(psycopg.Error, msg=made), db.pipeline():
                db.execute("SELECT hidden()")
                db.execute(f"INSERT INTO v {VALUES}")
        self.assert_nothing_in_clear()

    def test_other_temporary_views_and_tables_are_written(self):
        with self.begun() as db:
            db.execute("CREATE TEMP TABLE above (id int, name text)")
            db.execute("CREATE TEMP TABLE below () INHERITS (above)")
            db.execute("CREATE TEMP VIEW shown AS TABLE above")
            for table in ("above", "below", "shown"):
                db.execute(f"INSERT INTO {table} {VALUES}")
            self.assertEqual(db.execute("SELECT count(*) FROM shown").fetchone(), (3,))

    def test_names_that_a_session_gives_to_something_else(self):
        for one in RENAMED:
            self.attempt(*one)

    def test_a_definition_that_is_executed_later(self):
        with self.begun() as db:
            db.execute("CREATE TABLE tmp (id int)")
            view = f"CREATE VIEW v {SHOWN} {EXISTS}"
            db.execute(view, prepare=True)
            self.send(db, "DROP VIEW v", "CREATE TEMP TABLE tmp (id int)")
            self.send(db, "INSERT INTO tmp VALUES (1)")
            with self.assertRaises(psycopg.Error):
                db.execute(view, prepare=True)
            self.send(db, f"INSERT INTO v {VALUES}")
        self.assert_nothing_in_clear()

    def test_a_parent_that_another_program_has_just_given_to_the_table(self):
        with self.begun() as db:
            self.past("; ".join(ATTACHED))
            self.send(db, "DROP TABLE IF EXISTS nothing, plainer", "SELECT 1")
            self.send(db, "ALTER TABLE plain SET (fillfactor = 90)")
            db.execute(f"INSERT INTO people {VALUES}")
            self.send(db, f"UPDATE plain SET name = '{SECRET}'")
        self.assert_nothing_in_clear()

    def test_schemas_that_come_into_the_path(self):
        """Others make one, or give the right to see it."""
        self.past("GRANT ALL ON hr.pay, pay, plain, people TO low, lower")
        self.past("GRANT USAGE ON SCHEMA hr TO high; ALTER TABLE people OWNER TO high")
        sessions = {user: self.begun(user) for user in ("low", "lower", SUPERUSER)}
        for db in sessions.values():
            db.execute("SET search_path = other, hr, public")
            self.send(db, "SELECT count(*) FROM pay")
        sessions[SUPERUSER].execute("GRANT USAGE ON SCHEMA hr TO low")
        self.send(sessions["low"], f"INSERT INTO pay {VALUES}")
        self.assert_nothing_in_clear("granted by a session")
        self.past("GRANT high TO lower")
        self.past(
            "DROP SCHEMA hr CASCADE; CREATE SCHEMA hr; CREATE TABLE hr.pay (id int, name bytea)"
        )
        self.past("GRANT USAGE ON SCHEMA hr TO high; GRANT ALL ON hr.pay TO low, lower")
        time.sleep(LOOK + 0.5)
        for user in ("lower", SUPERUSER):
            self.send(sessions[user], "SELECT 1", f"INSERT INTO pay {VALUES}")
        self.past("REVOKE high FROM lower")
        self.assert_nothing_in_clear("granted past AcraServer")

    def test_questions_about_names_have_no_value(self):
        """A text that defines something has its names looked up; values are none of them."""
        planted = "Trillianus"
        with self.begun() as db:
            for text in (
                f"INSERT INTO people (name) VALUES ('{planted}'); CREATE TABLE made (id int)",
                f"ALTER TABLE people ALTER name SET DEFAULT '{planted}'",
                f"CREATE TABLE people AS SELECT $${planted}$$ AS name",
                f"CREATE VIEW v AS SELECT id FROM people WHERE name = E'{planted}'",
            ):
                self.send(db, text)
        self.assert_not_logged(planted, planted.lower(), planted.encode().hex())
        self.assert_nothing_in_clear()


class Unreported(ProtectedCase):
    """A PostgreSQL that does not report its search path."""

    config = CONFIG
    table = TABLE
    secrets = (SECRET,)

    @classmethod
    def make_postgres(cls):
        return Postgres(system(), settings=cls.database)

    def test_a_path_that_a_function_sets(self):
        with self.direct() as raw:
            raw.execute(TABLES)
            raw.execute(MOVING.replace("pg_temp, public", "hr, public"))
        for prepare in (False, True):
            with self.connect(self.served, prepare_threshold=None) as db:
                for moves in (False, True):
                    if moves:
                        db.execute("SELECT moving()")
                    texts = (
                        "INSERT INTO pay (id, name) VALUES (1, %s)",
                        "UPDATE pay SET name = %s",
                    )
                    for text in texts:
                        try:
                            db.execute(text, (SECRET,), prepare=prepare)
                        except psycopg.errors.FeatureNotSupported:
                            db.execute(text.replace("%s", f"'{SECRET}'"))
        with self.direct() as raw:
            rows = raw.execute("SELECT name FROM hr.pay").fetchall()
        self.assertEqual(len(rows), 2)
        for (name,) in rows:
            self.assert_sealed(bytes(name))

    def test_a_path_that_sql_executes(self):
        moving = "SELECT set_config('search_path', 'hr, public', false)"
        with self.direct() as raw:
            raw.execute(TABLES)
        for texts in (
            (f"PREPARE s AS {moving}", "EXECUTE s"),
            (f"SELECT 1; PREPARE s AS {moving}", "EXECUTE s"),
            (moving,),
        ):
            with self.connect(self.served, prepare_threshold=None) as db:
                db.execute("INSERT INTO pay (id) VALUES (1)")
                for text in texts:
                    db.execute(text)
                db.execute(f"INSERT INTO pay {VALUES}")
        with self.direct() as raw:
            rows = raw.execute("SELECT name FROM hr.pay").fetchall()
        self.assertEqual(len(rows), 3)
        for (name,) in rows:
            self.assert_sealed(bytes(name))
