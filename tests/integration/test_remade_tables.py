"""Tables that are made anew past AcraServer, with their columns in another order."""

from __future__ import annotations

import time

import psycopg

from acra_twisted.encryption.postgresql.keeper import LOOK
from tests.integration.protected import ProtectedCase

CONFIG = """
schemas:
  - table: people
    columns: [id, name, note, card]
    encrypted:
      - column: name
        data_type: str
      - column: card
        data_type: str
"""
TABLE = "CREATE TABLE people (id int, name bytea, note bytea, card bytea)"
#: By position, the note would be stored in a protected column.
REMADE = "DROP TABLE people; CREATE TABLE people (id int, note bytea, card bytea, name bytea)"
RENAMED = "DROP TABLE people; CREATE TABLE people (id int, note bytea, card bytea, nick bytea)"
VALUES = "VALUES (1, 'Zaphodius', 'a note', '4012')"
SELECT = "SELECT 1, 'Zaphodius', 'a note'::bytea, '4012'"
SECRETS = ("Zaphodius", "4012")


class Remade(ProtectedCase):
    config = CONFIG
    table = TABLE
    secrets = SECRETS

    def past(self, script):
        """The rows of the last statement of a script, past AcraServer."""
        with self.direct() as db:
            found = db.execute(script)
            return found.fetchall() if found.description else None

    def known(self):
        """A session whose tables AcraServer has read."""
        self.past(f"DROP TABLE IF EXISTS people CASCADE; {TABLE}")
        db = self.connect(self.served, prepare_threshold=None)
        db.execute("ALTER TABLE people ADD gone int")
        db.execute("ALTER TABLE people DROP gone")
        db.execute("INSERT INTO people VALUES (0, 'Zaphodius', 'a note', '4012')")
        self.assert_stored(0)
        return db

    def assert_stored(self, number):
        rows = self.past(f"SELECT note, name, card FROM people WHERE id = {number}")
        self.assertTrue(rows)
        for row in rows:
            note, name, card = map(bytes, row)
            self.assertEqual(note, b"a note")
            for sealed in (name, card):
                self.assert_sealed(sealed)

    def test_values_go_to_the_columns_that_they_are_encrypted_for(self):
        for statement in (
            f"INSERT INTO people {VALUES}",
            f"INSERT INTO public.people AS p {VALUES} RETURNING id",
            f"INSERT INTO people {SELECT}",
            f"WITH new AS (INSERT INTO people({SELECT}) RETURNING 1) SELECT count(*) FROM new",
            "MERGE INTO people p USING (SELECT 1 AS n) s ON p.id = s.n WHEN NOT MATCHED THEN "
            f"INSERT {VALUES}",
        ):
            with self.known() as db:
                self.past(REMADE)
                db.execute(statement)
                self.assert_stored(1)

    def test_parameters_and_prepared_statements(self):
        with self.known() as db:
            insert = "INSERT INTO people VALUES (%s, %s, %s, %s)"
            row = [1, "Zaphodius", b"a note", "4012"]
            db.execute(insert, row, prepare=True)
            self.past(REMADE)
            for number in (1, 2):
                db.execute(insert, [number, *row[1:]], prepare=True)
                self.assert_stored(number)

    def test_copied_rows(self):
        with self.known() as db:
            self.past(REMADE)
            with db.cursor().copy("COPY people FROM STDIN") as copy:
                copy.write(b"1\tZaphodius\ta note\t4012\n")
            self.assert_stored(1)
            for source in ("people", "(SELECT * FROM people)"):
                with db.cursor().copy(f"COPY {source} TO STDOUT") as copy:
                    found = b"".join(map(bytes, copy))
                self.assertEqual(found, b"1\tZaphodius\t\\\\x61206e6f7465\t4012\n")

    def test_a_column_that_is_gone_is_an_error_of_the_database_and_read_anew(self):
        with self.known() as db:
            self.past(RENAMED)
            with self.assertRaises(psycopg.errors.UndefinedColumn):
                db.execute(f"INSERT INTO people {VALUES}")
            self.assertEqual(self.past("SELECT count(*) FROM people"), [(0,)])

    def copied(self, db):
        """Put a copy in the place of the table, past AcraServer: its rows are those, but it has
        another number."""
        db.execute("INSERT INTO people VALUES (1, 'Zaphodius', 'a note', '4012')")
        self.past(
            "ALTER TABLE people RENAME TO old; CREATE TABLE people AS "
            "SELECT id, name, note, card FROM old WHERE id = 1; DROP TABLE old"
        )

    def test_rows_beside_those_of_another_table(self):
        self.past("DROP TABLE IF EXISTS other; CREATE TABLE other (id int, name bytea)")
        self.past("INSERT INTO other VALUES (2, 'theirs')")
        row, theirs = (1, "Zaphodius", b"a note", "4012"), (2, b"theirs")
        union = "(SELECT card FROM people UNION ALL SELECT card FROM people WHERE false) q"
        for text, expected in (
            ("SELECT * FROM people, other", row + theirs),
            ("SELECT * FROM other, people", theirs + row),
            (f"SELECT * FROM {union}, other", ("4012", *theirs)),
            (f"SELECT * FROM other, {union}", (*theirs, "4012")),
        ):
            with self.known() as db:
                self.copied(db)
                self.assertEqual(db.execute(text).fetchall(), [expected], text)

    def test_rows_of_columns_between_those_of_other_tables_are_refused_once(self):
        self.past("DROP TABLE IF EXISTS other; CREATE TABLE other (id int, name bytea)")
        self.past("INSERT INTO other VALUES (2, 'theirs')")
        with self.known() as db:
            self.copied(db)
            text = "SELECT a.*, p.name, b.* FROM other a, people p, other b"
            with self.assertRaises(psycopg.errors.FeatureNotSupported):
                db.execute(text)
            found = db.execute(text).fetchall()
            self.assertEqual(found, [(2, b"theirs", "Zaphodius", 2, b"theirs")])

    def test_rows_of_cursors(self):
        for declare, fetch in (
            ("DECLARE c CURSOR FOR {}", "FETCH ALL FROM c"),
            ("DECLARE c BINARY CURSOR FOR {}", "FETCH 5 c"),
            ("DECLARE c CURSOR WITH HOLD FOR {}; COMMIT; BEGIN", "/* a */ FETCH c"),
        ):
            with self.known() as db:
                self.copied(db)
                db.execute("BEGIN")
                db.execute(declare.format("SELECT card, name FROM people"))
                for _ in range(2):
                    self.assertEqual(db.execute(fetch).fetchall(), [("4012", "Zaphodius")])
                    db.execute("MOVE ABSOLUTE 0 IN c")

    def test_rows_of_cursors_that_are_described(self):
        """Drivers ask by the protocol what a cursor of SQL returns, before they fetch from it."""
        for values in ((), ("4012",)):
            for binary in (False, True):
                with self.known() as db:
                    self.copied(db)
                    condition = " WHERE note <> %s" if values else ""
                    with db.transaction(), db.cursor("c", binary=binary) as cursor:
                        cursor.execute(f"SELECT card, name FROM people{condition}", values)
                        types = [one.type_code for one in cursor.description]
                        self.assertEqual(types, [25, 25])
                        self.assertEqual(cursor.fetchall(), [("4012", "Zaphodius")])

    def test_a_table_that_a_function_makes_is_noticed_in_seconds(self):
        with self.known() as db:
            self.past(
                "CREATE OR REPLACE FUNCTION split(name text) RETURNS void LANGUAGE plpgsql AS $$"
                "BEGIN EXECUTE 'CREATE TABLE ' || name || '() INHERITS (' || 'peo' || 'ple)'; END"
                "$$; CREATE OR REPLACE PROCEDURE part(name text) LANGUAGE sql AS 'SELECT split($1)'"
            )
            # The mark that is asked for first says nothing yet.
            for name in ("children", "others"):
                db.execute(f"SELECT split('{name}')")
                time.sleep(LOOK)
                db.execute(f"INSERT INTO {name} {VALUES}")
            self.assert_stored(1)
            db.execute("DELETE FROM people")
            db.execute("CALL part('more')")
            db.execute(f"INSERT INTO more {VALUES}")
            self.assert_stored(1)

    def test_a_view_that_one_transaction_makes_anew_again_and_again(self):
        with self.known() as db:
            self.past(
                "CREATE VIEW viewed AS SELECT id, name AS a, note AS b, card FROM people;"
                "CREATE OR REPLACE PROCEDURE step(a text, b text) LANGUAGE plpgsql AS $$BEGIN "
                "EXECUTE format('CREATE OR REPLACE VIEW vie' || 'wed AS SELECT id, %I AS a, "
                "%I AS b, card FROM ' || 'peo' || 'ple', a, b); END$$"
            )
            steps = [("name", "note")] * 3 + [("note", "name")] * 3
            texts = {"name": "Zaphodius", "note": "a note"}
            with db.transaction():
                for number, (a, b) in enumerate(steps, 1):
                    db.execute(f"CALL step('{a}', '{b}')")
                    values = f"VALUES ({number}, '{texts[a]}', '{texts[b]}', '4012')"
                    db.execute(f"INSERT INTO viewed {values}")
            for number in range(1, len(steps) + 1):
                self.assert_stored(number)
