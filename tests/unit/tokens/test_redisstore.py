"""A token store in Redis."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from acra_twisted.errors import TokenStoreError
from acra_twisted.interfaces import ITokenStore
from acra_twisted.tokens.redisstore import RedisStore
from tests.support import vectors
from tests.support.tokenstores import BUCKETS, MemoryRedis, compare, everything

STORE = vectors.encryption()["token_store"]


class Redis(SynchronousTestCase):
    def setUp(self):
        self.redis = MemoryRedis()
        self.store = RedisStore(self.redis)

    def result(self, coroutine):
        return self.successResultOf(Deferred.fromCoroutine(coroutine))

    @given(st.randoms(use_true_random=False))
    def test_it_does_what_the_contract_says(self, random):
        self.result(compare(self, RedisStore(MemoryRedis()), random))

    def test_the_interface(self):
        self.assertTrue(verifyObject(ITokenStore, self.store))

    def test_names_and_texts_are_those_of_acra(self):
        bucket = bytes.fromhex(STORE["bucket"])
        pairs = [vectors.unhex(record, "key", "record") for record in STORE["records"]]
        self.successResultOf(self.store.add(bucket, [[pair] for pair in pairs]))
        self.assertEqual(
            self.redis.texts,
            {r["redis_key"].encode(): r["redis_value"].encode() for r in STORE["records"]},
        )
        self.assertEqual(
            {e[1:] for e in self.result(everything(self.store))}, set(map(tuple, pairs))
        )

    def test_many_are_asked_for_in_one_round_trip(self):
        groups = [[(b"t.%d" % n, b"r"), (b"h.%d" % n, b"s")] for n in range(2500)]
        self.assertEqual(self.successResultOf(self.store.add(BUCKETS[0], groups)), [True] * 2500)
        keys = [b"t.%d" % n for n in range(2600)]
        found = self.successResultOf(self.store.get(BUCKETS[0], keys))
        self.assertEqual(found, [b"r"] * 2500 + [None] * 100)
        self.assertEqual([len(commands) for commands in self.redis.asked], [3, 3])

    def test_names_of_others_are_passed_over(self):
        self.redis.texts = {
            b"tokens/xyz": b"1",
            b"tokens/" + b"00" * 31 + b"/742e": b"2",
            b"tokens/" + b"00" * 32 + b"/": b"3",
            b"tokens/\xff": b"4",
        }
        self.assertEqual(self.result(everything(self.store)), [])

    def test_texts_that_are_no_records_are_errors(self):
        for text in (b"xy", b"\xff", b"0", 7, [b"00"]):
            self.redis.texts = {b"tokens/" + b"01" * 32 + b"/742e": text}
            self.failureResultOf(self.store.get(BUCKETS[0], [b"t."]), TokenStoreError)
            self.failureResultOf(self.store.page(), TokenStoreError)

    def test_an_answer_to_scan_that_is_none_is_an_error(self):
        for answer in (None, [b"0"], [b"0", None], [b"0", [1]]):
            self.redis.answer = lambda *words, answer=answer: answer
            self.failureResultOf(self.store.page(), TokenStoreError)
