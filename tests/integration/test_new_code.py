"""Functions and triggers that are created through AcraServer: those of other tables pass, and none
stores a protected value in clear."""

from __future__ import annotations

from contextlib import suppress

import psycopg

from tests.integration.protected import ProtectedCase
from tests.integration.test_new_views import CONFIG, SECRETS, TABLE

BODY = "INSERT INTO {table} VALUES (1, x::bytea); SELECT 1"
FUNCTION = "CREATE OR REPLACE FUNCTION put(x text) RETURNS int LANGUAGE sql AS '{body}'"
VIEW = "CREATE VIEW fresh AS SELECT id, name FROM people"
CALL = "SELECT put('Zaphodius')"


class NewCode(ProtectedCase):
    config = CONFIG
    table = TABLE
    secrets = SECRETS

    def past(self, script):
        """Run a script past AcraServer."""
        with self.direct() as db:
            db.execute(script)

    def setUp(self):
        super().setUp()
        self.past("DROP VIEW IF EXISTS fresh; CREATE TABLE IF NOT EXISTS other (a int, b text)")

    def assert_stored(self):
        """Every name that is stored is sealed."""
        with self.direct() as db:
            for (name,) in db.execute("SELECT name FROM people").fetchall():
                self.assert_sealed(bytes(name))

    def test_code_of_other_tables_passes(self):
        with self.connect(self.served) as db:
            db.execute(
                "CREATE OR REPLACE FUNCTION twice(x int) RETURNS int LANGUAGE sql AS"
                " $$ SELECT x * 2 $$"
            )
            db.execute(
                "CREATE OR REPLACE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS"
                " $$ BEGIN EXECUTE 'SELECT 1'; NEW.b := 'noted'; RETURN NEW; END $$"
            )
            db.execute(
                "CREATE OR REPLACE TRIGGER t BEFORE INSERT ON other"
                " FOR EACH ROW EXECUTE FUNCTION noted('a')"
            )
            self.assertEqual(db.execute("SELECT twice(4)").fetchone(), (8,))
            found = db.execute("INSERT INTO other VALUES (1) RETURNING b").fetchone()
            self.assertEqual(found, ("noted",))

    def test_rules_of_other_tables_pass_and_those_that_write_to_it_do_not(self):
        self.past("CREATE TABLE IF NOT EXISTS noted (b text); TRUNCATE noted, other")
        rule = "CREATE OR REPLACE RULE r AS ON INSERT TO other DO ALSO INSERT INTO {} VALUES ({})"
        with self.connect(self.served) as db:
            db.execute(rule.format("noted", "NEW.b || '\\'"))
            db.execute("INSERT INTO other VALUES (1, 'a')")
            self.assertEqual(db.execute("SELECT b FROM noted").fetchone(), ("a\\",))
            db.execute(VIEW)
            for table in ("people", "fresh"):
                with self.assertRaises(psycopg.errors.FeatureNotSupported, msg=table):
                    db.execute(rule.format(f"{table} (name)", "NEW.b::bytea"))
            db.execute("DROP RULE r ON other")
        self.assert_stored()

    def test_code_that_names_a_protected_table_does_not(self):
        for table in ("people", 'public."people"', "PEOPLE"):
            text = FUNCTION.format(body=BODY.format(table=table))
            refused = self.assertRaises(psycopg.errors.FeatureNotSupported, msg=table)
            with self.connect(self.served) as db, refused:
                db.execute(text)
        self.assert_stored()

    def test_code_that_names_a_new_view_of_it_does_not(self):
        function = FUNCTION.format(body=BODY.format(table="fresh"))
        texts = (VIEW, function, CALL)
        for ways in (("; ".join(texts),), (f"{VIEW}; {function}", CALL), texts):
            for autocommit in (True, False):
                self.past("DROP VIEW IF EXISTS fresh")
                db = self.connect(self.served, autocommit=autocommit)
                with db, self.assertRaises(psycopg.Error):
                    for text in ways:
                        db.execute(text)
                self.assert_stored()

    def test_nor_does_it_where_nobody_waits_for_an_answer(self):
        for text in (CALL, "INSERT INTO fresh VALUES (1, 'Zaphodius')"):
            self.past("DROP VIEW IF EXISTS fresh")
            with self.connect(self.served) as db, suppress(psycopg.Error), db.pipeline():
                db.execute(VIEW)
                db.execute(FUNCTION.format(body=BODY.format(table="fresh")))
                db.execute(text)
            self.assert_stored()
