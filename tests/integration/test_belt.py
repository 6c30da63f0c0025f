"""The domains that ``acra-explain --ddl`` prints: by them the database refuses plaintext in each
way that AcraServer cannot see."""

from __future__ import annotations

import psycopg

from acra_twisted.encryption.postgresql import belt
from acra_twisted.encryption.settings import (
    SEARCHABLE,
    ColumnSetting,
    EncryptionSettings,
    TableSetting,
)
from acra_twisted.sandbox.postgres import Postgres, system
from tests.integration.protected import ProtectedCase

CONFIG = """
schemas:
  - table: public.people
    columns: [id, name, email]
    encrypted:
      - {column: name, data_type: str}
      - {column: email, searchable: true, data_type: str}
"""
TABLE = "CREATE TABLE people (id int, name bytea, email bytea)"
SECRET = "Zaphodius"  # noqa: S105 - no password
NAME = ColumnSetting("", "people", "name", data_type="str")
EMAIL = ColumnSetting("", "people", "email", kind=SEARCHABLE, data_type="str")
SETTINGS = EncryptionSettings([TableSetting("", "people", (), {"name": NAME, "email": EMAIL})])
FRESH = (
    "DROP SCHEMA IF EXISTS other CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public;"
    "CREATE SCHEMA other; CREATE TABLE plain (id int, name bytea, email bytea);"
    "CREATE TABLE other.people (id int, name bytea, email bytea);" + TABLE
)
PUT = (
    "CREATE FUNCTION put(x text) RETURNS bool LANGUAGE plpgsql AS "
    "$$ BEGIN EXECUTE 'INSERT INTO peo' || 'ple ({column}) VALUES ($1)' USING x::bytea;"
    " RETURN true; END $$;"
)
USING = (
    "CREATE FUNCTION uses(x text, y text) RETURNS bool LANGUAGE sql AS "
    "$$ INSERT INTO people ({column}) VALUES (y::bytea) RETURNING true $$;"
    "CREATE OPERATOR @!@ (FUNCTION = uses, LEFTARG = text, RIGHTARG = text);"
)
MOVING = (
    "CREATE FUNCTION moving() RETURNS void LANGUAGE sql AS "
    "$$ SELECT set_config('search_path', 'public', false) $$"
)
CHAIN = (
    "CREATE TABLE log (a text); CREATE FUNCTION first() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN INSERT INTO log VALUES (convert_from(NEW.{column}, 'UTF8')); RETURN NEW; END $$;"
    "CREATE TRIGGER t BEFORE INSERT ON plain FOR EACH ROW EXECUTE FUNCTION first();"
    "CREATE FUNCTION second() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    " INSERT INTO people ({column}) VALUES (NEW.a::bytea); RETURN NEW; END $$;"
    "CREATE TRIGGER t BEFORE INSERT ON log FOR EACH ROW EXECUTE FUNCTION second()"
)
FOREIGN = (
    "CREATE EXTENSION IF NOT EXISTS postgres_fdw SCHEMA pg_catalog;"
    "CREATE SERVER IF NOT EXISTS self FOREIGN DATA WRAPPER postgres_fdw"
    " OPTIONS (host '127.0.0.1', port '{port}', dbname 'postgres');"
    "CREATE USER MAPPING IF NOT EXISTS FOR PUBLIC SERVER self OPTIONS (user 'postgres');"
    "CREATE FOREIGN TABLE far (id int, name bytea, email bytea) SERVER self"
    " OPTIONS (schema_name 'public', table_name 'people')"
)
INSERT = "INSERT INTO {table} ({column}) VALUES ('{value}')"
#: What another program does, and what a session that knew the tables before sends.
WAYS = (
    ("DROP TABLE plain; CREATE VIEW plain AS TABLE people", INSERT.format_map),
    (
        "CREATE RULE r AS ON INSERT TO plain DO ALSO"
        " INSERT INTO people ({column}) VALUES (NEW.{column})",
        INSERT.format_map,
    ),
    (PUT, "SELECT put('{value}')".format_map),
    (USING, "SELECT 'a'::text @!@ '{value}'".format_map),
    (CHAIN, INSERT.format_map),
    (MOVING, ("SELECT moving(); " + INSERT.replace("{table}", "people")).format_map),
    (FOREIGN, INSERT.replace("{table}", "far").format_map),
)


class Belt(ProtectedCase):
    config = CONFIG
    table = TABLE
    secrets = (SECRET,)

    @classmethod
    def make_postgres(cls):
        return Postgres(system(), settings=cls.database)

    def setUp(self):
        pass

    def send(self, before, text, column):
        """Send what a session that knew the tables sends behind what another program does."""
        with self.direct() as raw:
            raw.execute(FRESH)
            raw.execute("; ".join(belt.columns(SETTINGS)))
        with self.connect(self.served, prepare_threshold=None) as db:
            db.execute("CREATE INDEX ON public.people (id)")
            db.execute("INSERT INTO plain (id) VALUES (1)")
            if before == MOVING:
                db.execute("SET search_path = other, public")
            with self.direct() as raw:
                raw.execute(before.format(column=column, port=self.postgres.port))
            db.execute(text({"table": "plain", "column": column, "value": SECRET}))

    def test_the_database_refuses_plaintext(self):
        with self.direct() as raw:
            raw.execute("CREATE SCHEMA domains; SET search_path = domains")
            raw.execute("; ".join(belt.domains(SETTINGS)))
            raw.execute("ALTER ROLE postgres SET search_path = public, domains")
        for before, text in WAYS:
            for column in ("name", "email"):
                self.assertTrue(self.is_refused(before, text, column), (before, column))

    def is_refused(self, before, text, column):
        """Tell whether the database refuses it.  Where five seconds have passed AcraServer has
        looked, and refuses it first: then it is sent again."""
        for _ in range(5):
            try:
                self.send(before, text, column)
            except psycopg.errors.CheckViolation:
                return True
            except psycopg.errors.FeatureNotSupported:
                continue
            return False
        return False
