"""PostgreSQL's own reading of SQL: tables, and each way around the firewall."""

from __future__ import annotations

import re
import unittest

import psycopg
from psycopg.pq import ExecStatus

from acra_twisted.sandbox.postgres import SUPERUSER, Postgres
from acra_twisted.sql import lexer, postgresql
from tests.support.evasions import EVASIONS

NO_TABLE, NO_SCHEMA, NO_RIGHT, NO_COLUMN = "42P01", "3F000", "42501", "42703"
#: Statements whose tables the server names one after another.  Every table has the columns a, b.
TABLES = (
    "SELECT (SELECT 1 FROM t)",
    "SELECT 1 FROM a, b JOIN c ON true",
    "SELECT 1 FROM a NATURAL LEFT JOIN (b CROSS JOIN c AS d (x, y))",
    "SELECT 1 ORDER BY (SELECT 1 FROM t)",
    "SELECT 1 LIMIT (SELECT 1 FROM t)",
    "SELECT 1 FROM a GROUP BY b HAVING exists (SELECT FROM t)",
    "SELECT sum(a) FILTER (WHERE a IN (SELECT 1 FROM t)) OVER (ORDER BY b) FROM x",
    "SELECT sum(a) OVER w FROM x WINDOW w AS (PARTITION BY (SELECT 1 FROM t))",
    "SELECT ARRAY(SELECT a FROM t), ROW((SELECT 1 FROM a))",
    "SELECT CASE WHEN true THEN (SELECT 1 FROM b) END, COALESCE((SELECT 1 FROM c), 1)",
    "SELECT 1 FROM a UNION SELECT 1 FROM b EXCEPT SELECT 1 FROM c",
    "SELECT 1 FROM a, LATERAL (SELECT 1 FROM b WHERE b.a = a.a) x",
    "SELECT 1 FROM a TABLESAMPLE system ((SELECT count(*) FROM t))",
    "SELECT 1 FROM generate_series(1, (SELECT 1 FROM t)) x",
    "SELECT 1 FROM ROWS FROM (unnest(ARRAY(SELECT 1 FROM t))) x",
    "SELECT DISTINCT ON ((SELECT 1 FROM t)) 1 FROM a",
    "SELECT 1 FROM a FOR UPDATE OF a",
    "SELECT 1 INTO made FROM t",
    "VALUES ((SELECT 1 FROM t))",
    "TABLE ONLY t",
    "WITH t AS (SELECT 1) TABLE t",
    "WITH t AS (SELECT 1 FROM t) TABLE t",
    "WITH x AS (SELECT 1 FROM y), y AS (SELECT 1) SELECT 1 FROM x, y",
    "WITH RECURSIVE x AS (SELECT 1 FROM y), y AS (SELECT 1) SELECT 1 FROM x, y",
    "WITH RECURSIVE r (n) AS (SELECT 1 UNION SELECT a FROM t, r) TABLE r",
    "SELECT (WITH c AS (TABLE t) SELECT 1 FROM c), 1 FROM c",
    "WITH c AS (SELECT 1) SELECT (WITH c AS (TABLE t) SELECT 1 FROM c) FROM c",
    "WITH c AS (SELECT 1) SELECT 1 FROM public.c",
    "WITH d AS (DELETE FROM a RETURNING a) INSERT INTO b (a) SELECT a FROM d",
    "WITH a AS (SELECT 1) DELETE FROM a",
    "WITH a AS (SELECT 1) INSERT INTO a (a) VALUES (1)",
    "INSERT INTO a (a) SELECT 1 FROM b",
    "INSERT INTO a (a) VALUES (1) ON CONFLICT DO NOTHING RETURNING (SELECT 1 FROM b)",
    "INSERT INTO a (a) VALUES ((SELECT count(*) FROM t))",
    "UPDATE a SET a = 1 FROM b WHERE a.a IN (SELECT 1 FROM c)",
    "UPDATE a SET (a, b) = (SELECT 1, 2 FROM t)",
    "DELETE FROM a USING b WHERE EXISTS (TABLE c)",
    "MERGE INTO a USING b ON true WHEN MATCHED THEN DO NOTHING",
    "MERGE INTO a USING (SELECT 1 FROM t) x ON true WHEN MATCHED THEN DELETE",
    "COPY t TO STDOUT",
    "COPY (SELECT 1 FROM t) TO STDOUT",
    "CREATE TABLE made AS SELECT 1 FROM t",
    "CREATE TABLE made (LIKE t) INHERITS (p)",
    "CREATE TABLE made (a int REFERENCES t)",
    "CREATE VIEW made AS SELECT 1 FROM t",
    "CREATE MATERIALIZED VIEW made AS TABLE t",
    "CREATE INDEX made ON t (a)",
    "CREATE SEQUENCE made OWNED BY t.a",
    "EXPLAIN ANALYZE SELECT 1 FROM t",
    "PREPARE s AS SELECT 1 FROM t",
    "DECLARE c CURSOR FOR SELECT 1 FROM t",
    "LOCK a, b",
    "TRUNCATE a, b",
    "ALTER TABLE a ADD COLUMN z int",
    "ALTER TABLE a ALTER COLUMN a SET DEFAULT 1",
    "DROP TABLE t",
    "COMMENT ON COLUMN t.a IS 'x'",
    "GRANT SELECT ON t TO postgres",
    "ANALYZE t",
    "SELECT 1 FROM other.t, t",
    'SELECT 1 FROM U&"\\0074", "T"',
)
#: Denied forms that touch no table: files, programs, code.
CODE = {
    "PREPARE s AS SELECT 1; EXECUTE z",
    "COPY t TO PROGRAM 'cat'",
    "DO $$BEGIN PERFORM 1; END$$",
}
#: What makes a statement that was only kept run, so that rights are looked at.
AFTER = {
    "PREPARE s AS SELECT * FROM secrets": "EXECUTE s",
    "CREATE VIEW v AS TABLE secrets": "TABLE v",
}
#: Denied forms that a server of this version does not run, with its error.
NOT_RUN = {"PREPARE s AS SELECT 1; EXECUTE z": "26000"}


class Live(unittest.TestCase):
    """One server; every text in a transaction that is rolled back."""

    @classmethod
    def setUpClass(cls):
        cls.server = Postgres()
        cls.addClassCleanup(cls.server.remove)
        cls.server.start()

    def open(self, user=SUPERUSER):
        db = psycopg.connect(
            host="127.0.0.1", port=self.server.port, user=user, dbname="postgres", autocommit=True
        )
        self.addCleanup(db.close)
        return db

    @staticmethod
    def ask(db, text: str, before: str = "") -> tuple[str, str]:
        """SQLSTATE and message of what the server says to a text; the state is empty if it runs."""
        raw = db.pgconn
        kept = AFTER.get(text, "")
        for part in ("DEALLOCATE ALL", "BEGIN", before, text, kept):
            if not part:
                continue
            done = raw.exec_(part.encode())
            if done.status == ExecStatus.COPY_OUT:
                while raw.get_copy_data(0)[0] > 0:
                    pass
                done = raw.get_result()
            if done.status == ExecStatus.FATAL_ERROR:
                break
        raw.exec_(b"ROLLBACK")
        state = (done.error_field(psycopg.pq.DiagnosticField.SQLSTATE) or b"").decode()
        return state, done.error_message.decode()


class Tables(Live):
    """The tables that the server looks for are those of our tree."""

    def test_what_the_server_looks_for(self):
        db = self.open()
        for statement in TABLES:
            raw = statement.encode()
            found = {
                ".".join(filter(None, table)).replace("public.", "")
                for parsed in postgresql.parse(raw, lexer.tokens(raw))
                for table in parsed.tables
            }
            self.assertEqual(found - {"made"}, self.wanted(db, statement), statement)

    def wanted(self, db, statement: str) -> set[str]:
        """Tables are made one after the other until the server wants no more."""
        names: set[str] = set()
        for _ in range(6):
            made = "".join(
                f"CREATE TABLE {self.quoted(name)} (a int PRIMARY KEY, b int);"
                for name in sorted(names)
            )
            state, text = self.ask(db, statement, f"CREATE SCHEMA other; {made}")
            if not state:
                return names
            self.assertEqual(state, NO_TABLE, (statement, text))
            name = re.search(r'(?:relation|table) "([^"]+)"', text)
            self.assertIsNotNone(name, (statement, text))
            names.add(name.group(1).replace("public.", ""))
        raise AssertionError(f"{statement!r}: {names}")

    @staticmethod
    def quoted(name: str) -> str:
        return ".".join(f'"{part}"' for part in name.split("."))


class Evasions(Live):
    """A role without a right to ``secrets`` is refused each denied form, and never its twin."""

    TABLES = (
        "CREATE TABLE secrets (a int); CREATE TABLE t (a int); CREATE SCHEMA secrets;"
        'CREATE TABLE secrets.t (a int); CREATE TABLE "Secrets" (a int);'
        'CREATE TABLE "secretS2" (a int); CREATE TABLE secrets2 (a int);'
    )

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with psycopg.connect(
            host="127.0.0.1", port=cls.server.port, user=SUPERUSER, dbname="postgres"
        ) as db:
            db.execute(cls.TABLES)
            db.execute(
                "CREATE ROLE stranger LOGIN; GRANT ALL ON SCHEMA public, secrets TO stranger;"
                'GRANT ALL ON t, secrets.t, "Secrets", "secretS2", secrets2 TO stranger;'
            )

    def test_denied_forms_read_the_table(self):
        owner, stranger = self.open(), self.open("stranger")
        for denied, _ in EVASIONS["postgresql"]:
            state, text = self.ask(owner, denied)
            self.assertEqual(state, NOT_RUN.get(denied, ""), (denied, text))
            if denied not in CODE:
                state, text = self.ask(stranger, denied)
                self.assertEqual(state, NO_RIGHT, (denied, text))
                self.assertIn("table secrets", text, denied)

    def test_twins_do_not(self):
        stranger = self.open("stranger")
        for _, allowed in EVASIONS["postgresql"]:
            state, text = self.ask(stranger, allowed)
            self.assertNotIn("table secrets", text, allowed)
            self.assertIn(state, ("", NO_COLUMN, NO_RIGHT), (allowed, text))
