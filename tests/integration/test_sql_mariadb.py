"""MariaDB's own reading of SQL: literals, tables, and each way around the firewall."""

from __future__ import annotations

import random
import re
import unittest

from acra_twisted.errors import LexError
from acra_twisted.sandbox.mariadb import MariaDB, Refusal
from acra_twisted.sql import lexer, mysql, mysqlcalls, mysqllexer, mysqlnames, mysqlstatements
from tests.support.evasions import EVASIONS
from tests.support.mysqlforms import ELSEWHERE, FORMS

SYNTAX, NO_TABLE, NO_COLUMN = 1064, 1146, 1054
#: What is said of statements that parse: nothing, or that names mean nothing.  That no database is
#: chosen is said before the end is read.
PARSED = {0, NO_TABLE, NO_COLUMN}
#: "command denied to user ... for table", for a column.
NO_RIGHT = {1142, 1143}

PIECES = (
    *(
        "'a'",
        "'it''s'",
        "''",
        "'",
        "'a\\'b'",
        "'\\\\'",
        '"d"',
        '"d""e"',
        '"d\\"',
        "N'n'",
        "_utf8'u'",
    ),
    *("x'1F'", "X'a'", "b'01'", "0x1F", "0xG", "0b1", "0b2", "1", "1.5", ".5", "1e3", "1e", "1e0a"),
    *("a", "`q`", "`q``r`", "`", "@v", "@`v`", "@'v'", "@@version", "a.b", "t.1a", "\\N", "?", "é"),
    *('@"v"', '@"v\\"', "@'v\\'", "@'v\\\\'", "@`v\\`", "@'v''w'", '@"v""w"'),
    *(
        "é1",
        "1é",
        "@é",
        "@@é",
        "_utf8é",
        "--é",
        "--\xa0",
        "--\u3000",
        "0x1Fé",
        "1e5é",
        ".5é",
        "t.1é",
    ),
    *(
        "`é`",
        "/*é*/",
        "/*+ é */",
        "#é\n",
        "{é",
        "?é",
        "\\Né",
        "xé",
        "Né",
        "$é",
        "\xa0",
        "日",
        "@'é'",
    ),
    *("--x\n", "-- x\n", "--\n", "# x\n", "#'\n", "/* ' */", "/*", "*/", "/**/", "/*+ x */", "--"),
    *(
        " ",
        "\t",
        "\v",
        "\n",
        "+",
        "-",
        "*",
        "/",
        "(",
        ")",
        ",",
        ";",
        "=",
        "<=>",
        ":=",
        "||",
        "&&",
        "!",
    ),
    *("FROM t", "AS", "NULL", "DATE", "INTERVAL", "DAY", "LIKE", "COLLATE", "BINARY", "DIV", "{d"),
)
#: Statements whose tables the server names one after another.
TABLES = (
    "SELECT (SELECT 1 FROM t)",
    "SELECT 1 FROM a, b JOIN c ON 1",
    "SELECT 1 FROM a LEFT JOIN (b CROSS JOIN c) ON 1",
    "SELECT`a`FROM`t`",
    "SELECT 1e0FROM t",
    "SELECT 1 FROM a UNION SELECT 1 FROM b UNION ALL (SELECT 1 FROM c)",
    "SELECT 1 FROM a WHERE a IN (SELECT a FROM b WHERE EXISTS (SELECT 1 FROM c))",
    "SELECT 1 FROM a GROUP BY a HAVING count(*) > (SELECT a FROM b LIMIT 1)",
    "SELECT 1 FROM a ORDER BY (SELECT a FROM b LIMIT 1)",
    "SELECT 1 FROM (SELECT a FROM t) AS d",
    "SELECT CASE WHEN EXISTS (SELECT 1 FROM a) THEN 1 END FROM b",
    "WITH c AS (SELECT a FROM t) SELECT * FROM c",
    "WITH t AS (SELECT 1) SELECT * FROM t",
    "WITH t AS (SELECT a FROM t) SELECT * FROM t",
    "WITH RECURSIVE r AS (SELECT 1 UNION SELECT a FROM t, r) SELECT * FROM r",
    "SELECT * FROM (WITH c AS (SELECT a FROM t) SELECT * FROM c) d, e",
    "INSERT INTO a (a) SELECT a FROM b",
    "INSERT INTO a (a) VALUES ((SELECT a FROM b LIMIT 1))",
    "INSERT INTO a SET a = 1 ON DUPLICATE KEY UPDATE a = (SELECT a FROM b LIMIT 1)",
    "INSERT LOW_PRIORITY IGNORE a (a) VALUES (1) RETURNING (SELECT a FROM b LIMIT 1)",
    "REPLACE LOW_PRIORITY INTO a (a) VALUES (1)",
    "REPLACE a (a) VALUES (1)",
    "UPDATE IGNORE a, b SET a.a = 1",
    "UPDATE a JOIN b ON 1 SET a.a = (SELECT a FROM c LIMIT 1)",
    "DELETE a FROM a JOIN b ON 1",
    "DELETE FROM a USING a, b",
    "DELETE QUICK FROM a WHERE a = (SELECT a FROM b LIMIT 1)",
    "CREATE TABLE made LIKE t",
    "CREATE TABLE made SELECT a FROM t",
    "CREATE VIEW made AS SELECT a FROM t",
    "EXPLAIN SELECT 1 FROM t",
    "EXPLAIN EXTENDED SELECT 1 FROM t",
    "ANALYZE SELECT 1 FROM t",
    "DESCRIBE t",
    "SHOW COLUMNS FROM t",
    "SHOW CREATE TABLE t",
    "SHOW INDEX FROM t",
    "ALTER TABLE t ADD COLUMN z int",
    "ALTER TABLE t CONVERT TO CHARACTER SET utf8mb4 COLLATE 'utf8mb4_bin'",
    "ALTER TABLE other.t CONVERT TO CHARSET latin1",
    "CREATE INDEX i ON t (a)",
    "TRUNCATE TABLE t",
    "LOCK TABLES a READ, b AS c WRITE",
    "SET @x = (SELECT a FROM t LIMIT 1)",
    "DO (SELECT a FROM t LIMIT 1)",
    "SELECT 1 FROM other.t, t",
    "ANALYZE FORMAT=JSON SELECT 1 FROM t",
    "SELECT a FROM t WHERE a = 1 FOR UPDATE",
    "SELECT a INTO @x FROM t LIMIT 1",
    "HANDLER t OPEN",
    "RENAME TABLE t WAIT 1 TO made",
    "SELECT a FROM t LIMIT ROWS EXAMINED 4",
    "SELECT a FROM t WHERE a IN (SELECT a FROM a) LIMIT 3, 1 ROWS EXAMINED 4",
    "(SELECT a FROM a LIMIT ROWS EXAMINED 1) UNION (SELECT a FROM b LIMIT 1 ROWS EXAMINED 9)",
    "DELETE a.*, b.* FROM a, b WHERE a.a IN (SELECT c.* FROM c)",
    "DELETE FROM a.*, b USING a, b",
    "INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a = if(t.a = 1, values(t.a), 2)",
    "INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a = (SELECT a.a FROM a LIMIT 1)",
    "EXPLAIN PARTITIONS SELECT a FROM t",
    "VALUES (1), ((SELECT a FROM t LIMIT 1))",
    "VALUES (1) UNION VALUES ((SELECT a FROM a LIMIT 1)), (2) UNION SELECT a FROM b",
    "WITH c (x, y) AS (VALUES (1, 2), (3, 4)) SELECT x FROM c, t",
    "WITH t (x, y) AS (VALUES (1, 2), (3, 4)) SELECT x FROM t",
    "SELECT * FROM (VALUES (1), (2) UNION SELECT a FROM t) AS d",
    "CREATE TABLE made AS VALUES (1), ((SELECT a FROM t LIMIT 1))",
    "INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a = (VALUES(a))",
    "EXPLAIN (SELECT a FROM a) UNION (SELECT a FROM b LIMIT 1)",
    "EXPLAIN FORMAT=JSON (SELECT a FROM a) UNION ALL (SELECT a FROM b)",
    "CREATE OR REPLACE DEFINER=CURRENT_USER VIEW made AS SELECT a FROM t",
    "CREATE ALGORITHM=MERGE DEFINER=CURRENT_USER() SQL SECURITY INVOKER VIEW made AS"
    " SELECT a FROM t",
    "CREATE TABLE made (b NATIONAL VARCHAR(3), national char(3), i INET6, p POINT) SELECT a FROM t",
    "CREATE TABLE made SELECT a, a point, a inet4 FROM t",
    "SELECT {d '2026-01-31'}, {fn concat({ts '2026-01-31 00:00:00'}, a.a)} FROM {oj a LEFT JOIN b"
    " ON a.a = b.a}",
    "TRUNCATE TABLE t NOWAIT",
    "TRUNCATE t WAIT 1",
)
#: Denied forms that a server need not run, each with what this one says.
NOT_RUN = {
    # Names of tables are told apart by case on this server and not on every one.
    "SELECT * FROM `SECRETS`": NO_TABLE,
    # There is no such file.
    "LOAD DATA INFILE 'x' INTO TABLE secrets": 13,
}
#: Denied forms that read no table, but files.
FILES = {"SELECT load_file('/x')"}
#: What stands before some: the text that is prepared.
BEFORE = {"PREPARE s FROM @x": "SET @x = 'SELECT * FROM secrets';"}


class Live(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = MariaDB()
        cls.addClassCleanup(cls.server.stop)
        cls.server.start()


class Literals(Live):
    """A literal may be replaced by another of its kind without the server minding."""

    @staticmethod
    def replaced(text: bytes, tokens) -> bytes:
        parts, position = [], 0
        for kind, start, end in tokens:
            if kind not in lexer.LITERALS:
                continue
            literal = text[start:end]
            if kind == lexer.STRING:
                opening = re.match(rb"[^'\"]*", literal).group()
                quote = literal[len(opening) : len(opening) + 1]
                literal = opening + quote + b"q" + quote
            elif kind == lexer.NUMBER:
                literal = re.sub(rb"[2-9]", b"1", literal)
            elif kind == lexer.HEX:
                literal = re.sub(rb"[a-fA-F1-9]", b"1", literal)
            elif kind == lexer.BIT:
                literal = literal[:2] + literal[2:].replace(b"1", b"0")
            parts += (text[position:start], literal)
            position = end
        return b"".join((*parts, text[position:]))

    def test_replacement(self):
        self.replace(15_000, "")

    def test_replacement_under_other_modes(self):
        self.replace(4_000, "ANSI_QUOTES", ansi_quotes=True)
        self.replace(4_000, "NO_BACKSLASH_ESCAPES", no_backslash=True)
        both = "ANSI_QUOTES,NO_BACKSLASH_ESCAPES"
        self.replace(4_000, both, ansi_quotes=True, no_backslash=True)

    def replace(self, count, sql_mode, **mode):
        """Ask of so many random texts, each with its literals and with others."""
        chosen = random.Random(20261124)  # noqa: S311 - reproducible, not secret
        read, refused = [], []
        for _ in range(count):
            words = chosen.choices(PIECES, k=chosen.randint(1, 6))
            text = ("SELECT " + chosen.choice(("", " ", ",")).join(words)).encode()
            try:
                tokens = mysqllexer.tokens(text, **mode)
            except LexError as error:
                refused.append((text, str(error)))
            else:
                read.append((text, self.replaced(text, tokens)))
        self.before = f"SET sql_mode = '{sql_mode}';" if sql_mode else ""
        said = self.prepared([text for text, _ in read])
        again = self.prepared([other for _, other in read])
        accepted = 0
        for (text, other), first, second in zip(read, said, again, strict=True):
            self.assertEqual(self.number(first), self.number(second), (text, other))
            accepted += self.number(first) != SYNTAX and text != other
        self.assertGreater(accepted, count // 15)
        # What we refuse to read is nothing to the server either, but for what we refuse on purpose.
        refusals = self.prepared([text for text, _ in refused])
        for (text, why), answer in zip(refused, refusals, strict=True):
            if "executable comment" not in why:
                self.assertNotIn(self.number(answer), PARSED, (text, why))
        self.assertGreater(len(refused), count // 30)

    before = ""

    def prepared(self, texts: list[bytes]) -> list[Refusal | None]:
        """Return what the server says of texts that are to be prepared."""
        return self.server.ask(texts, prepare=True, database="mysql", before=self.before)

    @staticmethod
    def number(said) -> int:
        return said.number if said else 0


class Tables(Live):
    """The tables that the server looks for are those of our tree."""

    def test_what_the_server_looks_for(self):
        for statement in TABLES:
            raw = statement.encode()
            found = {
                ".".join(filter(None, table))
                for parsed in mysql.parse(raw, mysqllexer.tokens(raw))
                for table in parsed.tables
            }
            self.assertEqual(found - {"made"}, self.wanted(raw), statement)

    def wanted(self, statement: bytes) -> set[str]:
        """Tables are made one after the other until the server wants no more."""
        names: set[str] = set()
        for _ in range(6):
            made = "".join(f"CREATE TABLE {name} (a int);" for name in sorted(names))
            self.server.run(
                "DROP DATABASE IF EXISTS asked; CREATE DATABASE asked;"
                "DROP DATABASE IF EXISTS other; CREATE DATABASE other;"
                f"USE asked; {made}"
            )
            [said] = self.server.ask([statement], database="asked")
            if said is None:
                return names
            self.assertEqual(said.number, NO_TABLE, (statement, said))
            database, table = re.search(r"'([^'.]+)\.([^'.]+)'", said.text).groups()
            names.add(table if database == "asked" else f"{database}.{table}")
        raise AssertionError(f"{statement!r}: {names}")


class Decisions(Live):
    """Nothing that the server has is left undecided."""

    #: After these the next word tells what the statement is.
    PAIRS = ("alter", "backup", "cache", "change", "create", "drop", "flush", "get", "install")
    PAIRS += ("load", "purge", "rename", "reset", "show", "start", "stop", "uninstall", "xa")
    #: Words between, which tell nothing.
    BETWEEN = ("aggregate", "algorithm", "definer", "full", "fulltext", "ignore", "local", "online")
    BETWEEN += ("no_write_to_binlog", "or", "spatial", "sql", "temporary", "unique")

    def asked(self, query):
        return self.server.run(query).lower().split()

    def test_functions_and_words(self):
        table = mysqlcalls.decisions()
        found = self.asked("SELECT function FROM information_schema.sql_functions")
        found += self.asked(
            "SELECT routine_name FROM information_schema.routines WHERE routine_type = 'FUNCTION'"
        )
        self.assertGreater(len(found), 250)
        self.assertEqual([name for name in found if not table.decided(name)], [])
        words = [word for word in self.words() if not table.knows([word])]
        self.assertEqual(words, [])

    def words(self):
        found = self.asked("SELECT word FROM information_schema.keywords")
        return [word for word in found if word[0].isalpha()]

    def test_catalogs(self):
        table = mysqlcalls.decisions()
        found = self.asked(
            "SELECT table_name FROM information_schema.tables WHERE table_schema IN"
            " ('mysql', 'information_schema', 'performance_schema', 'sys')"
        )
        self.assertGreater(len(found), 250)
        self.assertEqual([name for name in found if not table.knows_relation(name)], [])

    def test_statements(self):
        kind, left = mysqlstatements.statements().kind, []
        firsts = self.continued("")
        self.assertGreater(len(firsts), 50)
        for first in firsts:
            if first in self.PAIRS:
                seconds = set(self.continued(first)) - set(self.BETWEEN)
                for second in (word for word in seconds if not kind([first, word])):
                    thirds = self.continued(f"{first} {second}")
                    self.assertTrue(thirds)
                    left += [
                        f"{first} {second} {x}" for x in thirds if not kind([first, second, x])
                    ]
            elif not kind([first]) and not kind([first, "tables"]):
                left.append(first)
        self.assertEqual(left, [])

    def continued(self, start):
        """Words that can stand behind ``start``: the server's complaint is not of them."""
        words = self.words()
        said = self.server.ask([f"{start} {word}".encode() for word in words], prepare=True)
        return [
            word
            for word, answer in zip(words, said, strict=True)
            if answer is None
            or answer.number != SYNTAX
            or f"near '{word}" not in answer.text.lower()
        ]

    def test_forms_are_parsed(self):
        for pair in FORMS:
            said = self.server.ask([text.encode() for text in pair], prepare=True, database="mysql")
            for text, answer in zip(pair, said, strict=True):
                number = answer.number if answer else 0
                self.assertEqual(number == SYNTAX, text in ELSEWHERE, (text, answer))


class Names(Live):
    """Letters are folded by the server's own table."""

    def test_every_character(self):
        answer = self.server.run(
            "SELECT seq, HEX(CONVERT(LOWER(CONVERT(CHAR(seq USING ucs2) USING utf8mb3)"
            " COLLATE utf8mb3_general_ci) USING ucs2)) FROM mysql.seq_1_to_65535"
            " WHERE seq NOT BETWEEN 0xD800 AND 0xDFFF"
        )
        rows = [line.split("\t") for line in answer.splitlines()]
        self.assertEqual(len(rows), 65_535 - 0x800)
        folded = {int(code): chr(int(lower, 16)) for code, lower in rows}
        wrong = {code for code, lower in folded.items() if mysqlnames.fold(chr(code)) != lower}
        self.assertEqual(wrong, set())

    def test_characters_beyond_the_first_plane_are_no_names(self):
        [said] = self.server.ask(["SELECT * FROM `a\U0001f600`".encode()], database="mysql")
        self.assertIsNotNone(said)


class Evasions(Live):
    """A role without a right to ``secrets`` is refused each denied form, and never its twin."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.run("CREATE USER stranger;")

    def ask(self, text: str, user: str) -> Refusal | None:
        self.server.run(
            "DROP DATABASE IF EXISTS db; CREATE DATABASE db; USE db;"
            "CREATE TABLE secrets (a text); CREATE TABLE t (a text);"
            "CREATE TABLE secrets2 (a text);"
            "DROP DATABASE IF EXISTS secrets; CREATE DATABASE secrets; USE secrets;"
            "CREATE TABLE t (a int);"
            "GRANT ALL ON secrets.* TO stranger; GRANT LOCK TABLES ON db.* TO stranger;"
            "GRANT ALL ON db.t TO stranger; GRANT ALL ON db.secrets2 TO stranger;"
            "GRANT ALL ON db.x TO stranger;"
        )
        # Several statements, and PREPARE, cannot be prepared themselves.
        typed = ";" in text or text in BEFORE
        [said] = self.server.ask(
            [text.encode()],
            typed=typed,
            before=BEFORE.get(text, ""),
            user=user,
            database="db",
        )
        return said

    def test_denied_forms_read_the_table(self):
        for denied, _ in EVASIONS["mysql"]:
            said = self.ask(denied, "root")
            self.assertEqual(said.number if said else None, NOT_RUN.get(denied), (denied, said))
            if denied not in FILES:
                said = self.ask(denied, "stranger")
                self.assertIsNotNone(said, denied)
                self.assertIn(said.number, NO_RIGHT, (denied, said))
                self.assertIn("`db`.`secrets`", said.text.lower(), denied)

    def test_twins_do_not(self):
        for _, allowed in EVASIONS["mysql"]:
            said = self.ask(allowed, "stranger")
            self.assertTrue(said is None or said.number == NO_COLUMN, (allowed, said))
