"""Makers of stored values, from keys and from tokens."""

from twisted.internet.defer import succeed
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.facts import NOTHING, Wanted
from acra_twisted.encryption.making import SearchedTokens, TokenValues
from acra_twisted.encryption.plan import COMPARE, STORE, Use
from acra_twisted.stages.columnkeys import ColumnKeys
from acra_twisted.stages.columnmakers import ColumnMakers
from acra_twisted.stages.columntokens import ColumnTokens
from acra_twisted.stages.keymarks import KeyMarks
from acra_twisted.tokens.memorystore import MemoryStore
from acra_twisted.tokens.tokenizer import Tokenizer
from tests.support.mysqlplanning import AGE, EMAIL, NAME
from tests.support.mysqlsessions import MysqlBench


class Makers(SynchronousTestCase):
    def setUp(self):
        self.bench = MysqlBench()
        self.tokens = ColumnTokens(Tokenizer(MemoryStore(), self.bench.keys, lambda: 0))
        keys = ColumnKeys(self.bench.keys)
        self.makers = ColumnMakers(keys, self.tokens, KeyMarks(self.bench.keys))

    def test_no_values_need_no_keys(self):
        made = self.makers.of_keys(NOTHING, self.bench.exchange)
        self.assertEqual((made.sealers, made.searchers), ({}, {}))

    def test_keys(self):
        wanted = Wanted([Use(NAME, STORE, ""), Use(EMAIL, COMPARE, "")])
        made = self.makers.of_keys(wanted, self.bench.exchange)
        self.assertEqual((list(made.sealers), list(made.searchers)), ([NAME], [EMAIL]))
        self.bench.session.identity.client_id = "nobody"
        with self.assertRaises(ValueRefusedError):
            self.makers.of_keys(wanted, self.bench.exchange)

    def test_searches_in_columns_of_others_are_shown(self):
        own = EMAIL._replace(owner="another")
        self.makers.of_keys(Wanted([Use(own, COMPARE, "")]), self.bench.exchange)
        attribute = self.bench.exchange.attributes["acra.search_foreign_owner"]
        self.assertEqual(attribute, "people.email")

    def test_and_told_to_the_client_once(self):
        session = self.bench.session
        session.told = set()
        other = EMAIL._replace(owner="another")
        mine = EMAIL._replace(owner=session.identity.client_id)
        self.makers.of_keys(Wanted([Use(mine, COMPARE, "")]), self.bench.exchange)
        self.assertIsNone(self.bench.exchange.told)
        wanted = Wanted([Use(other, COMPARE, "")])
        self.makers.of_keys(wanted, self.bench.exchange)
        [notice] = self.bench.exchange.told
        self.assertIn("column people.email", notice.text)
        self.bench.exchange.told = None
        session.told.add(notice.text)
        self.makers.of_keys(wanted, self.bench.exchange)
        self.assertIsNone(self.bench.exchange.told)

    def test_tokens_beside_keys(self):
        own = self.makers.of_keys(Wanted([Use(NAME, STORE, "")]), self.bench.exchange)
        for values in (TokenValues({AGE: [b"1"]}, {}), succeed(TokenValues({AGE: [b"1"]}, {}))):
            both = self.successResultOf(self.makers.with_tokens(own, values, self.bench.exchange))
            self.assertEqual(list(both.sealers), [NAME, AGE])

    def test_marks(self):
        kept = [[Use(NAME, STORE, "")], [SearchedTokens(AGE, [b"1"])], []]
        first = self.successResultOf(self.makers.marks(kept, self.bench.exchange))
        again = self.successResultOf(self.makers.marks(kept, self.bench.exchange))
        self.assertEqual(first, again)
        self.assertEqual(len(set(first)), 3)
