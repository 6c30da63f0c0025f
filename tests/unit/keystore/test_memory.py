"""The key store of tests."""

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from acra_twisted import purposes
from acra_twisted.interfaces import IKeys
from acra_twisted.keystore.memory import MemoryKeyStore
from acra_twisted.themis import keys


class Memory(SynchronousTestCase):
    def test_newest_first(self):
        store = MemoryKeyStore()
        verifyObject(IKeys, store)
        old, new = keys.generate(), keys.generate()
        before = store.version(purposes.STORAGE, "client")
        for key in (old, new):
            store.put(purposes.STORAGE, key, "client")
        self.assertNotEqual(store.version(purposes.STORAGE, "client"), before)
        self.assertEqual(store.keys(purposes.STORAGE, "client"), (new, old))
        self.assertEqual(store.public_key(purposes.STORAGE, "client"), new.public_key())
        self.assertEqual(store.keys(purposes.STORAGE, "other"), ())

    def test_closed(self):
        store = MemoryKeyStore()
        store.put(purposes.STORAGE_SYMMETRIC, b"k" * 32, "client")
        (secret,) = store.keys(purposes.STORAGE_SYMMETRIC, "client")
        opener = store.opener(purposes.STORAGE, purposes.STORAGE_SYMMETRIC, "client")
        self.assertTrue(opener.is_cheap("acrablock", b""))
        store.forget()
        store.close()
        self.assertEqual(secret.value, bytes(32))
