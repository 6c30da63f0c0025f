"""Openers of a store's keys: at once, or when it answers."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.crypto import acrastruct
from acra_twisted.errors import KeyStoreError
from acra_twisted.keystore.memory import MemoryKeyStore
from acra_twisted.keystore.openers import make_opener
from acra_twisted.purposes import STORAGE, STORAGE_SYMMETRIC
from acra_twisted.themis import keys
from tests.support.laterstore import LaterStore


class Half(LaterStore):
    """Answers later for one purpose."""

    def __init__(self, inside, purpose):
        super().__init__(inside)
        self.purpose = purpose

    def keys(self, purpose, owner=""):
        source = super() if purpose == self.purpose else self.inside
        return source.keys(purpose, owner)


class Made(SynchronousTestCase):
    def setUp(self):
        self.inside = MemoryKeyStore()
        self.pair = keys.generate()
        self.inside.put(STORAGE, self.pair, "client")
        self.inside.put(STORAGE_SYMMETRIC, bytes(32), "client")

    def make(self, store):
        return make_opener(store, STORAGE, STORAGE_SYMMETRIC, "client")

    def opens(self, opener):
        sealed = acrastruct.create(b"text", self.pair.public_key(), b"", bytes)
        return opener.open("acrastruct", sealed, {}) == b"text"

    def test_at_once(self):
        self.assertTrue(self.opens(self.make(self.inside)))

    def test_later(self):
        store = LaterStore(self.inside)
        made = self.make(store)
        self.assertNoResult(made)
        store.answer()
        self.assertTrue(self.opens(self.successResultOf(made)))
        self.assertEqual(store.asked, 2)

    def test_one_half_later(self):
        for purpose in (STORAGE_SYMMETRIC, STORAGE):
            store = Half(self.inside, purpose)
            made = self.make(store)
            store.answer()
            self.assertTrue(self.opens(self.successResultOf(made)), purpose.text)

    def test_a_failure_is_the_stores(self):
        class Broken(MemoryKeyStore):
            def keys(self, purpose, owner=""):
                raise KeyStoreError("damaged")

        self.assertRaises(KeyStoreError, self.make, Broken())
        store = LaterStore(Broken())
        made = self.make(store)
        store.answer()
        self.failureResultOf(made, KeyStoreError)
