"""acra-censor: check, learn, explain."""

import io
import json

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import ConfigError
from acra_twisted.tools import censor

DENY = {"handlers": [{"handler": "deny", "tables": ["secrets"]}]}


class Tool(SynchronousTestCase):
    def run_tool(self, *arguments, given=""):
        self.patch(censor, "INPUT", io.StringIO(given))
        output = io.StringIO()
        censor.main(arguments, {}, output)
        return output.getvalue()

    def check(self, *questions):
        given = "".join(json.dumps(q) + "\n" for q in questions)
        return [json.loads(line) for line in self.run_tool("check", given=given).splitlines()]


class Check(Tool):
    def test_answers_line_by_line(self):
        answers = self.check(
            {"db": "postgresql", "rules": DENY, "query": "SELECT 1 FROM secrets"},
            {"db": "mysql", "rules": DENY, "query": "SELECT 1 FROM `t`"},
            {"db": "postgresql", "rules": DENY, "query": "SELECT '\udcff'"},
            {"db": "postgresql", "rules": DENY, "query": "SELECT '\ud800'"},
            {
                "db": "mysql",
                "rules": DENY,
                "query": "x",
                "session": {"character_set_client": "gbk"},
            },
            {
                "db": "mysql",
                "rules": DENY,
                "query": 'SELECT 1 FROM "secrets"',
                "session": {"sql_mode": "ANSI_QUOTES"},
            },
            {"db": "mysql", "rules": DENY, "query": "SELECT 1 /*!80013 FROM secrets */"},
        )
        self.assertEqual(
            [(a["verdict"], a["by"]) for a in answers],
            [("deny", "deny.table"), ("allow", "default"), ("deny", "refused")]
            + [("deny", "refused"), ("deny", "refused"), ("deny", "deny.table")]
            + [("deny", "deny.table")],
        )

    def test_settings_that_change_lexing(self):
        query = r"SELECT '\' FROM secrets --'"
        answers = self.check(
            {"db": "postgresql", "rules": DENY, "query": query},
            {
                "db": "postgresql",
                "rules": DENY,
                "query": query,
                "session": {"standard_conforming_strings": "off"},
            },
        )
        self.assertEqual([a["verdict"] for a in answers], ["deny", "allow"])

    def test_mistakes_say_which_line(self):
        for given, expected in (
            ("nonsense", "line 1: not a JSON object"),
            ('\n{"db": "x", "query": ""}', "line 2: db: expected one of"),
            ("[]", "line 1: expected"),
            ('{"db": "mysql", "query": "", "session": 1}', "line 1: session"),
            ('{"db": "mysql", "query": "", "rules": {"x": 1}}', "line 1: unknown key"),
        ):
            with self.assertRaisesRegex(ConfigError, expected):
                self.run_tool("check", given=given)

    def test_rules_of_a_file(self):
        path = self.mktemp()
        with open(path, "w") as file:
            file.write("version: 0.85.0\nhandlers: [{handler: deny, tables: [secrets]}]\n")
        given = "SELECT 1 FROM secrets\n\nSELECT 1\n"
        answers, error = self.check_file(path, given)
        self.assertEqual([answer["verdict"] for answer in answers], ["deny", "allow"])
        self.assertEqual((error.status, str(error)), (3, "1 of 2 queries are denied"))
        answers, error = self.check_file(path, "SELECT 1\n")
        self.assertEqual((len(answers), error), (1, None))

    def check_file(self, path, given):
        """The answers, and what the tool ends with."""
        self.patch(censor, "INPUT", io.StringIO(given))
        output, error = io.StringIO(), None
        try:
            censor.main(["check", "--config", path], {}, output)
        except censor.Denied as denied:
            error = denied
        return [json.loads(line) for line in output.getvalue().splitlines()], error

    def test_each_answer_says_which_query_it_is_without_its_literals(self):
        path = self.mktemp()
        with open(path, "w") as file:
            file.write("version: 0.85.0\nhandlers: [{handler: allowall}]\n")
        given = "\nSELECT 'hidden' -- hidden\nSELECT 'hidden\nSELECT 1" + ", 1" * 50_000
        answers, error = self.check_file(path, given)
        self.assertEqual([answer["line"] for answer in answers], [2, 3, 4])
        self.assertEqual(answers[0]["query"].strip(), "SELECT ?")
        self.assertEqual(
            [answer["query"] for answer in answers[1:]], ["(14 bytes)", "(150008 bytes)"]
        )
        self.assertEqual(error.status, 3)
        [answer] = self.check({"db": "mysql", "rules": {}, "query": 'SELECT "hidden"'})
        self.assertEqual((answer["line"], answer["query"]), (1, "SELECT ?"))

    def test_rules_that_allow_more_than_they_seem_to_are_told(self):
        path = self.mktemp()
        with open(path, "w") as file:
            file.write(
                "version: 0.85.0\nhandlers:\n- handler: allow\n  patterns:\n"
                "  - DELETE FROM t %%WHERE%%\n  - SELECT a FROM t %%WHERE%%\n"
            )
        errors = io.StringIO()
        self.patch(censor, "ERRORS", errors)
        self.run_tool("check", "--config", path, given="")
        [line] = errors.getvalue().splitlines()
        self.assertIn(f"{path}:5: the pattern allows the statement without any WHERE", line)


class Explain(Tool):
    def test_shows_everything_but_literals(self):
        shown = self.run_tool("explain", "SELECT a FROM t WHERE b = 'hidden' -- hidden")
        for expected in ("allow", "string", "table", " t\n", "redacted", "tokens"):
            self.assertIn(expected, shown)
        self.assertNotIn("hidden", shown)

    def test_a_text_that_servers_read_differently(self):
        shown = self.run_tool("explain", "--db=mysql", "SELECT 1 /*!80013 FROM secrets */")
        for expected in ("allow", "1 of 2", "2 of 2"):
            self.assertIn(expected, shown)
        self.assertEqual(shown.count("  table     secrets\n"), 1)
        shown = self.run_tool("explain", "--db=mysql", "SELECT 1 /*!100100 FROM secrets */")
        self.assertIn("six digits", shown)
        self.assertNotIn("1 of", self.run_tool("explain", "--db=mysql", "/*!40101 SELECT 1 */"))
        shown = self.run_tool("explain", "--db=mysql", "SELECT \udcff")
        self.assertIn("lexer", shown)

    def test_what_cannot_be_read(self):
        self.assertIn("unterminated", self.run_tool("explain", "SELECT 'a"))
        self.assertIn("syntax error", self.run_tool("explain", "-", given="SELEC"))
        self.assertIn("DO carries code", self.run_tool("explain", "DO $$x$$"))
        shown = self.run_tool("explain", "SELECT own(lo_get(1)), pg_sleep(1) FROM pg_stats")
        for expected in ("pg_largeobject", "function own", "acts beyond", "values of tables"):
            self.assertIn(expected, shown)


class Files(Tool):
    def test_rule_files_that_cannot_be_read(self):
        path = self.mktemp()
        with open(path, "wb") as file:
            file.write(b"\xff")
        for config, expected in ((path, "not UTF-8"), ("/nowhere/x", "--config: cannot read")):
            with self.assertRaisesRegex(ConfigError, expected):
                self.run_tool("explain", f"--config={config}", "SELECT 1")
