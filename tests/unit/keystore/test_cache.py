"""The cache: bounded, zeroing, noticing changes; with stores that answer later (KE-8, KE-10)."""

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from acra_twisted import purposes
from acra_twisted.interfaces import IKeys
from acra_twisted.keystore.cache import OFF, RECHECK, KeyCache
from acra_twisted.keystore.memory import MemoryKeyStore
from acra_twisted.purposes import (
    CONNECTOR,
    SEARCH_HMAC,
    SERVER,
    STORAGE,
    STORAGE_SYMMETRIC,
)
from acra_twisted.themis import keys
from tests.unit.keystore.base import OWNER, FolderCase


class Caching(FolderCase):
    def setUp(self):
        super().setUp()
        self.clock = Clock()
        self.cache = KeyCache(self.store, 2, self.clock.seconds)
        for owner in ("first", "second", "third"):
            self.writer.generate(SEARCH_HMAC, owner)

    def buffer(self, owner):
        return self.cache.keys(SEARCH_HMAC, owner)[0].value

    def test_kept_once_opened(self):
        verifyObject(IKeys, self.cache)
        first = self.cache.keys(SEARCH_HMAC, "first")
        self.assertIs(self.cache.keys(SEARCH_HMAC, "first"), first)
        self.assertEqual(self.cache.counts, {"hit": 1, "miss": 1, "evicted": 0})

    def test_ke8_zero_after_eviction(self):
        first, second = self.buffer("first"), self.buffer("second")
        self.assertEqual(self.buffer("first"), first)
        self.buffer("third")
        self.assertEqual(second, bytes(32))
        self.assertNotEqual(first, bytes(32))
        self.assertEqual((len(self.cache), self.cache.counts["evicted"]), (2, 1))

    def test_ke8_zero_after_forget_but_not_in_use(self):
        first = self.buffer("first")
        held = self.cache.keys(SEARCH_HMAC, "second")
        self.cache.forget()
        self.assertEqual(first, bytes(32))
        self.assertNotEqual(held[0].value, bytes(32))
        buffer = held[0].value
        del held
        self.assertEqual(buffer, bytes(32))

    def test_ke8_zero_at_shutdown_even_in_use(self):
        held = self.cache.keys(SEARCH_HMAC, "first")
        opener = self.cache.opener(STORAGE, SEARCH_HMAC, "first")
        master = self.store.master.value
        self.cache.close()
        self.assertEqual(held[0].value, bytes(32))
        self.assertEqual(master, bytes(32))
        self.assertEqual(opener._symmetric, [])

    def test_ke10_a_changed_or_destroyed_key_is_noticed(self):
        before = self.cache.keys(SEARCH_HMAC, "first")
        self.clock.advance(RECHECK)
        self.assertIs(self.cache.keys(SEARCH_HMAC, "first"), before)
        self.writer.generate(SEARCH_HMAC, "first")
        self.assertIs(self.cache.keys(SEARCH_HMAC, "first"), before)
        self.clock.advance(RECHECK)
        self.assertEqual(len(self.cache.keys(SEARCH_HMAC, "first")), 2)
        self.writer.destroy(SEARCH_HMAC, "first")
        self.clock.advance(RECHECK)
        self.assertEqual(self.cache.keys(SEARCH_HMAC, "first"), ())

    def test_ke3_an_opener_learns_of_rotated_keys(self):
        opener = self.cache.opener(STORAGE, STORAGE_SYMMETRIC, OWNER)
        self.assertIs(self.cache.opener(STORAGE, STORAGE_SYMMETRIC, OWNER), opener)
        self.writer.generate(STORAGE, OWNER)
        self.clock.advance(RECHECK)
        self.assertIsNot(self.cache.opener(STORAGE, STORAGE_SYMMETRIC, OWNER), opener)

    def test_public_keys_and_absent_ones(self):
        self.assertIsNone(self.cache.public_key(STORAGE, OWNER))
        self.writer.generate(STORAGE, OWNER)
        self.assertIsNone(self.cache.public_key(STORAGE, OWNER))
        self.clock.advance(RECHECK)
        self.assertIsNotNone(self.cache.public_key(STORAGE, OWNER))

    def test_cl7_ids_that_anybody_may_claim_leave_nothing_behind(self):
        cache = KeyCache(self.store, 0, self.clock.seconds)
        self.writer.generate(SERVER, OWNER)
        known = cache.keys(SERVER, OWNER)
        for number in range(100):
            for purpose in (SERVER, CONNECTOR):
                self.assertEqual(cache.keys(purpose, f"stranger {number}"), ())
                self.assertIsNone(cache.public_key(purpose, f"stranger {number}"))
        self.assertEqual(len(cache), 1)
        self.assertIs(cache.keys(SERVER, OWNER), known)

    def test_those_who_follow_are_told_when_keys_are_dropped(self):
        told = []
        for number in range(2):
            self.assertTrue(self.cache.follow(lambda number=number: told.append(number)))
        for owner in ("first", "second", "second"):
            self.cache.keys(SEARCH_HMAC, owner)
        self.assertEqual(told, [])
        self.cache.keys(SEARCH_HMAC, "third")
        self.assertEqual(told, [0, 1])
        self.clock.advance(RECHECK)
        self.cache.keys(SEARCH_HMAC, "third")
        self.assertEqual(told, [0, 1])
        self.writer.generate(SEARCH_HMAC, "third")
        self.clock.advance(RECHECK)
        self.cache.keys(SEARCH_HMAC, "third")
        self.assertEqual(told, [0, 1] * 2)
        self.cache.forget()
        self.assertEqual(told, [0, 1] * 3)
        self.cache.close()
        self.assertEqual(told, [0, 1] * 4)
        self.assertFalse(KeyCache(self.store, OFF, self.clock.seconds).follow(told.clear))

    def test_off(self):
        cache = KeyCache(self.store, OFF, self.clock.seconds)
        buffer = cache.keys(SEARCH_HMAC, "first")[0].value
        self.assertEqual((buffer, len(cache)), (bytes(32), 0))
        self.assertEqual(
            cache.version(SEARCH_HMAC, "first"), self.store.version(SEARCH_HMAC, "first")
        )


class Derived(FolderCase):
    def test_one_for_each_use_the_same_each_time(self):
        cache = KeyCache(self.store, 0, lambda: 0.0)
        one = cache.derived(b"one use")
        self.assertEqual(len(one), 32)
        self.assertEqual(cache.derived(b"one use"), one)
        self.assertNotEqual(cache.derived(b"another"), one)
        self.assertNotIn(one, bytes(self.store.master.value))

    def test_a_store_without_a_master_key(self):
        self.assertIsNone(KeyCache(MemoryKeyStore(), 0, lambda: 0.0).derived(b"x"))


class Remote(MemoryKeyStore):
    """Answers when it is told to."""

    def keys(self, purpose, owner=""):
        self.answer = Deferred()
        found = MemoryKeyStore.keys(self, purpose, owner)
        return self.answer.addCallback(lambda _: found)


class Later(SynchronousTestCase):
    def test_a_store_that_answers_later(self):
        store = Remote()
        store.put(STORAGE, keys.generate(), "client")
        cache = KeyCache(store, 10, Clock().seconds)
        waiting = cache.keys(STORAGE, "client")
        store.answer.callback(None)
        found = self.successResultOf(waiting)
        self.assertIs(cache.keys(purposes.STORAGE, "client"), found)

    def test_an_answer_that_comes_after_keys_were_forgotten_is_not_kept(self):
        for drop in (KeyCache.forget, KeyCache.close):
            store = Remote()
            store.put(STORAGE, keys.generate(), "client")
            cache = KeyCache(store, 10, Clock().seconds)
            waiting = cache.keys(STORAGE, "client")
            drop(cache)
            store.answer.callback(None)
            self.successResultOf(waiting)
            self.assertEqual(len(cache), 0)
