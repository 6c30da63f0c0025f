"""Names beyond ASCII of tables and columns that are protected.

PostgreSQL folds the letters of ASCII alone where a character may take several bytes.
"""

from __future__ import annotations

import psycopg

from tests.integration.protected import BEGIN, ProtectedCase

SECRET = "Zaphodius"
#: Tables and columns, each with its spellings.
TABLES = {
    "größe": ("größe", '"größe"', "GRößE", 'public."größe"', 'U&"gr\\00f6\\00dfe"'),
    "Größe": ('"Größe"', 'public . "Größe"', "U&\"Gr!00f6!00dfe\" UESCAPE '!'"),
    "grÖße": ("grÖße", "GRÖßE", '"grÖße"', "public.gRÖßE"),
    "οδοΣ": ("οδοΣ", '"οδοΣ"', "public.οδοΣ/**/"),
}
COLUMNS = {
    "größe": {"straße": ("straße", '"straße"', "STRAßE", 'U&"stra\\00dfe"')},
    "Größe": {"Straße": ('"Straße"',)},
    "grÖße": {"strÄße": ("strÄße", "STRÄßE", '"strÄße"')},
    "οδοΣ": {"ΟΔΟΣ": ("ΟΔΟΣ", '"ΟΔΟΣ"')},
}
#: Spellings of tables that are not there.
NONE = ("Groesse", '"GRÖßE"', '"GRößE"', "οδος", "ΟΔΟΣ", "grösse", '"gröSSe"')


class Names(ProtectedCase):
    config = "schemas:\n" + "".join(
        f"  - table: '{table}'\n    encrypted:\n      - {{column: '{column}', data_type: str}}\n"
        for table, columns in COLUMNS.items()
        for column in columns
    )
    table = "SELECT 1"

    def setUp(self):
        super().setUp()
        self.raw = self.direct()
        self.addCleanup(self.raw.close)
        for table, columns in COLUMNS.items():
            [column] = columns
            self.raw.execute(f'DROP TABLE IF EXISTS "{table}"')
            self.raw.execute(f'CREATE TABLE "{table}" (id int, "{column}" bytea)')

    def written(self):
        """Yield each table, its column, and a spelling of both."""
        for table, spellings in TABLES.items():
            for column, forms in COLUMNS[table].items():
                for at in range(max(len(spellings), len(forms))):
                    yield table, column, spellings[at % len(spellings)], forms[at % len(forms)]

    def check(self, db, text, parameters):
        """Run a text by both protocols, and look at what is stored."""
        for table, column, spelt, shown in self.written():
            sent = text.format(table=spelt, column=shown).encode()
            self.raw.execute(f'TRUNCATE "{table}"')
            self.raw.execute(f'INSERT INTO "{table}" VALUES (1)')
            found = db.execute(sent, parameters).fetchall()
            self.assertEqual(found, [(SECRET,)], sent)
            stored = self.raw.execute(f'SELECT "{column}" FROM "{table}" ORDER BY 1').fetchone()
            self.assertIn(BEGIN, stored[0])

    def test_statements(self):
        with self.connect(self.served) as db:
            for text in (
                "INSERT INTO {table} (id, {column}) VALUES (2, {value}) RETURNING {column}",
                "UPDATE {table} AS t SET {column} = {value} RETURNING t.{column}",
                "WITH w AS (UPDATE {table} SET {column} = {value} RETURNING *) SELECT {column}"
                " FROM w",
            ):
                for value, given in ((f"'{SECRET}'", None), ("%s", (SECRET,))):
                    self.check(db, text.replace("{value}", value), given)

    def test_another_encoding_of_the_client(self):
        """Its letters are not read: no statement with one of them is sent."""
        text = "INSERT INTO {table} (id, {column}) VALUES (2, '{secret}')"
        for name, encoding in (("LATIN1", "latin-1"), ("WIN1253", "cp1253")):
            with self.connect(self.served, client_encoding=name) as db:
                for table, _, spelt, shown in self.written():
                    sent = text.format(table=spelt, column=shown, secret=SECRET)
                    raw = sent.encode(encoding, "ignore")
                    if sent.isascii() or raw.decode(encoding) != sent:
                        continue
                    with self.assertRaises(psycopg.errors.FeatureNotSupported):
                        db.execute(raw)
                    found = self.raw.execute(f'SELECT 1 FROM "{table}"').fetchall()
                    self.assertEqual(found, [])

    def test_names_that_are_not_there(self):
        with self.connect(self.served) as db:
            for name in NONE:
                with self.assertRaises(psycopg.errors.UndefinedTable, msg=name):
                    db.execute(f"INSERT INTO {name} VALUES (1, 'x')".encode())
            with self.assertRaises(psycopg.errors.FeatureNotSupported):
                db.execute("UPDATE größe SET \"Straße\" = 'x'".encode())
            # A table that differs in a letter that is not folded is not protected.
            db.execute('CREATE TABLE "GRÖSSE" (id int, "straße" text)'.encode())
            db.execute("INSERT INTO \"GRÖSSE\" VALUES (1, 'clear')".encode())
            found = self.raw.execute('SELECT "straße" FROM "GRÖSSE"').fetchall()
            self.assertEqual(found, [("clear",)])
            db.execute('DROP TABLE "GRÖSSE"'.encode())
