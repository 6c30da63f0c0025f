"""Transactions that see the database as it was: definitions hold for them as they are now."""

from __future__ import annotations

import psycopg

from tests.integration.protected import BEGIN, ProtectedCase

SECRET = "Zaphodius"
LEVELS = psycopg.IsolationLevel


class OldSnapshots(ProtectedCase):
    config = "schemas: [{table: people, encrypted: [{column: name, data_type: str}]}]"
    table = "CREATE TABLE people (id int, name bytea)"
    secrets = (SECRET,)

    def setUp(self):
        super().setUp()
        self.raw = self.direct()
        self.addCleanup(self.raw.close)
        self.raw.execute("DROP TABLE IF EXISTS others; CREATE TABLE others (id int, name bytea)")
        self.raw.execute("CREATE VIEW v AS SELECT * FROM others")

    def session(self, level):
        """A session whose next statement begins a transaction."""
        db = self.connect(self.served, autocommit=False)
        self.addCleanup(db.close)
        db.isolation_level = level
        return db

    def begin(self, level, *texts):
        """A view shows a protected column by now, and a transaction began before."""
        self.raw.execute("TRUNCATE people, others")
        self.raw.execute("CREATE OR REPLACE VIEW v AS SELECT * FROM others")
        db = self.session(level)
        for text in ("SELECT count(*) FROM others", "SELECT count(*) FROM people", *texts):
            db.execute(text)
        with self.connect(self.served) as other:
            other.execute("CREATE OR REPLACE VIEW v AS SELECT * FROM people")
        return db

    def assert_encrypted(self, number):
        found = self.raw.execute("SELECT name FROM people").fetchall()
        self.assertEqual(len(found), number)
        for (name,) in found:
            self.assertIn(BEGIN, name)

    def test_one_that_sees_old_tables_is_refused(self):
        for level in (LEVELS.REPEATABLE_READ, LEVELS.SERIALIZABLE):
            for value, given in ((f"'{SECRET}'", None), ("%s", (SECRET,))):
                db = self.begin(level)
                with self.assertRaises(psycopg.errors.FeatureNotSupported) as caught:
                    db.execute(f"INSERT INTO v VALUES (1, {value})", given)
                self.assertIn("changed since the transaction began", str(caught.exception))
                db.rollback()
                self.assert_encrypted(0)
                # Another transaction sees them.
                db.execute(f"INSERT INTO v VALUES (1, {value})", given)
                db.commit()
                self.assert_encrypted(1)

    def test_one_that_sees_them_as_they_are_goes_on(self):
        for texts in ((), ("CREATE TABLE IF NOT EXISTS mine (a int)",)):
            for value, given in ((f"'{SECRET}'", None), ("%s", (SECRET,))):
                db = self.begin(LEVELS.READ_COMMITTED, *texts)
                db.execute(f"INSERT INTO v VALUES (1, {value})", given)
                db.commit()
                self.assert_encrypted(1)

    def test_its_own_changes_are_seen_by_every_transaction(self):
        for level in LEVELS:
            self.raw.execute("TRUNCATE people, others")
            self.raw.execute("CREATE OR REPLACE VIEW v AS SELECT * FROM others")
            db = self.session(level)
            db.execute("INSERT INTO people VALUES (1, %s)", (SECRET,))
            db.execute("CREATE OR REPLACE VIEW v AS SELECT * FROM people")
            db.execute("INSERT INTO v VALUES (1, %s)", (SECRET,))
            db.execute(f"INSERT INTO v VALUES (1, '{SECRET}')")
            db.commit()
            self.assert_encrypted(3)
