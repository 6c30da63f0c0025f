"""A token store in memory."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from acra_twisted.interfaces import ITokenStore
from acra_twisted.tokenentry import Entry
from acra_twisted.tokens.memorystore import MemoryStore
from tests.support.tokenstores import BUCKETS, compare, everything


class Memory(SynchronousTestCase):
    def result(self, coroutine):
        return self.successResultOf(Deferred.fromCoroutine(coroutine))

    @given(st.randoms(use_true_random=False))
    def test_it_does_what_the_contract_says(self, random):
        self.result(compare(self, MemoryStore(), random))

    def test_pages_are_whole(self):
        store = MemoryStore()
        groups = [[(b"t.%d" % n, b"%d" % n)] for n in range(2000)]
        self.successResultOf(store.add(BUCKETS[0], groups))
        first, after = self.successResultOf(store.page())
        self.assertEqual(len(first), 1000)
        self.assertIsNotNone(after)
        found = self.result(everything(store))
        self.assertEqual(sorted(found), sorted(Entry(BUCKETS[0], *pair) for [pair] in groups))

    def test_the_interface(self):
        self.assertTrue(verifyObject(ITokenStore, MemoryStore()))

    def test_nothing_outlasts_closing(self):
        store = MemoryStore()
        self.successResultOf(store.add(BUCKETS[0], [[(b"t.a", b"r")]]))
        self.successResultOf(store.close())
        self.assertEqual(self.result(everything(store)), [])
