"""Stages that change rows: the types that a client is told of, and what it loads with COPY."""

from __future__ import annotations

import os

import psycopg
from psycopg.pq import ExecStatus

from tests.integration.base import Surroundings

STAGE = '''
from twisted.plugin import IPlugin
from zope.interface import implementer

from acra_twisted.interfaces import ILoadStage, IResultStage, IStageFactory
from acra_twisted.verdicts import PASS, Deny, Replace


@implementer(IPlugin, IStageFactory)
class Factory:
    name = "numbers"
    options = after = before = ()
    advisory = False

    def make(self, settings, services):
        return Numbers()


@implementer(IResultStage, ILoadStage)
class Numbers:
    """Texts named ``n`` become numbers; what is loaded is written in capitals."""

    name = "numbers"

    def plan_result(self, columns):
        if columns.layout:
            return None
        chosen = [at for at, name in enumerate(columns.names) if name == b"n"]
        return Transform(columns, chosen) if chosen else None

    def plan_load(self, columns):
        return Capitals()

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
                number = int(batch.cells(row)[at]) + 1
                binary = batch.columns.formats[at]
                batch.set_cell(row, at, number.to_bytes(4, "big") if binary else b"%d" % number)
        return Replace(batch)


class Capitals:
    columns = None

    @staticmethod
    def concerns(data, start, end):
        return data.find(b"x", start, end) >= 0 or data.find(b"secret", start, end) >= 0

    def transform(self, batch, exchange):
        for row in range(len(batch)):
            line = batch.cells(row)[0]
            if b"secret" in line:
                return Deny("no secrets")
            batch.set_cell(row, 0, line.replace(b"x", b"X"))
        return Replace(batch)


numbers = Factory()
'''


class Rows(Surroundings):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        plugins = cls.folder / "site" / "acra_twisted" / "plugins"
        plugins.mkdir(parents=True)
        (plugins / "numbers.py").write_text(STAGE)
        cls.served = cls.chain(
            link="none",
            server={"pipeline": {"stages": "numbers"}},
            environment={**os.environ, "PYTHONPATH": str(cls.folder / "site")},
        )

    def setUp(self):
        self.db = self.connect(self.served)
        self.addCleanup(self.db.close)
        self.db.execute("CREATE TEMP TABLE t (a text)")

    def loaded(self):
        return [value for (value,) in self.db.execute("SELECT a FROM t").fetchall()]

    def copy(self, *blocks, query="COPY t FROM STDIN"):
        with self.db.cursor() as cursor, cursor.copy(query) as copy:
            for block in blocks:
                copy.write(block)

    def test_a_client_gets_the_type_that_it_is_told(self):
        for binary in (False, True):
            for prepare in (False, True, True):
                with self.db.cursor(binary=binary) as cursor:
                    cursor.execute("SELECT %s::text AS n, 'b' AS b", ("41",), prepare=prepare)
                    self.assertEqual([one.type_code for one in cursor.description], [23, 25])
                    self.assertEqual(cursor.fetchall(), [(42, "b")])

    def test_what_is_loaded_is_changed(self):
        self.copy("one\nx", "yz\n", "two\n", "no end x")
        self.assertEqual(self.loaded(), ["one", "Xyz", "two", "no end X"])
        many = "".join(f"line {number} x\n" for number in range(50_000))
        self.copy(many)
        self.assertEqual(self.loaded()[4:], many.replace("x", "X").splitlines())

    def test_a_load_that_is_refused_fails_and_the_session_goes_on(self):
        for blocks in (["secret\n"], ["one\n", "secret\n", "two\n"], ["a\n" * 100_000, "secret\n"]):
            with self.assertRaisesRegex(psycopg.Error, "no secrets"):
                self.copy(*blocks)
            self.assertEqual(self.loaded(), [])
        with self.db.transaction(force_rollback=True):
            with self.assertRaisesRegex(psycopg.Error, "no secrets"):
                self.copy("secret\n")
            status = self.db.pgconn.exec_(b"SELECT 1").status
            self.assertEqual(status, ExecStatus.FATAL_ERROR)
        self.copy("x\n")
        self.assertEqual(self.loaded(), ["X"])
