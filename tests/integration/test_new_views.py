"""Views of a protected table that another program has made a moment ago: nothing is written in
clear through them."""

from __future__ import annotations

import psycopg

from tests.integration.protected import ProtectedCase

CONFIG = """
schemas:
  - table: people
    columns: [id, name, email]
    encrypted:
      - column: name
        data_type: str
      - column: email
        data_type: str
        searchable: true
"""
TABLE = "CREATE TABLE people (id int, name bytea, email bytea)"
SECRETS = ("Zaphodius",)
VALUES = "(id, name) VALUES (1, 'Zaphodius')"


class NewViews(ProtectedCase):
    config = CONFIG
    table = TABLE
    secrets = SECRETS

    def past(self, script):
        """The rows of the last statement of a script, past AcraServer."""
        with self.direct() as db:
            found = db.execute(script)
            return found.fetchall() if found.description else []

    def check(self, write):
        """Write through a view that is new, by what ``write`` does; what is stored is sealed."""
        with self.connect(self.served, prepare_threshold=None) as db:
            self.past(
                f"DROP TABLE IF EXISTS people, plain CASCADE; {TABLE}; CREATE TABLE plain (id int)"
            )
            db.execute("INSERT INTO people VALUES (0, 'Zaphodius')")
            db.execute("INSERT INTO plain VALUES (1)")
            self.past("CREATE VIEW fresh AS SELECT id, name FROM people")
            try:
                write(db)
            except psycopg.Error as error:
                self.assertIn("AcraServer", str(error))
            rows = self.past("SELECT name FROM people")
            self.assertTrue(rows)
            for (name,) in rows:
                self.assert_sealed(bytes(name))
            return len(rows)

    def test_texts(self):
        for text in (
            f"INSERT INTO fresh {VALUES}",
            f'INSERT INTO public."fresh" {VALUES}',
            f"INSERT /* c */ INTO fresh {VALUES}",
            f"SELECT 1; INSERT INTO fresh {VALUES}",
            f"WITH w AS (INSERT INTO fresh {VALUES} RETURNING 1) SELECT count(*) FROM w",
            "UPDATE fresh SET name = 'Zaphodius'",
            "MERGE INTO fresh USING (SELECT 1 AS n) s ON false WHEN NOT MATCHED THEN "
            f"INSERT {VALUES}",
        ):
            rows = self.check(lambda db, text=text: db.execute(text))
            self.assertEqual(rows, 1 if text.startswith("UPDATE") else 2, text)

    def test_parameters(self):
        text = "INSERT INTO fresh (id, name) VALUES (%s, %s)"
        for prepare in (True, False):
            rows = self.check(
                lambda db, prepare=prepare: db.execute(text, (1, "Zaphodius"), prepare=prepare)
            )
            self.assertEqual(rows, 2)

    def test_rows_that_are_copied_to_a_table_that_inherits(self):
        def write(db):
            self.past("CREATE TABLE kid () INHERITS (people)")
            with db.cursor().copy("COPY kid (id, name) FROM STDIN") as copy:
                copy.write(b"1\tZaphodius\n")

        self.assertEqual(self.check(write), 2)

    def test_a_transaction_that_cannot_see_it(self):
        with self.connect(self.served, prepare_threshold=None) as db:
            db.execute("INSERT INTO people VALUES (0, 'Zaphodius')")
            db.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            with self.assertRaises(psycopg.Error) as caught, db.transaction():
                db.execute("SELECT 1 FROM people")
                self.past("CREATE VIEW later AS SELECT id, name FROM people")
                db.execute("INSERT INTO later (id, name) VALUES (1, 'Zaphodius')")
        self.assertIn("AcraServer", str(caught.exception))

    def test_inside_a_transaction(self):
        def write(db):
            with db.transaction():
                db.execute("SELECT 1")
                db.execute(f"INSERT INTO fresh {VALUES}")

        self.check(write)

    def test_one_that_keeps_its_rows_is_read_and_searched_at_once(self):
        made = "CREATE MATERIALIZED VIEW kept AS SELECT id, name, email FROM people"
        for make in (made, f"EXPLAIN ANALYZE {made}", f"SELECT 1; {made}"):
            for in_transaction in (False, True):
                with self.connect(self.served, prepare_threshold=None) as db:
                    self.past(f"DROP TABLE IF EXISTS people CASCADE; {TABLE}")
                    db.execute("CREATE INDEX ON people (id)")
                    db.execute("INSERT INTO people VALUES (1, 'Zaphodius', 'z@example.com')")
                    if in_transaction:
                        db.execute("BEGIN")
                    db.execute(make)
                    self.assertEqual(
                        db.execute("SELECT * FROM kept WHERE email = 'z@example.com'").fetchall(),
                        [(1, "Zaphodius", "z@example.com")],
                    )
                    again = made.replace("VIEW", "VIEW IF NOT EXISTS")
                    self.assertEqual(db.execute(again).statusmessage, "CREATE MATERIALIZED VIEW")
                    if in_transaction:
                        db.execute("COMMIT")
                    db.execute("DROP MATERIALIZED VIEW kept")
        self.assert_not_logged("z@example.com")

    def test_one_that_could_not_be_read_is_not_made(self):
        union = "SELECT id, email FROM people UNION ALL SELECT id, email FROM people"
        with self.connect(self.served) as db:
            db.execute("INSERT INTO people VALUES (1, 'Zaphodius', 'z@example.com')")
            for kind in ("VIEW", "MATERIALIZED VIEW"):
                with self.assertRaisesRegex(psycopg.errors.FeatureNotSupported, "people.email"):
                    db.execute(f"CREATE {kind} twice AS {union}")
            self.assertEqual(db.execute(union).fetchall(), [(1, "z@example.com")] * 2)
