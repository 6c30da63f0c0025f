"""A stage that asks the database for its tables, rewrites statements with their parameters and
gives results other types: drivers and PostgreSQL see one consistent protocol."""

from __future__ import annotations

import asyncio
import os

import asyncpg
import pg8000.dbapi
import psycopg

from acra_twisted.sandbox.postgres import SUPERUSER
from acra_twisted.wire.postgres import backend
from tests.integration.base import Surroundings, raw_session
from tests.support.sessions import SYNC, bind, execute, messages, parse

STAGE = '''
from twisted.plugin import IPlugin
from zope.interface import implementer

from acra_twisted.exchange import Parameters, Statement, ToldType
from acra_twisted.interfaces import (
    IParameterStage, IResultStage, IStageFactory, IStatementStage
)
from acra_twisted.verdicts import PASS, Replace


@implementer(IPlugin, IStageFactory)
class Factory:
    name = "halves"
    options = after = before = ()
    advisory = False

    def make(self, settings, services):
        return Halves()


WRITTEN = b"INSERT INTO halves VALUES ($1, $2)"
SENT = b"INSERT INTO halves VALUES ($1, $2 || '/' || $3)"
QUESTION = (
    b"SELECT c.oid, pg_catalog.pg_sleep(0.01) FROM pg_catalog.pg_class c"
    b" WHERE c.relname = 'halves'"
)


@implementer(IStatementStage, IParameterStage, IResultStage)
class Halves:
    """A number is stored as the text of its two halves, and read as the number."""

    name = "halves"

    def on_statement(self, statement, exchange):
        session = exchange.session
        if session.meaning is not None or statement.text.startswith(b"CREATE"):
            return self.rewritten(statement)

        def answered(rows):
            session.meaning = int(rows[0][0]) if rows else None
            return self.rewritten(statement)

        return session.ask(QUESTION).addCallback(answered)

    def rewritten(self, statement):
        if statement.text != WRITTEN:
            return PASS
        made = Statement(SENT, statement.prepared_name)
        made.types = [*statement.types[:1], 25, 25][-3:] if statement.types else [0, 25, 25]
        made.told = [ToldType(1), ToldType(2, 23)]
        return Replace(made)

    def on_parameters(self, parameters, exchange):
        statement = parameters.statement
        if statement is None or statement.told is None:
            return PASS
        first, number = parameters.values
        if parameters.formats[1]:
            number = int.from_bytes(number, "big")
        half = b"%d" % (int(number) // 2), b"%d" % (int(number) - int(number) // 2)
        formats = [parameters.formats[0], 0, 1]
        return Replace(Parameters([first, *half], formats, statement))

    def plan_result(self, columns):
        chosen = [
            at for at, table in enumerate(columns.tables)
            if table and table == columns.meaning and columns.attributes[at] == 2
        ]
        return Transform(columns, chosen) if chosen else None

    def stop(self):
        pass


class Transform:
    concerns = None

    def __init__(self, columns, chosen):
        self.chosen = chosen
        for at in chosen:
            columns = columns.with_type(at, 23, 4)
        self.columns = columns

    def transform(self, batch, exchange):
        for row in range(len(batch)):
            for at in self.chosen:
                number = sum(map(int, batch.cells(row)[at].split(b"/")))
                binary = batch.columns.formats[at]
                batch.set_cell(row, at, number.to_bytes(4, "big") if binary else b"%d" % number)
        return Replace(batch)


halves = Factory()
'''
INSERT = "INSERT INTO halves VALUES ($1, $2)"


class Rewriting(Surroundings):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        plugins = cls.folder / "site" / "acra_twisted" / "plugins"
        plugins.mkdir(parents=True)
        (plugins / "halves.py").write_text(STAGE)
        cls.served = cls.chain(
            link="none",
            server={"pipeline": {"stages": "halves"}},
            environment={**os.environ, "PYTHONPATH": str(cls.folder / "site")},
        )
        with cls.direct() as db:
            db.execute("CREATE TABLE halves (id int, half text)")

    def setUp(self):
        with self.direct() as db:
            db.execute("TRUNCATE halves")

    def stored(self):
        with self.direct() as db:
            return db.execute("SELECT id, half FROM halves ORDER BY id").fetchall()

    def test_psycopg(self):
        for binary in (False, True):
            self.setUp()
            with self.connect(self.served) as db, psycopg.RawCursor(db) as cursor:
                cursor.adapters.register_dumper(int, psycopg.types.numeric.Int4BinaryDumper)
                for number in range(7):
                    # Prepared by name from the fifth time on.
                    cursor.execute(INSERT, (number, 100 + number))
                cursor.execute("SELECT half, id FROM halves ORDER BY id", binary=binary)
                self.assertEqual([one.type_code for one in cursor.description], [23, 23])
                self.assertEqual(cursor.fetchall(), [(100 + n, n) for n in range(7)])
            self.assertEqual(self.stored()[:2], [(0, "50/50"), (1, "50/51")])

    def test_asyncpg(self):
        async def talk():
            db = await asyncpg.connect(
                host="127.0.0.1", port=self.served.port, user=SUPERUSER, database="postgres",
                ssl=False,
            )  # fmt: skip
            try:
                await db.executemany(INSERT, [(n, 100 + n) for n in range(5)])
                async with db.transaction():
                    cursor = await db.cursor("SELECT id, half FROM halves ORDER BY id")
                    first = await cursor.fetch(2)
                return [*first, *await db.fetch("SELECT id, half FROM halves WHERE id > $1", 1)]
            finally:
                await db.close()

        found = [tuple(one) for one in asyncio.run(talk())]
        self.assertEqual(found, [(n, 100 + n) for n in range(5)])
        self.assertEqual(self.stored()[-1], (4, "52/52"))

    def test_pg8000(self):
        db = pg8000.dbapi.connect(
            user=SUPERUSER, host="127.0.0.1", port=self.served.port, database="postgres"
        )
        self.addCleanup(db.close)
        cursor = db.cursor()
        cursor.execute("INSERT INTO halves VALUES (%s, '3/4')", (1,))
        cursor.execute("SELECT half FROM halves")
        self.assertEqual(cursor.fetchall(), ([7],))

    def test_a_client_that_never_asks_for_columns(self):
        with self.direct() as db:
            db.execute("INSERT INTO halves VALUES (1, '20/22')")
        with raw_session(self.served.port) as raw:

            def talk(said, ends=1):
                raw.sendall(said)
                got = b""
                while got.count(b"Z\0\0\0\5") < ends:
                    got += raw.recv(1 << 16)
                return messages(got)

            run = bind(b"", b"") + execute() + SYNC
            for said in (parse(b"", b"SELECT half FROM halves") + run, run):
                found = talk(said)
                rows = [body for kind, body in found if kind == "D"]
                self.assertEqual(rows, [b"\0\1\0\0\0\x0242"])
                # Nothing of the question, nor of the description, is seen.
                self.assertEqual("".join(kind for kind, _ in found).lstrip("1"), "2DCZ")

    def test_cursors_of_sql_and_of_other_names(self):
        with self.direct() as db:
            db.execute("INSERT INTO halves VALUES (1, '20/22')")
        with self.connect(self.served, autocommit=False) as db:
            for binary in (False, True):
                with db.cursor(name="server side", binary=binary) as cursor:
                    cursor.execute("SELECT id, half AS other FROM halves")
                    self.assertEqual(cursor.fetchone(), (1, 42))

    def test_a_transaction_that_begins_with_its_isolation(self):
        """The question comes first, before the transaction begins."""
        with self.connect(self.served) as db:
            db.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
            db.autocommit = False
            db.execute("INSERT INTO halves VALUES (5, '1/2')")
            self.assertEqual(db.execute("SELECT half FROM halves").fetchone(), (3,))

    def test_what_the_database_answers_is_not_seen_by_the_client(self):
        with raw_session(self.served.port) as raw:
            raw.sendall(b"Q\0\0\0\x0dSELECT 1\0")
            got = b""
            while not got.endswith(backend.encode_ready(b"I")):
                got += raw.recv(1 << 16)
            self.assertEqual("".join(kind for kind, _ in messages(got)), "TDCZ")
