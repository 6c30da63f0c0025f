"""AcraCensor through the wire: both drivers, both protocols, the state that a denial leaves."""

from __future__ import annotations

import asyncio
import json
import os
import signal

import asyncpg
import psycopg

from acra_twisted.sandbox.postgres import SUPERUSER
from tests.integration.base import Surroundings, eventually, get, raw_session, until_end
from tests.support.sessions import (
    SYNC,
    TERMINATE,
    bind,
    call,
    execute,
    messages,
    parse,
    query,
)

RULES = """version: 0.85.0
ignore_parse_error: false
parse_errors_log: {log}
handlers:
  - handler: query_capture
    filepath: {capture}
  - handler: allow
    queries:
      - SELECT 1 FROM secrets WHERE word = 'allowed'
  - handler: deny
    tables: [{table}]
"""

Denied = psycopg.errors.SyntaxErrorOrAccessRuleViolation


class Censor(Surroundings):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with psycopg.connect(
            host=str(cls.postgres.folder), port=cls.postgres.port, user=SUPERUSER, dbname="postgres"
        ) as direct:
            direct.execute("CREATE TABLE secrets (word text)")
            direct.execute("CREATE TABLE t (id int)")
            direct.execute("INSERT INTO secrets VALUES ('hidden')")
            direct.execute(
                "CREATE FUNCTION off() RETURNS text LANGUAGE sql AS "
                "$$ SELECT set_config('standard_conforming_strings', 'off', false) $$"
            )
        cls.rules = cls.folder / "rules.yaml"
        cls.write_rules("secrets")
        cls.linked = cls.chain(
            server={
                "pipeline": {"stages": ""},
                "censor": {"acracensor_config_file": str(cls.rules)},
                "logging": {"logging_format": "cef"},
                "tracing": {"tracing_sampler": "never"},
            },
        )

    @classmethod
    def write_rules(cls, table):
        cls.rules.write_text(
            RULES.format(
                log=cls.folder / "unparsed.jsonl",
                capture=cls.folder / "captured.jsonl",
                table=table,
            )
        )

    def open(self, **options):
        return self.connect(self.linked, **options)

    def refused(self, db, query, *arguments, **options):
        with self.assertRaises(psycopg.Error) as caught:
            db.execute(query, *arguments, **options)
        self.assertEqual(caught.exception.sqlstate, "42000", query)
        self.assertEqual(str(caught.exception), "AcraCensor blocked this query")

    def test_simple_and_prepared_statements(self):
        with self.open() as db:
            for text in ("SELECT * FROM secrets", "SELECT 1; TABLE secrets", "DO $$BEGIN END$$"):
                self.refused(db, text)
                self.assertEqual(db.execute("SELECT 2").fetchone(), (2,))
            for prepare in (False, True):
                self.refused(db, "SELECT * FROM secrets WHERE word = %s", ("x",), prepare=prepare)
                row = db.execute("SELECT %s::int", (3,), prepare=prepare).fetchone()
                self.assertEqual(row, (3,))
            self.assertEqual(
                db.execute("select 1 from secrets where word = 'allowed' -- x").fetchall(), []
            )
            self.refused(db, "SELECT 1 FROM secrets WHERE word = 'other'")

    def test_statements_prepared_in_sql(self):
        with self.open() as db:
            self.refused(db, "PREPARE s AS SELECT * FROM secrets")
            self.refused(db, "EXECUTE s")
            db.execute("PREPARE s AS SELECT 5")
            self.assertEqual(db.execute("EXECUTE s").fetchone(), (5,))

    def test_wrappers(self):
        with self.open() as db:
            for text in (
                "DECLARE c CURSOR WITH HOLD FOR TABLE secrets",
                "COPY secrets TO STDOUT",
                "COPY (SELECT * FROM secrets) TO STDOUT",
                "EXPLAIN ANALYZE SELECT * FROM secrets",
                "SELECT query_to_xml('TABLE secrets', true, true, '')",
                "CREATE VIEW v AS SELECT * FROM secrets",
                "ALTER TABLE secrets RENAME TO x",
            ):
                self.refused(db, text)

    def test_ds2_a_refused_statement_fails_its_transaction(self):
        refused = "SELECT * FROM secrets WHERE 'x' = 'x'"
        for arguments in ((), (("x",),)):
            with self.open() as db, self.subTest(extended=bool(arguments)):
                db.execute("TRUNCATE t")
                db.execute("BEGIN")
                db.execute("INSERT INTO t VALUES (1)")
                self.refused(
                    db, refused.replace("'x' =", "%s =") if arguments else refused, *arguments
                )
                self.assertEqual(db.info.transaction_status, psycopg.pq.TransactionStatus.INERROR)
                with self.assertRaises(psycopg.errors.InFailedSqlTransaction):
                    db.execute("INSERT INTO t VALUES (2)")
                self.assertEqual(db.execute("COMMIT").statusmessage, "ROLLBACK")
                self.assertEqual(db.execute("SELECT id FROM t").fetchall(), [])

    def test_ds2_a_block_that_was_opened_with_what_is_refused(self):
        def extended(text):
            return parse(b"", text) + bind(b"", b"") + execute()

        texts = (b"BEGIN", b"INSERT INTO t VALUES (1)", b"TABLE secrets")
        for opening in (query(b"; ".join(texts)), b"".join(map(extended, texts)) + SYNC):
            with self.open() as db:
                db.execute("TRUNCATE t")
            goes_on = query(b"INSERT INTO t VALUES (2)") + query(b"COMMIT")
            with raw_session(self.linked.port) as raw, self.subTest(opening[:1]):
                raw.sendall(opening + goes_on + TERMINATE)
                said = messages(until_end(raw))
            self.assertEqual([body for kind, body in said if kind == "Z"], [b"E", b"E", b"I"])
            self.assertEqual([body for kind, body in said if kind == "C"][-1], b"ROLLBACK\0")
            with self.open() as db:
                self.assertEqual(db.execute("SELECT id FROM t").fetchall(), [])

    def test_ds2_savepoints(self):
        with self.open() as db:
            db.execute("TRUNCATE t")
            db.execute("BEGIN")
            db.execute("INSERT INTO t VALUES (1)")
            db.execute("SAVEPOINT s")
            db.execute("INSERT INTO t VALUES (2)")
            self.refused(db, "TABLE secrets")
            self.refused(db, "TABLE secrets")
            db.execute("ROLLBACK TO SAVEPOINT s")
            self.assertEqual(db.info.transaction_status, psycopg.pq.TransactionStatus.INTRANS)
            db.execute("INSERT INTO t VALUES (3)")
            self.assertEqual(db.execute("COMMIT").statusmessage, "COMMIT")
            self.assertEqual(db.execute("SELECT id FROM t ORDER BY 1").fetchall(), [(1,), (3,)])

    def test_ds2_savepoints_in_a_pipeline(self):
        with self.open() as db:
            db.execute("TRUNCATE t")
            with db.transaction():
                db.execute("INSERT INTO t VALUES (1)")
                with self.assertRaises(Denied), db.pipeline(), db.transaction():
                    db.execute("INSERT INTO t VALUES (2)")
                    db.execute("SELECT * FROM secrets")
                db.execute("INSERT INTO t VALUES (3)")
            self.assertEqual(db.execute("SELECT id FROM t ORDER BY 1").fetchall(), [(1,), (3,)])

    def test_a_denial_in_a_pipeline(self):
        with self.open() as db:
            with self.assertRaises(psycopg.Error), db.pipeline():
                first = db.execute("SELECT %s::int", (1,))
                db.execute("SELECT * FROM secrets WHERE word = %s", ("x",))
                db.execute("SELECT %s::int", (3,))
            self.assertEqual(db.info.transaction_status, psycopg.pq.TransactionStatus.IDLE)
            self.assertIsNotNone(first)
            self.assertEqual(db.execute("SELECT 4").fetchone(), (4,))

    def test_a_statement_that_is_refused_while_the_client_copies_in(self):
        for text in (b"SELECT * FROM secrets", b"SELECT 1"):
            with raw_session(self.linked.port) as raw:
                raw.sendall(query(b"COPY t FROM STDIN"))
                self.assertEqual(raw.recv(100)[:1], b"G")
                raw.sendall(query(text))
                said = messages(until_end(raw))
            self.assertEqual("".join(kind for kind, _ in said), "EE")
            self.assertIn(b"C08P01", said[0][1])

    def test_the_fast_path(self):
        """A FunctionCall names its function by number, which nobody can judge: it is refused."""
        with self.open() as db:
            oid = db.execute("SELECT 'lo_create(oid)'::regprocedure::oid::int").fetchone()[0]
        with raw_session(self.linked.port) as raw:
            raw.sendall(
                call(oid, [b"987654"]) + query(b"BEGIN") + call(oid, [b"987654"]) + TERMINATE
            )
            said = messages(until_end(raw))
        self.assertEqual("".join(kind for kind, _ in said), "EZCZEZ")
        self.assertEqual([body for kind, body in said if kind == "Z"], [b"I", b"T", b"E"])
        for kind, body in said:
            if kind == "E":
                self.assertIn(b"C0A000", body)
                self.assertIn(b"function_call_enable = true", body)
        with self.open() as db:
            counted = "SELECT count(*) FROM pg_largeobject_metadata WHERE oid = 987654"
            self.assertEqual(db.execute(counted).fetchone(), (0,))

    def test_asyncpg(self):
        asyncio.run(self.use_asyncpg())

    async def use_asyncpg(self):
        db = await asyncpg.connect(
            host="127.0.0.1",
            port=self.linked.port,
            user=SUPERUSER,
            database="postgres",
            ssl="disable",
        )
        try:
            with self.assertRaises(asyncpg.PostgresError) as caught:
                await db.fetch("SELECT * FROM secrets WHERE word = $1", "x")
            self.assertEqual(caught.exception.sqlstate, "42000")
            self.assertEqual(await db.fetchval("SELECT $1::int", 7), 7)
            async with db.transaction():
                await db.execute("INSERT INTO t VALUES (1)")
            with self.assertRaises(asyncpg.PostgresError):
                await db.execute("TABLE secrets")
            statement = await db.prepare("SELECT count(*) FROM t WHERE id = $1")
            self.assertEqual(await statement.fetchval(1), 1)
        finally:
            await db.close()

    def test_what_the_database_reports_decides_how_a_text_is_read(self):
        text = r"SELECT '\' FROM secrets --'"
        with self.open() as db:
            self.refused(db, text)
            # Not by SET, which anybody would see, but inside a function.
            db.execute("SELECT off()")
            self.assertEqual(len(db.execute(text).fetchall()), 1)
            self.refused(db, r"SELECT '\'', word FROM secrets --'")

    def test_unsafe_encodings(self):
        with self.open() as db:
            self.refused(db, "SET client_encoding TO 'SJIS'")
            self.refused(db, "SELECT set_config('client_encoding', 'GBK', false)")
            db.execute("SET client_encoding TO 'LATIN1'")
            self.assertEqual(db.execute("SELECT 'é'").fetchone(), ("é",))

    def test_log_metrics_and_files(self):
        with self.open() as db:
            self.refused(db, "SELECT 'literal' FROM secrets")
            self.refused(db, "SELEC 'literal'")
        log = eventually(
            lambda: (t := self.linked.server.output()) and "|563|" in t and t, "the log"
        )
        lines = [line for line in log.splitlines() if "|560|" in line or "|563|" in line]
        self.assertTrue(
            any("cs1Label=traceId" in line and "SELECT ? FROM secrets" in line for line in lines)
        )
        self.assertNotIn("literal", log)
        metrics = get(self.linked.server_pages, "/metrics")
        self.assertIn('acra_censor_denials_total{by="deny.table"}', metrics)
        self.assertIn('acra_censor_denials_total{by="parse_error"}', metrics)
        self.assertIn('acra_events_total{code="563"}', metrics)
        unparsed = self.folder / "unparsed.jsonl"
        text = eventually(lambda: unparsed.exists() and unparsed.read_text(), "unparsed statements")
        self.assertIn("SELEC ?", [json.loads(line)["raw_query"] for line in text.splitlines()])

    def test_reload(self):
        with self.open() as db:
            self.addCleanup(self.write_rules, "secrets")
            db.execute("SELECT * FROM t")
            self.write_rules("t, secrets")
            os.kill(self.linked.server.pid, signal.SIGHUP)
            eventually(lambda: "Read anew" in self.linked.server.output(), "rules are read anew")
            self.refused(db, "SELECT * FROM t")
            self.rules.write_text("version: 0.85.0\nhandlers: nonsense\n")
            os.kill(self.linked.server.pid, signal.SIGHUP)
            eventually(
                lambda: "rules.yaml:2: handlers: expected a list" in self.linked.server.output(),
                "the broken file is refused",
            )
            self.refused(db, "SELECT * FROM t")
            self.write_rules("secrets")
            os.kill(self.linked.server.pid, signal.SIGHUP)
            eventually(lambda: self.works(db), "rules are back")

    @staticmethod
    def works(db):
        try:
            return db.execute("SELECT 1 FROM t LIMIT 0") is not None
        except psycopg.Error:
            return False
