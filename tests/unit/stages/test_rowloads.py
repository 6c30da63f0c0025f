"""Rows of loads, encoded with the keys of a session's client."""

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyClass

from acra_twisted.encryption.mysql.loading import FileRows
from acra_twisted.encryption.mysql.plan import Loaded
from acra_twisted.encryption.mysql.storage import ANY
from acra_twisted.interfaces import ILoad
from acra_twisted.stages.columnkeys import ColumnKeys
from acra_twisted.stages.columntokens import ColumnTokens
from acra_twisted.stages.rowloads import RowEncoder, RowLoading
from acra_twisted.tokens.memorystore import MemoryStore
from acra_twisted.tokens.tokenizer import Tokenizer
from acra_twisted.verdicts import Deny
from acra_twisted.wire.mysql.filepatterns import InfileFormat
from tests.support.containers import Workers
from tests.support.mysqlplanning import AGE, NAME
from tests.support.mysqlsessions import MysqlBench


class Rows(SynchronousTestCase):
    def setUp(self):
        self.bench = MysqlBench()
        self.workers = Workers()
        tokens = ColumnTokens(Tokenizer(MemoryStore(), self.bench.keys, lambda: 0))
        self.encoder = RowEncoder(ColumnKeys(self.bench.keys), tokens, self.workers)

    def load(self, *columns):
        loaded = Loaded(columns, InfileFormat(), "utf8mb4", [ANY] * len(columns))
        return RowLoading(
            lambda exchange: FileRows(loaded, "utf-8", 1 << 20), self.encoder, self.bench.exchange
        )

    def test_it_is_a_load(self):
        verifyClass(ILoad, RowLoading)

    def test_tokens_are_asked_for_before_rows_are_written(self):
        verdict = self.load(AGE, NAME).feed(b"42\ta\n42\tb\n", self.bench.exchange)
        made = self.successResultOf(verdict) if isinstance(verdict, Deferred) else verdict
        first, second = (row.split(b"\t")[0] for row in made.item.splitlines())
        # It is consistent.
        self.assertEqual(first, second)

    def test_large_rows_are_a_worker_s_many_are_done_in_turns(self):
        verdict = self.load(NAME).feed(b"x" * 300_000 + b"\n", self.bench.exchange)
        self.assertIsInstance(verdict, Deferred)
        self.assertEqual((len(self.workers.waiting), self.workers.turns), (1, []))
        self.workers.turn()
        self.assertGreater(len(self.successResultOf(verdict).item), 600_000)
        verdict = self.load(NAME).feed(b"name\n" * 400, self.bench.exchange)
        turns = 0
        while self.workers.turns:
            turns += 1
            self.workers.step()
        self.assertEqual(len(self.successResultOf(verdict).item.splitlines()), 400)
        self.assertGreater(turns * 42, 400)

    def test_a_value_that_is_refused(self):
        verdict = self.load(AGE).feed(b"secret\n", self.bench.exchange)
        verdict = self.successResultOf(verdict) if isinstance(verdict, Deferred) else verdict
        self.assertIsInstance(verdict, Deny)
        self.assertNotIn("secret", verdict.text)
