"""Notices to clients: of copies that are not protected, and of searches that find nothing."""

from __future__ import annotations

from contextlib import contextmanager

import psycopg

from acra_twisted import purposes
from tests.integration.protected import ProtectedCase

CONFIG = """
schemas:
  - table: people
    encrypted:
      - column: email
        searchable: true
        data_type: str
      - column: name
        data_type: str
      - column: theirs
        searchable: true
        data_type: str
        client_id: somebody else
      - column: others
        searchable: true
        data_type: str
        client_id: somebody else
"""
TABLE = "CREATE TABLE people (id int, email bytea, name bytea, theirs bytea, others bytea)"
SECRET = "zaphod@example.com"


class ToldToTheClient(ProtectedCase):
    config = CONFIG
    table = TABLE
    secrets = (SECRET,)

    @classmethod
    def make_served(cls):
        for purpose in (purposes.STORAGE_SYMMETRIC, purposes.SEARCH_HMAC):
            cls.keys.writer.generate(purpose, "somebody else")
        return cls.protect(cls.keys)

    def setUp(self):
        super().setUp()
        self.notices = []
        with self.direct() as db:
            db.execute("DROP TABLE IF EXISTS copies, more")

    @contextmanager
    def session(self, **options):
        with self.connect(self.served, **options) as db:
            # What it is called with is empty later.
            db.add_notice_handler(
                lambda one: self.notices.append(
                    (one.severity_nonlocalized, one.sqlstate, one.message_primary)
                )
            )
            yield db

    def told(self):
        """The notices since the last call, as texts."""
        notices, self.notices[:] = list(self.notices), []
        for severity, state, text in notices:
            self.assertEqual((severity, state), ("NOTICE", "00000"))
            self.assertNotIn(SECRET, text)
        return [text for _, _, text in notices]

    def check_copy(self, table="copies", columns="people.email"):
        [told] = self.told()
        self.assertIn(f"table {table} is not protected by AcraServer", told)
        self.assertIn(f"copies of {columns} in it", told)

    def test_tables_that_are_made_of_stored_values(self):
        with self.session() as db:
            db.execute("INSERT INTO people (id, email) VALUES (1, %s)", (SECRET,))
            self.assertEqual(self.told(), [])
            for text in (
                "CREATE TABLE copies AS SELECT id, email FROM people",
                "SELECT id, email INTO copies FROM people",
                "CREATE TEMP TABLE copies AS SELECT email FROM people",
                "EXPLAIN ANALYZE CREATE TABLE copies AS SELECT email FROM people",
                f"CREATE TABLE copies AS SELECT email FROM people WHERE email = '{SECRET}'",
            ):
                for values in (None, ()):
                    db.execute(text, values)
                    self.check_copy()
                    db.execute("DROP TABLE copies")
            db.execute("CREATE TABLE copies AS SELECT * FROM people")
            self.check_copy(columns="people.email, people.name, people.theirs, people.others")
            db.execute("CREATE TABLE more AS SELECT id FROM people WHERE name IS NULL")
            self.assertEqual(self.told(), [])
            self.assertEqual(db.execute("SELECT email FROM people").fetchall(), [(SECRET,)])

    def test_prepared_and_executed_again(self):
        with self.session() as db:
            for _ in range(3):
                text = "SELECT email INTO copies FROM people WHERE id > %s"
                db.execute(text, (0,), prepare=True)
                self.check_copy()
                db.execute("DROP TABLE copies")

    def test_in_a_transaction_and_not_if_it_fails(self):
        with self.session(autocommit=False) as db:
            db.execute("CREATE TABLE copies AS TABLE people")
            self.assertEqual(len(self.told()), 1)
            db.rollback()
            db.execute("SELECT email INTO copies FROM people")
            self.check_copy()
            with self.assertRaises(psycopg.errors.DuplicateTable):
                db.execute("SELECT email INTO copies FROM people")
            self.assertEqual(self.told(), [])
            db.rollback()

    def test_of_several_statements_of_a_text(self):
        with self.session() as db:
            found = db.execute(
                "SELECT 1; SELECT email INTO copies FROM people; SELECT 2;"
                " CREATE TABLE more AS SELECT name FROM people; SELECT 3"
            )
            results = [found.statusmessage]
            while found.nextset():
                results.append(found.statusmessage)
            self.assertEqual(results, ["SELECT 1", "SELECT 0"] * 2 + ["SELECT 1"])
            first, second = self.told()
            self.assertIn("table copies", first)
            self.assertIn("table more", second)

    def test_in_a_pipeline(self):
        with self.session() as db:
            with db.pipeline():
                db.execute("SELECT %s::int", (1,))
                db.execute("SELECT email INTO copies FROM people WHERE id > %s", (0,))
                found = db.execute("SELECT %s::int", (2,))
                self.assertEqual(found.fetchall(), [(2,)])
            self.check_copy()

    def test_searches_in_columns_of_another_owner_once_for_each_column(self):
        literal = f"SELECT id FROM people WHERE theirs = '{SECRET}'"
        bound = "SELECT id FROM people WHERE {} = %s"
        with self.session() as db:
            db.execute(f"SELECT id FROM people WHERE email = '{SECRET}'")
            self.assertEqual(self.told(), [])
            for _ in range(3):
                self.assertEqual(db.execute(literal).fetchall(), [])
            for prepare in (False, True):
                for _ in range(3):
                    db.execute(bound.format("theirs"), (SECRET,), prepare=prepare)
            [told] = self.told()
            self.assertIn("column people.theirs", told)
            with db.transaction():
                db.execute(bound.format("others"), (SECRET,), prepare=True)
            [told] = self.told()
            self.assertIn("column people.others", told)
        # Another session is told as well.
        with self.session() as db:
            db.execute(literal)
            self.assertEqual(len(self.told()), 1)

    def test_a_client_that_asked_for_errors_alone(self):
        with self.session(options="-c client_min_messages=error") as db:
            db.execute("SELECT email INTO copies FROM people")
            db.execute(f"SELECT id FROM people WHERE theirs = '{SECRET}'")
        self.assertEqual(self.told(), [])
