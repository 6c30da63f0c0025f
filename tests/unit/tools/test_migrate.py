"""acra-migrate's command line; tests/integration/test_migrating.py has real tables."""

import os

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from acra_twisted.tools import migrate, operatorconnection
from acra_twisted.tools.databaseclient import Answer
from tests.support.schemas import answer, column, table
from tests.unit.tools.base import ToolCase

CONFIG = """
schemas:
  - table: people
    encrypted:
      - column: name
        data_type: str
  - table: cards
    encrypted:
      - column: number
"""


class Database:
    """Has the tables, and no row."""

    def __init__(self):
        self.asked = []
        self.tables = [
            table(1, "people", column("name", 1, 25)),
            table(2, "cards", column("number", 1)),
        ]
        self.sized = lambda: None
        #: The numbers of a table's file, as they are asked for: the last one stays.
        self.files = [b"7"]
        self.closed = False

    def __call__(self, text, program, in_thread):
        self.asked.append((text, program))
        return self

    async def connect(self):
        pass

    async def ask(self, statement, *given):
        text = statement if isinstance(statement, str) else statement.decode()
        self.asked.append(text)
        if "pg_inherits" in text:
            return Answer([[cell] for cell in answer(*self.tables)], [25])
        if "pg_relation_size" in text:
            self.sized()
            return Answer([[b"3"]], [25])
        if "pg_relation_filenode" in text:
            file = self.files.pop(0) if len(self.files) > 1 else self.files[0]
            marked = [b"4294967290"] if "txid_snapshot_xmin" in text else []
            return Answer([[*marked, file]], [25])
        return Answer([], [])

    def close(self):
        self.closed = True


class MigrateCase(ToolCase):
    """A database that has tables and no row, and keys."""

    def setUp(self):
        super().setUp()
        self.make_keys("--client_id=some client")
        self.config = os.path.abspath(self.mktemp())
        with open(self.config, "w") as file:
            file.write(CONFIG)
        self.database = Database()
        self.patch(operatorconnection, "DatabaseClient", self.database)
        self.answer = "no"

    def main(self, arguments, environment, output):
        clock = Clock()

        def run(ask):
            results = []
            Deferred.fromCoroutine(ask(clock)).addBoth(results.append)
            while not results:
                clock.advance(1)
            if isinstance(results[0], Failure):
                results[0].raiseException()

        migrate.main(arguments, environment, output, run, lambda prompt: self.answer)

    def migrate(self, change, *words):
        return self.call(
            change,
            f"--encryptor_config_file={self.config}",
            f"--keys_dir={self.folder}",
            "--client_id=some client",
            *words,
        )


class Command(MigrateCase):
    def test_without_a_command_it_tells_them(self):
        told = self.call()
        for word in ("encrypt", "reencrypt", "rewrap", "decrypt"):
            self.assertIn(word, told)

    def test_a_table_is_changed(self):
        told = self.migrate("encrypt", "cards", "--connection_string=host=here")
        self.assertEqual(told, "public.cards: 0 values changed, 0 refused\n")
        self.assertEqual(self.database.asked[0], ("host=here", "acra-migrate"))
        self.assertTrue(self.database.closed)
        told = self.migrate("encrypt", "cards", "--dry_run")
        self.assertEqual(told, "public.cards: 0 values to change, 0 refused\n")

    def test_definitions_are_printed_and_not_run(self):
        told = self.migrate("encrypt", "people", "cards", "--ddl")
        self.assertIn('ALTER TABLE "public"."people" ADD COLUMN "name__acra" bytea;', told)
        self.assertNotIn("cards", told)
        self.assertFalse([text for text in self.database.asked if "ALTER" in text])

    def test_columns_may_be_left_out(self):
        with open(self.config, "a") as file:
            file.write("  - table: notes\n    encrypted:\n      - column: text\n")
            file.write("      - column: phone\n        token_type: str\n")
        columns = column("text", 1), column("phone", 2, 25)
        self.database.tables.append(table(3, "notes", *columns))
        self.refused("--columns", "encrypt", f"--encryptor_config_file={self.config}", "notes")
        told = self.migrate("encrypt", "notes", "cards", "--columns=text, number")
        self.assertEqual(told.count(": 0 values changed, 0 refused\n"), 2)
        self.assertEqual(self.migrate("encrypt", "notes", "--columns=text", "--ddl"), "")
        for name in ("phone", "notes.phone"):
            told = self.migrate("encrypt", "notes", f"--columns={name}", "--ddl")
            self.assertIn("phone__acra", told)
        told = self.migrate("encrypt", "notes", "cards", "--columns=notes.text")
        self.assertNotIn("cards: 0 values", told)

    def test_no_column_is_not_all_of_them(self):
        for given in ("", ",", " , "):
            for words in (("decrypt", "--yes"), ("encrypt", "--switch"), ("encrypt", "--ddl")):
                named = f"--encryptor_config_file={self.config}"
                self.refused("--columns: it names no", *words, named, "cards", f"--columns={given}")
        self.assertEqual(self.database.asked, [])

    def test_mistakes(self):
        named = f"--encryptor_config_file={self.config}"
        for expected, *words in (
            ("did you mean 'people'", "encrypt", named, "peolpe"),
            ("'TABLE PAGE'", "encrypt", named, "cards", "--resume=7"),
            ("expected a number from 1 on", "encrypt", named, "cards", "--batch=0"),
            ("did you mean 'public.cards'", "encrypt", named, "cards", "--resume=public.card 3"),
            ("see --ddl", "encrypt", named, "people"),
            ("did you mean 'name'", "encrypt", named, "people", "--columns=nam"),
            ("a switch has all", "encrypt", named, "people", "--columns=name", "--switch"),
            ("names no client_id", "encrypt", named, "cards", f"--keys_dir={self.folder}"),
        ):
            self.refused(expected, *words)
        self.database.tables = self.database.tables[:1]
        self.refused("the database has no table cards", "encrypt", named, "cards")

    def test_values_are_stored_in_clear_only_if_somebody_says_yes(self):
        named = f"--encryptor_config_file={self.config}"
        self.refused("nothing was decrypted", "decrypt", named, "cards")
        self.assertEqual(self.database.asked, [])
        self.answer = "yes"
        self.assertIn("0 values changed", self.migrate("decrypt", "cards"))
        self.answer = ""
        self.assertIn("0 values changed", self.migrate("decrypt", "cards", "--yes"))

    def test_the_columns_are_those_of_a_file_or_of_a_server(self):
        ini = os.path.abspath(self.mktemp())
        with open(ini, "w") as file:
            file.write("[server]\n[encrypt:cards.number]\ndata_type = str\n")
        keys = (f"--keys_dir={self.folder}", "--client_id=some client")
        told = self.call("encrypt", "cards", f"--server_config={ini}", *keys)
        self.assertEqual(told, "public.cards: 0 values changed, 0 refused\n")
        both = (f"--server_config={ini}", f"--encryptor_config_file={self.config}")
        self.refused("give --encryptor_config_file, or", "encrypt", "cards", *both)
        self.refused("give --encryptor_config_file, or", "encrypt", "cards")
        with open(ini, "w") as file:
            file.write("[server]\n")
        self.refused("it protects no column", "encrypt", "cards", f"--server_config={ini}")
