"""A token store in a file of SQLite."""

import os
import sqlite3
import stat
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet import reactor  # noqa: TID251 - its threads
from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface.verify import verifyObject

from acra_twisted.errors import ConfigError, TokenStoreError
from acra_twisted.interfaces import ITokenStore
from acra_twisted.tokenentry import Entry
from acra_twisted.tokens.sqlitestore import SQLiteStore, open_file
from tests.support.tokenstores import BUCKETS, InlinePool, compare, everything


class Contract(SynchronousTestCase):
    def result(self, coroutine):
        return self.successResultOf(Deferred.fromCoroutine(coroutine))

    @given(st.randoms(use_true_random=False))
    def test_it_does_what_the_contract_says(self, random):
        store = SQLiteStore("tokens", InlinePool())
        self.result(compare(self, store, random))
        self.successResultOf(store.close())

    def test_many_are_asked_for_at_once_and_come_in_pages(self):
        store = SQLiteStore("tokens", InlinePool())
        keys = [b"t.%d" % n for n in range(3000)]
        groups = [[(key, key * 2)] for key in keys[::2]]
        self.assertEqual(self.successResultOf(store.add(BUCKETS[1], groups)), [True] * 1500)
        found = self.successResultOf(store.get(BUCKETS[1], keys))
        self.assertEqual(found, [None if n % 2 else key * 2 for n, key in enumerate(keys)])
        self.assertEqual(
            self.result(everything(store)),
            sorted(Entry(BUCKETS[1], *pair) for [pair] in groups),
        )
        self.successResultOf(store.close())


class Files(TestCase):
    def setUp(self):
        self.path = self.mktemp()

    def open(self, **options):
        store = open_file(self.path, reactor, **options)
        self.addCleanup(store.close)
        return store

    def spoil(self):
        Path(self.path).write_bytes(b"no database " * 1000)

    async def test_records_outlast_the_store_in_a_file_of_one_user(self):
        os.umask(os.umask(0))
        store = open_file(self.path, reactor)
        self.assertTrue(verifyObject(ITokenStore, store))
        await store.add(BUCKETS[0], [[(b"t.a", b"one"), (b"h.b", b"two")]])
        for name in os.listdir(os.path.dirname(self.path)):
            if name.startswith(os.path.basename(self.path)):
                mode = os.stat(os.path.join(os.path.dirname(self.path), name)).st_mode
                self.assertEqual(stat.S_IMODE(mode), 0o600, name)
        await store.close()
        again = self.open()
        self.assertEqual(await again.get(BUCKETS[0], [b"h.b", b"h.c"]), [b"two", None])

    async def test_two_writers_at_once_agree(self):
        """Each group is stored by exactly one of two programs, and as a whole."""
        stores = [self.open() for _ in range(2)]
        answers = await gatherResults(
            [
                store.add(BUCKETS[0], [[(b"t.%d.%d" % (mine, n), b"x"), (b"h.%d" % n, b"y")]])
                for n in range(40)
                for mine, store in enumerate(stores)
            ]
        )
        for n in range(40):
            self.assertEqual(sorted(x for [x] in answers[2 * n : 2 * n + 2]), [False, True])
        found = await everything(stores[0])
        self.assertEqual(len(found), 80)
        winners = {entry.key for entry in found if entry.key.startswith(b"t.")}
        expected = {
            b"t.%d.%d" % (mine, n)
            for n in range(40)
            for mine in range(2)
            if answers[2 * n + mine] == [True]
        }
        self.assertEqual(winners, expected)

    async def test_a_change_waits_for_another_program_and_not_for_ever(self):
        store = self.open(wait=0.01)
        await store.add(BUCKETS[0], [[(b"t.a", b"one")]])
        other = sqlite3.connect(self.path, isolation_level=None)
        self.addCleanup(other.close)
        other.execute("BEGIN IMMEDIATE")
        error = await self.assertFailure(
            store.add(BUCKETS[0], [[(b"t.secret", b"two")]]), TokenStoreError
        )
        self.assertIn("another program has locked it (SQLITE_BUSY)", str(error))
        self.assertNotIn("secret", str(error))
        other.execute("ROLLBACK")
        self.assertEqual(await store.get(BUCKETS[0], [b"t.a", b"t.secret"]), [b"one", None])
        self.assertEqual(await store.add(BUCKETS[0], [[(b"t.secret", b"two")]]), [True])

    async def test_a_file_that_is_something_else_is_left_alone(self):
        other = sqlite3.connect(self.path)
        other.execute("CREATE TABLE tokens (a)")
        other.commit()
        other.close()
        os.chmod(self.path, 0o600)
        store = self.open()
        await self.assertFailure(store.get(BUCKETS[0], [b"t.a"]), TokenStoreError)
        self.spoil()
        await self.assertFailure(self.open().get(BUCKETS[0], [b"t.a"]), TokenStoreError)

    async def test_nothing_is_added_to_a_file_that_has_been_moved_away(self):
        store = self.open()
        await store.add(BUCKETS[0], [[(b"t.a", b"one")]])
        os.rename(self.path, self.path + ".old")
        add = [[(b"t.b", b"two")]]
        await self.assertFailure(store.add(BUCKETS[0], add), TokenStoreError)
        other = self.open()
        await other.add(BUCKETS[0], [[(b"t.c", b"three")]])
        await self.assertFailure(store.add(BUCKETS[0], add), TokenStoreError)
        self.assertEqual(await other.get(BUCKETS[0], [b"t.b", b"t.c"]), [None, b"three"])

    def test_a_file_that_others_may_read_is_refused(self):
        with open(self.path, "wb"):
            os.chmod(self.path, 0o644)
        error = self.assertRaises(ConfigError, self.open)
        self.assertIn("chmod 600", str(error))

    def test_a_link_and_a_missing_folder_are_refused(self):
        os.symlink("elsewhere", self.path)
        self.assertIn("no regular file", str(self.assertRaises(ConfigError, self.open)))
        self.path = self.mktemp() + "/none"
        self.assertIn("No such file", str(self.assertRaises(ConfigError, self.open)))
