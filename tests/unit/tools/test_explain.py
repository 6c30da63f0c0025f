"""acra-explain; tests/integration/test_explain.py has it on a real database."""

import io
import json
import os
import shlex
import stat

from acra_twisted.encryption.mysql import schemafile as mysqlschemafile
from acra_twisted.encryption.mysql.schema import Column as MysqlColumn
from acra_twisted.encryption.mysql.schema import Schema as MysqlSchema
from acra_twisted.encryption.mysql.schema import Table as MysqlTable
from acra_twisted.encryption.postgresql import schemafile
from acra_twisted.encryption.postgresql.schema import Attribute, Relation, Schema
from acra_twisted.tools import explain
from tests.support.documents import TOP, blocks
from tests.unit.tools.base import ToolCase

CONFIG = """
schemas:
  - table: people
    columns: [id, name, email]
    encrypted:
      - column: name
        data_type: str
      - column: email
        searchable: true
"""
SWAPPED = Relation(
    7,
    "hr",
    "people",
    "r",
    tuple(Attribute(name, at, 17, 17) for at, name in enumerate(("name", "id", "email"), 1)),
)


class Explain(ToolCase):
    main = staticmethod(explain.main)

    def setUp(self):
        super().setUp()
        self.config = self.file(CONFIG)
        self.prompts = []

    def file(self, text):
        path = os.path.abspath(self.mktemp())
        with open(path, "w") as file:
            file.write(text)
        return path

    def ask(self, prompt):
        self.prompts.append(prompt)
        return "secret"

    def explain(self, *arguments):
        """The output, and the text of the refusal or an empty one."""
        given = [f"--encryptor_config_file={self.config}", *arguments]
        output = io.StringIO()
        try:
            explain.main(given, {}, output, self.ask)
        except explain.Refused as error:
            return output.getvalue(), str(error)
        return output.getvalue(), ""

    def test_a_statement_is_explained_by_the_columns_of_the_configuration(self):
        text, refused = self.explain("INSERT INTO people VALUES (1, 'Ann', 'a@x')")
        self.assertIn("note: no schema is given", text)
        self.assertIn("(?, <encrypted people.name>, <encrypted people.email>)", text)
        self.assertIn("encrypted  people.name: literal 2, VALUES\n", text)
        self.assertEqual(refused, "")

    def test_statements_of_mysql(self):
        text, refused = self.explain(
            "--dialect=mysql",
            "INSERT INTO people VALUES (1, 'Ann', 'a@x') ON DUPLICATE KEY UPDATE id=2",
        )
        self.assertIn("(?, <encrypted people.name>, <encrypted people.email>)", text)
        self.assertEqual(refused, "")
        text, refused = self.explain("--dialect=mysql", "SELECT * FROM people WHERE name > 'a'")
        self.assertIn("reason     order", text)
        self.config = self.file(CONFIG.replace("table: people", "table: people\n    schema: hr"))
        text, _ = self.explain("--dialect=mysql", "INSERT INTO people VALUES (1, 'Ann', 'a@x')")
        self.assertIn("<encrypted hr.people.name>", text)
        text, _ = self.explain(
            "--dialect=mysql", "--database=shop", "INSERT INTO people VALUES (1, 'Ann', 'a@x')"
        )
        self.assertIn("pass", text)
        text, _ = self.explain("--dialect=mysql", "--ddl")
        self.assertIn("ALTER TABLE `hr`.`people` ADD KEY (`email`(33));", text)

    def test_the_schema_of_a_server_of_mysql_is_read(self):
        server = self.file("[database]\ndb_host = 127.0.0.1\nmysql_enable = true\n")
        columns = [MysqlColumn("email", "varbinary", 400), MysqlColumn("name", "varbinary", 400)]
        found = MysqlSchema(1, [MysqlTable("app", "people", columns)])
        self.patch(explain, "in_own_reactor", lambda question: found)
        text, _ = self.explain(f"--server_config={server}", "INSERT INTO people VALUES ('a', 'b')")
        self.assertIn("(<encrypted people.email>, <encrypted people.name>)", text)
        self.assertNotIn("no schema", text)
        self.assertEqual(self.prompts, ["Password of root: "])
        text, _ = self.explain(f"--server_config={server}", "--ddl")
        self.assertIn("ADD KEY (`email`(33))", text)
        config = f"--encryptor_config_file={self.config}"
        where = f"--server_config={server}"
        self.refused("is mysql", config, where, "--dialect=postgresql", "SELECT 1")
        saved = os.path.abspath(self.mktemp())
        text, _ = self.explain(where, f"--save_schema={saved}")
        self.assertEqual(text, "")
        with open(saved) as file:
            self.assertEqual(mysqlschemafile.dump(found), file.read())
        text, _ = self.explain(
            "--dialect=mysql", f"--schema={saved}", "INSERT INTO people VALUES ('a', 'b')"
        )
        self.assertIn("(<encrypted people.email>, <encrypted people.name>)", text)
        self.assertNotIn("no schema", text)
        self.refused("this is no schema", config, f"--schema={saved}", "SELECT 1")

    def test_the_examples_of_the_pages_are_true(self):
        page = [block.text for block in blocks(TOP / "docs/encryption.rst")]
        self.config = self.file(next(text for text in page if text.startswith("defaults:")))
        for name in ("encryption", "encryption-mysql"):
            page = [block.text for block in blocks(TOP / f"docs/{name}.rst")]
            [shown] = (text for text in page if text.startswith("$ acra-explain"))
            command, _, expected = shown.partition("\n")
            given = [one for one in shlex.split(command)[2:] if "config_file" not in one]
            text, _ = self.explain(*given)
            self.assertEqual(text.split("\n"), [*expected.rstrip("\n").split("\n"), ""])

    def test_a_refused_statement_ends_it_with_status_1(self):
        text, refused = self.explain("SELECT 1", "SELECT id FROM people WHERE name > 'a'")
        self.assertIn("reason     comparison", text)
        self.assertEqual(refused, "1 of 2 statements are refused")
        self.assertEqual(explain.Refused.status, 1)

    def test_statements_come_from_standard_input(self):
        self.patch(explain, "INPUT", io.StringIO("SELECT name\nFROM people\n"))
        text, _ = self.explain("-")
        self.assertIn("people.name: result column 1, str", text)

    def test_the_answer_as_json(self):
        text, _ = self.explain("--json", "SELECT email FROM people WHERE email = $1")
        [found] = json.loads(text)["statements"]
        self.assertEqual(found["verdict"], "change")
        self.assertEqual(
            found["parameters"],
            [{"number": 1, "source": 1, "action": "searched", "column": "people.email"}],
        )

    def test_a_prepared_statement_is_known_to_those_behind_it(self):
        file = self.file("PREPARE a AS UPDATE people SET name = $1;\nEXECUTE a('x');")
        text, refused = self.explain(f"--file={file}")
        self.assertNotIn("refuse", text)
        self.assertEqual(refused, "")

    def test_a_log_is_counted_by_reason_with_the_lines(self):
        lines = ["SELECT id FROM people WHERE name > 'a'"] * 12 + ["SELECT 1", "TABLE people"]
        lines.append("SELECT email FROM people ORDER BY email")
        file = self.file("\n".join(lines))
        text, refused = self.explain(f"--file={file}")
        self.assertIn("change             1\npass               1\nrefuse            13\n", text)
        expected = "12  comparison people.name: line 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, ...\n"
        self.assertIn(expected, text)
        self.assertIn("1  order people.email: line 15\n", text)
        self.assertLess(text.index("comparison"), text.index("order"))
        self.assertEqual(refused, "13 of 15 statements are refused")
        text, _ = self.explain(f"--file={file}", "--json")
        found = json.loads(text)
        self.assertEqual(found["verdicts"], {"refuse": 13, "pass": 1, "change": 1})
        self.assertEqual(found["refusals"][1]["lines"], [15])

    def test_captured_statements_are_read_with_parameters_for_what_was_cut_out(self):
        lines = [
            json.dumps({"query": text, "count": 2})
            for text in (
                "INSERT INTO people (id, name, email) VALUES (?, ?, ?)",
                "SELECT id FROM people WHERE email IN (?, ?)",
                "UPDATE people SET name = upper(?) WHERE id = ?",
                "SELECT id FROM people WHERE email LIKE ?",
                "SELECT ?",
            )
        ]
        file = self.file("\n".join(lines))
        for more in ((), ("--dialect=mysql",)):
            text, refused = self.explain(f"--file={file}", *more)
            self.assertIn(
                "change             2\npass               1\nrefuse             2\n", text
            )
            self.assertIn("1  expression people.name: line 3\n", text)
            self.assertIn("1  pattern people.email: line 4\n", text)
            self.assertEqual(refused, "2 of 5 statements are refused")

    def test_a_saved_schema_decides_in_place_of_the_configuration(self):
        schema = self.file(schemafile.dump(Schema(1, {7: SWAPPED})))
        text, _ = self.explain(f"--schema={schema}", "INSERT INTO people VALUES ('a', 1, 'b')")
        self.assertIn("(<encrypted people.name>, ?, <encrypted people.email>)", text)
        self.assertNotIn("no schema", text)
        text, refused = self.explain(
            f"--schema={schema}", "--search_path=public, other", "SELECT name FROM people"
        )
        self.assertIn("schema_unknown", text)
        text, refused = self.explain(
            f"--schema={schema}", "--search_path=public, hr", "SELECT name FROM people"
        )
        self.assertEqual(refused, "")

    def test_the_schema_of_the_database_is_read_and_saved(self):
        questions = []

        def answer(question):
            questions.append(question)
            return Schema(1, {7: SWAPPED})

        self.patch(explain, "in_own_reactor", answer)
        server = self.file("[database]\ndb_host = 127.0.0.1\n")
        saved = os.path.abspath(self.mktemp())
        text, _ = self.explain(f"--server_config={server}", f"--save_schema={saved}")
        self.assertEqual((text, len(questions)), ("", 1))
        with open(saved) as file:
            self.assertEqual(schemafile.load(file.read()).relations, {7: SWAPPED})
        self.assertEqual(stat.S_IMODE(os.stat(saved).st_mode), 0o644)

    def test_columns_in_sections_of_the_servers_configuration(self):
        server = self.file(
            "[pipeline]\nstages = encryptor\n"
            "[database]\ndb_host = 127.0.0.1\n"
            "[encrypt:people.name]\n"
        )
        schema = self.file(schemafile.dump(Schema(1, {7: SWAPPED})))
        asked = "INSERT INTO people VALUES ('a', 1, 'b')"
        text = self.call(f"--server_config={server}", f"--schema={schema}", asked)
        self.assertIn("(<encrypted people.name>, ?, ?)", text)
        self.patch(explain, "in_own_reactor", lambda question: Schema(1, {7: SWAPPED}))
        with open(server, "a") as file:
            file.write("[encrypt:people.id]\n")
        self.config = self.file(
            CONFIG.replace("      - column: name\n        data_type: str\n", "")
        )
        text, _ = self.explain(f"--server_config={server}", asked)
        self.assertIn("(<encrypted people.name>, <encrypted people.id>, <encrypted", text)

    def test_definitions_need_no_schema(self):
        self.config = self.file(CONFIG.replace("    columns: [id, name, email]\n", ""))
        text, _ = self.explain("--ddl")
        self.assertIn('ALTER TABLE "people" ALTER COLUMN "name" TYPE acra_protected;\n', text)
        self.assertIn('(substr("email", 1, 33));\n', text)
        self.refused("columns", f"--encryptor_config_file={self.config}", "SELECT 1")

    def test_mistakes(self):
        config = f"--encryptor_config_file={self.config}"
        self.refused("expected a statement", config)
        self.refused("expected a statement", config, "--ddl", "SELECT 1")
        self.refused("--save_schema needs", config, "--save_schema=x", "SELECT 1")
        self.refused("either", config, "--schema=x", "--server_config=x", "SELECT 1")
        self.refused("--encryptor_config_file", "SELECT 1")
        self.refused(
            f"{self.config}: this is no schema that", config, f"--schema={self.config}", "SELECT 1"
        )
