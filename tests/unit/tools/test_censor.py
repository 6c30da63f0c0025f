"""acra-censor: check, learn, explain."""

import io
import json

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.censor.engine import Censor
from acra_twisted.censor.rulefile import parse_rules
from acra_twisted.errors import ConfigError
from acra_twisted.sql.languages import LANGUAGES
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
        )
        self.assertEqual(
            [(a["verdict"], a["by"]) for a in answers],
            [("deny", "deny.table"), ("allow", "default"), ("deny", "refused")]
            + [("deny", "refused"), ("deny", "refused"), ("deny", "deny.table")],
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
        lines = self.run_tool("check", "--config", path, given=given).splitlines()
        self.assertEqual([json.loads(x)["verdict"] for x in lines], ["deny", "allow"])

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


class Learn(Tool):
    def test_what_a_server_could_take_for_a_placeholder_is_left_out(self):
        path = self.mktemp()
        texts = [
            "SELECT acra_any_select",
            "SELECT a FROM t WHERE acra_any_where",
            'SELECT "ACRA_any_column" FROM t',
            "SELECT a FROM t WHERE b = (SELECT acra_any_subquery)",
            'SELECT "%%COLUMN%%" FROM t',
            "SELECT 1 %%VALUE%% 2",
            "%%SELECT%%",
            "SELECT a FROM t -- %%WHERE%%",
        ]
        with open(path, "w") as file:
            for text in (*texts, "SELECT a FROM t"):
                file.write(json.dumps({"raw_query": text}) + "\n")
        for db, language in LANGUAGES.items():
            learned = self.run_tool("learn", "--db", db, path)
            self.assertEqual(learned.count("left out"), len(texts))
            rules = Censor(language, parse_rules(learned, "learned"))
            self.assertTrue(rules.decide(b"SELECT a FROM t").allowed)
            for query in (b"SELECT b FROM t", b"SELECT a FROM t WHERE b = 1", b"DELETE FROM t"):
                self.assertFalse(rules.decide(query).allowed, query)

    def test_an_allow_list_that_allows_what_was_captured(self):
        path = self.mktemp()
        texts = ["SELECT a FROM t WHERE b = ? AND c IN (?, ?)", "INSERT INTO t VALUES (?)"]
        with open(path, "w") as file:
            for text in (*texts, texts[0], "SELECT a FROM t WHERE b = 5", "SELEC ?"):
                file.write(json.dumps({"raw_query": text}) + "\n")
        for db, language in LANGUAGES.items():
            learned = self.run_tool("learn", "--db", db, path)
            self.assertIn('left out: "SELEC ?"', learned)
            rules = Censor(language, parse_rules(learned, "learned"))
            for text in (
                b"SELECT a FROM t WHERE b = 7 AND c IN (8, 'x')",
                b"INSERT INTO t VALUES ('x')",
                b"SELECT a FROM t WHERE b = 'y'",
            ):
                self.assertTrue(rules.decide(text).allowed, (db, text))
            self.assertFalse(rules.decide(b"SELECT a FROM t").allowed)


class Explain(Tool):
    def test_shows_everything_but_literals(self):
        shown = self.run_tool("explain", "SELECT a FROM t WHERE b = 'hidden' -- hidden")
        for expected in ("allow", "string", "table", " t\n", "redacted", "tokens"):
            self.assertIn(expected, shown)
        self.assertNotIn("hidden", shown)

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
