"""Tables that are not protected, and that write to a protected one by themselves: by triggers,
rules, constraints and the like that another program has made.  Nothing is stored in clear."""

from __future__ import annotations

import psycopg

from acra_twisted.sandbox.postgres import Postgres, system
from tests.integration.protected import ProtectedCase

CONFIG = """
schemas:
  - table: people
    columns: [id, name]
    encrypted:
      - column: name
        data_type: str
"""
TABLE = "CREATE TABLE people (id int, name bytea)"
SECRET = "Zaphodius"  # noqa: S105 - no password
FRESH = (
    "DROP SCHEMA public CASCADE; CREATE SCHEMA public; CREATE TABLE people (id int, name bytea);"
    "CREATE TABLE other (id int, a text); INSERT INTO other VALUES (1, 'first');"
)
#: A function of this kind writes what it is given.
PUT = (
    "CREATE FUNCTION {name}(x text) RETURNS bool LANGUAGE plpgsql AS "
    "$$ BEGIN INSERT INTO public.people (name) VALUES (x::bytea); RETURN true; END $$;"
)
#: One that says it is none of this kind.
LIE = PUT.format(name="put") + (
    "CREATE FUNCTION lie(x text) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS "
    "$$ BEGIN PERFORM public.put(x); RETURN true; END $$;"
)
TRIGGER = (
    "CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN INSERT INTO people (name) VALUES (NEW.a::bytea); RETURN NEW; END $$;"
    "CREATE TRIGGER t BEFORE INSERT OR UPDATE ON other FOR EACH ROW EXECUTE FUNCTION {name}()"
)
OUTER = (
    "CREATE FUNCTION outer_one() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN PERFORM put(NEW.a); RETURN NEW; END $$;"
    "CREATE TRIGGER t BEFORE INSERT OR UPDATE ON other FOR EACH ROW EXECUTE FUNCTION outer_one()"
)
RULE = "CREATE RULE r AS ON {event} TO other DO ALSO INSERT INTO people (name) VALUES ({value})"
WRITERS = (
    TRIGGER.format(name="put"),
    PUT.format(name="put") + OUTER,
    RULE.format(event="INSERT", value="NEW.a::bytea")
    + ";"
    # The other one is for UPDATE.
    + RULE.format(event="UPDATE", value="NEW.a::bytea").replace("RULE r", "RULE s"),
    PUT.format(name="put") + "ALTER TABLE other ADD CHECK (put(a))",
    LIE + "CREATE INDEX ON other (lie(a))",
    PUT.format(name="put") + "CREATE DOMAIN d AS text CHECK (put(VALUE));"
    "ALTER TABLE other ALTER a TYPE d",
    LIE + "ALTER TABLE other ADD b bool GENERATED ALWAYS AS (lie(a)) STORED",
)
WRITES = (
    f"INSERT INTO other VALUES (2, '{SECRET}')",
    f"UPDATE other SET a = '{SECRET}'",
    f"WITH w AS (UPDATE other SET a = '{SECRET}' RETURNING 1) SELECT * FROM w",
    f"PREPARE p AS INSERT INTO other VALUES (2, $1); EXECUTE p('{SECRET}')",
)
#: Tables to which foreign keys of the protected one may refer.
KEYS = (
    "CREATE TABLE above (k bytea, n int); CREATE TABLE keys (k bytea PRIMARY KEY, n int UNIQUE)"
    " INHERITS (above); CREATE VIEW shown AS TABLE keys;"
    "CREATE TABLE first (k bytea PRIMARY KEY, n int);"
    "ALTER TABLE keys ADD FOREIGN KEY (k) REFERENCES first ON UPDATE CASCADE NOT VALID;"
    "ALTER TABLE keys DISABLE TRIGGER ALL; INSERT INTO first VALUES ('');"
    "ALTER TABLE people ADD note bytea UNIQUE, ADD n int"
)
CASCADE = "ON UPDATE CASCADE"
AGGREGATE = (
    "CREATE FUNCTION put(x text, y text) RETURNS text LANGUAGE plpgsql AS "
    "$$ BEGIN INSERT INTO people (name) VALUES (y::bytea); RETURN y; END $$;"
    "CREATE AGGREGATE last_one(text) (SFUNC = put, STYPE = text)"
)


class ByThemselves(ProtectedCase):
    config = CONFIG
    table = TABLE
    secrets = (SECRET,)

    @classmethod
    def make_served(cls):
        return cls.protect(cls.keys, {"encryptor": {"trusted_functions": "trusted"}})

    def setUp(self):
        pass

    def past(self, script):
        """Run a script past AcraServer."""
        with self.direct() as db:
            db.execute(script)

    def session(self):
        """A session that knows the tables as they are now."""
        db = self.connect(self.served, prepare_threshold=None)
        self.addCleanup(db.close)
        db.execute("CREATE INDEX ON people (id)")
        return db

    def assert_nothing_is_stored(self, about):
        with self.direct() as db:
            found = db.execute("SELECT count(*) FROM people WHERE name LIKE '%Zaph%'").fetchone()
        self.assertEqual(found, (0,), about)

    def test_they_are_not_written(self):
        for writer in WRITERS:
            self.past(FRESH + writer + "; DELETE FROM people")
            with self.session() as db:
                for text in WRITES:
                    with self.assertRaises(psycopg.errors.FeatureNotSupported, msg=(writer, text)):
                        db.execute(text)
                with (
                    self.assertRaises(psycopg.errors.FeatureNotSupported, msg=writer),
                    db.cursor() as cursor,
                    cursor.copy("COPY other (id, a) FROM STDIN") as copying,
                ):
                    copying.write(f"2\t{SECRET}\n")
                self.assertEqual(db.execute("SELECT a FROM other").fetchone(), ("first",))
            self.assert_nothing_is_stored(writer)

    def test_one_with_a_trigger_that_is_new_is_not_written_either(self):
        self.past(FRESH)
        with self.session() as db:
            db.execute("INSERT INTO people (id) VALUES (1)")
            self.past(TRIGGER.format(name="put"))
            with self.assertRaises(psycopg.errors.FeatureNotSupported):
                db.execute(WRITES[0])
        self.assert_nothing_is_stored("a new trigger")

    def test_what_writes_such_a_table_is_not_written_either(self):
        self.past(FRESH + TRIGGER.format(name="put"))
        self.past(
            "CREATE TABLE above (id int, a text); ALTER TABLE other INHERIT above;"
            "CREATE VIEW shown AS TABLE above; CREATE TABLE ruled (id int, a text);"
            "CREATE RULE r AS ON INSERT TO ruled DO ALSO INSERT INTO shown VALUES (NEW.*);"
            "CREATE TABLE apart (id int, a text)"
        )
        with self.session() as db:
            for table in ("above", "shown", "ruled"):
                with self.assertRaises(psycopg.errors.FeatureNotSupported, msg=table):
                    db.execute(f"INSERT INTO {table} VALUES (2, '{SECRET}')")
            db.execute("INSERT INTO apart VALUES (2, 'a')")
        self.assert_nothing_is_stored("above")

    def test_keys_that_a_protected_column_would_get_new_values_from(self):
        for key, *tables in (
            ("keys (k)", "keys", "above", "shown", "first"),
            ("people (note)", "people"),
        ):
            self.past(FRESH + KEYS)
            with self.session() as db:
                db.execute("INSERT INTO people (id, name) VALUES (1, 'known')")
                self.past("UPDATE people SET note = name; INSERT INTO keys SELECT name FROM people")
                db.execute(f"ALTER TABLE people ADD FOREIGN KEY (name) REFERENCES {key} {CASCADE}")
                column = key.partition("(")[2].strip(")")
                for table in tables:
                    with self.assertRaises(psycopg.errors.FeatureNotSupported, msg=table):
                        db.execute(f"UPDATE {table} SET {column} = '{SECRET}'")
                    self.assertEqual(db.execute(f"SELECT n FROM {table}").fetchone(), (None,))
            self.assert_nothing_is_stored(key)

    def test_keys_that_other_columns_get_new_values_from_are_written(self):
        self.past(FRESH + KEYS)
        with self.session() as db:
            db.execute(f"ALTER TABLE people ADD FOREIGN KEY (n) REFERENCES keys (n) {CASCADE}")
            db.execute("INSERT INTO keys (k, n) VALUES ('a', 1)")
            db.execute("INSERT INTO people (n) VALUES (1)")
            db.execute("UPDATE keys SET n = 2")
            self.assertEqual(db.execute("SELECT n FROM people").fetchone(), (2,))

    def test_columns_that_the_database_would_compute(self):
        self.past(FRESH)
        with self.session() as db:
            db.execute("CREATE TABLE base (id int, note bytea); DROP TABLE people")
            db.execute(
                "CREATE TABLE late (note bytea, name bytea GENERATED ALWAYS AS (note) STORED)"
            )
            db.execute("INSERT INTO late VALUES ('known')")
            db.execute("ALTER TABLE late RENAME TO people")
            for text in (
                f"UPDATE people SET note = '{SECRET}'",
                f"INSERT INTO people (note) VALUES ('{SECRET}')",
            ):
                with self.assertRaises(psycopg.errors.FeatureNotSupported, msg=text):
                    db.execute(text)
            db.execute("ALTER TABLE people DROP COLUMN name, ADD COLUMN id int")
            db.execute("ALTER TABLE people INHERIT base")
            default = f"ALTER TABLE base ADD COLUMN name bytea DEFAULT '{SECRET}'"
            with self.assertRaises(psycopg.errors.FeatureNotSupported):
                db.execute(default)
            db.execute("ALTER TABLE base ADD COLUMN name bytea")
        self.assert_nothing_is_stored("computed")

    def test_functions_that_are_trusted_run(self):
        self.past(FRESH + TRIGGER.format(name="trusted"))
        with self.session() as db:
            db.execute("INSERT INTO other VALUES (2, 'second')")
            self.assertEqual(db.execute("SELECT count(*) FROM people").fetchone(), (1,))

    def test_aggregates_are_functions(self):
        self.past(FRESH + AGGREGATE)
        with self.session() as db, self.assertRaises(psycopg.errors.FeatureNotSupported):
            db.execute(f"SELECT last_one('{SECRET}')")
        self.assert_nothing_is_stored(AGGREGATE)


class Older(ByThemselves):
    """The same in an older PostgreSQL."""

    @classmethod
    def make_postgres(cls):
        return Postgres(system(), settings=cls.database)
