"""Values of MySQL's texts, encoded with the keys of a session's client."""

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.facts import Wanted
from acra_twisted.encryption.mysql import encoding
from acra_twisted.encryption.mysql.encoding import Parameter, Reading
from acra_twisted.stages.columnkeys import ColumnKeys
from acra_twisted.stages.columnmakers import ColumnMakers
from acra_twisted.stages.columntokens import ColumnTokens
from acra_twisted.stages.keymarks import KeyMarks
from acra_twisted.stages.mysqlencoding import INLINE, MysqlEncoder
from acra_twisted.stages.rowloads import RowEncoder
from acra_twisted.tokens.memorystore import MemoryStore
from acra_twisted.tokens.tokenizer import Tokenizer
from tests.support.containers import Workers
from tests.support.mysqlplanning import plan
from tests.support.mysqlsessions import MysqlBench

UTF8 = Reading("utf-8", True)


class Encoding(SynchronousTestCase):
    def setUp(self):
        self.bench = MysqlBench()
        self.workers = Workers()
        tokens = ColumnTokens(Tokenizer(MemoryStore(), self.bench.keys, lambda: 0))
        keys = ColumnKeys(self.bench.keys)
        makers = ColumnMakers(keys, tokens, KeyMarks(self.bench.keys))
        rows = RowEncoder(keys, tokens, self.workers)
        self.encoder = MysqlEncoder(makers, self.workers, rows)

    def text(self, text):
        planned = plan(text)
        values = encoding.of_literals(planned.plan, planned.literals, UTF8)
        wanted = Wanted([one.use for one in planned.plan.values], planned.plan.matched)
        return planned, wanted, self.encoder.text(planned, wanted, values, self.bench.exchange)

    def test_few_values_are_encoded_at_once(self):
        _, _, filled = self.text("INSERT INTO people (name) VALUES ('n')")
        self.assertNotIn(b"'n'", filled.text)
        self.assertEqual(self.bench.session.observer.values("encrypted"), 1)

    def test_many_values_are_encoded_by_a_worker(self):
        rows = ", ".join(["('n')"] * (INLINE + 1))
        _, _, filled = self.text(f"INSERT INTO people (name) VALUES {rows}")
        self.assertIsInstance(filled, Deferred)
        self.workers.turn()
        self.assertEqual(self.successResultOf(filled).text.count(b"x'"), INLINE + 1)

    def test_tokens_are_asked_for_together(self):
        _, _, filled = self.text("INSERT INTO people (age, phone) VALUES (1, '2'), (3, '4')")
        text = self.successResultOf(filled).text
        self.assertNotIn(b"(1,", text)

    def test_null_in_a_column_with_tokens_needs_no_store(self):
        planned, wanted, filled = self.text("UPDATE people SET age = ?")
        given = [Parameter(3, None, 0)]
        sent = self.encoder.parameters(
            *(planned.plan, filled.parameters, given, wanted, UTF8, self.bench.exchange)
        )
        self.assertEqual([one.value for one in sent], [None])

    def test_marks_are_those_of_keys_and_tokens(self):
        planned, _, _ = self.text("UPDATE people SET name = ? WHERE phone = '1'")
        values = encoding.of_literals(planned.plan, planned.literals, UTF8)
        first = self.successResultOf(self.encoder.mark(planned.plan, values, self.bench.exchange))
        self.text("INSERT INTO people (phone) VALUES ('1')")
        second = self.successResultOf(self.encoder.mark(planned.plan, values, self.bench.exchange))
        self.assertNotEqual(first, second)
