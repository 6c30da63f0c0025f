"""Keys of columns: asked for each time, made usable once."""

import gc
import os
from weakref import ref

from twisted.internet.defer import Deferred, fail
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import purposes
from acra_twisted.crypto import envelopes
from acra_twisted.crypto.openers import Opener
from acra_twisted.encryption.errors import NO_KEY, ValueRefusedError
from acra_twisted.encryption.facts import Wanted, storing
from acra_twisted.encryption.plan import COMPARE, STORE, Use
from acra_twisted.encryption.searching import Prefixes
from acra_twisted.encryption.settings import (
    SEARCHABLE,
    ColumnSetting,
    EncryptionSettings,
    TableSetting,
)
from acra_twisted.errors import KeyStoreError
from acra_twisted.keystore.cache import RECHECK, TRUST, KeyCache
from acra_twisted.keystore.memory import MemoryKeyStore
from acra_twisted.stages.columnkeys import ColumnKeys, is_reader
from tests.support.containers import CLIENT, Workbench
from tests.support.laterstore import LaterStore

PLAIN = ColumnSetting("", "t", "a")
STRUCT = ColumnSetting("", "t", "b", envelope="acrastruct")
SEARCHED = ColumnSetting("", "t", "c", kind=SEARCHABLE)
FOREIGN = ColumnSetting("", "t", "d", owner="other")


class Later(LaterStore):
    """Openers come later as well."""

    def follow(self, dropped):
        return False

    def opener(self, pair, symmetric, owner=""):
        return self._later(self.inside.opener, pair, symmetric, owner)

    def answer(self):
        while self.waiting:
            answer, function, args = self.waiting.pop(0)
            answer.callback(function(*args))


class Key:
    def __init__(self, value):
        self.value = value


class Rotating:
    """A store of one key at a time, which opens nothing."""

    def __init__(self, keeps=True):
        self.keeps = keeps
        self.count = 0
        self.empty = Opener((), ())
        self.rotate()

    def rotate(self):
        """Forget the key, and return a reference to it that does not keep it."""
        before = ref(self.found[0]) if self.count else None
        self.count += 1
        self.found = (Key(b"%d" % self.count * 32),)
        return before

    def keys(self, purpose, owner=""):
        return self.found

    def opener(self, pair, symmetric, owner=""):
        return self.empty

    def version(self, purpose, owner=""):
        return self.count

    def forget(self):
        """Forget nothing but what is asked for."""

    def follow(self, dropped):
        self.dropped = dropped
        return self.keeps


class Keys(SynchronousTestCase):
    def setUp(self):
        self.bench = Workbench()
        self.store = self.bench.keys
        self.store.put(purposes.SEARCH_HMAC, b"h" * 32, CLIENT)
        self.store.put(purposes.STORAGE_SYMMETRIC, b"o" * 32, "other")

    def opened(self, stored, owner=CLIENT, store=None):
        """The plaintext of a stored value, opened with the owner's keys."""
        opener = (store or self.store).opener(purposes.STORAGE, purposes.STORAGE_SYMMETRIC, owner)
        [found] = envelopes.find(stored)
        return opener.open(found.kind, found.data(stored), {})

    def test_each_column_is_sealed_for_its_owner_in_its_envelope(self):
        sealers = ColumnKeys(self.store).sealers([PLAIN, STRUCT, SEARCHED, FOREIGN, PLAIN], CLIENT)
        self.assertEqual(set(sealers), {PLAIN, STRUCT, SEARCHED, FOREIGN})
        for setting in (PLAIN, STRUCT, SEARCHED):
            stored = sealers[setting].store(b"text", os.urandom).data
            self.assertEqual(self.opened(stored), b"text")
        self.assertEqual(self.opened(sealers[FOREIGN].store(b"x", os.urandom).data, "other"), b"x")

    def test_clients_that_read_leaves_out_of_a_column(self):
        """Their own containers are refused where they read, and wherever they search."""
        hidden = PLAIN._replace(name="h", readers=frozenset(("other",)))
        owned = hidden._replace(owner="other")
        shown = PLAIN._replace(readers=frozenset((CLIENT, "other")))

        def settings(*columns):
            table = TableSetting("", "t", (), {one.name: one for one in columns})
            return EncryptionSettings((table,))

        own = self.bench.block(b"text")
        uses = [Use(one, STORE, "") for one in (PLAIN, SEARCHED, hidden)]
        wanted = Wanted([*uses, Use(SEARCHED, COMPARE, "")])
        keys = ColumnKeys(self.store)
        for configured, left_out in (
            (settings(PLAIN, hidden), True),
            (settings(PLAIN, owned), False),
            (settings(PLAIN, shown), False),
            (settings(PLAIN, hidden), True),
        ):
            keys.use(configured)
            made = keys.makers(wanted, CLIENT)
            for one in (made.sealers[PLAIN], made.sealers[SEARCHED]):
                if left_out:
                    self.assertRaises(ValueRefusedError, one.store, own, os.urandom)
                else:
                    self.assertTrue(one.store(own, os.urandom).passed)
            if left_out:
                self.assertRaises(ValueRefusedError, made.searchers[SEARCHED].forms, own)
            else:
                self.assertTrue(made.searchers[SEARCHED].forms(own))
            # What it could not read goes back where it was.
            self.assertEqual(made.sealers[hidden].store(own, os.urandom).data, own)

    def test_an_owner_without_keys(self):
        keys = ColumnKeys(self.store)
        for setting in (PLAIN, STRUCT):
            error = self.assertRaises(ValueRefusedError, keys.sealers, [setting], "nobody")
            self.assertEqual(error.reason, NO_KEY)

    def test_a_new_key_is_used_at_once(self):
        keys = ColumnKeys(self.store)
        keys.sealers([PLAIN], CLIENT)
        self.store.put(purposes.STORAGE_SYMMETRIC, b"n" * 32, CLIENT)
        stored = keys.sealers([PLAIN], CLIENT)[PLAIN].store(b"text", os.urandom).data
        newest = MemoryKeyStore()
        newest.put(purposes.STORAGE_SYMMETRIC, b"n" * 32, CLIENT)
        self.assertEqual(self.opened(stored, store=newest), b"text")

    def test_makers_are_made_once_for_the_same_keys(self):
        cached = KeyCache(self.store, 0, lambda: 0.0)
        keys = ColumnKeys(cached)
        wanted = Wanted([Use(PLAIN, STORE, ""), Use(SEARCHED, COMPARE, "")], [SEARCHED])
        made = keys.makers(wanted, CLIENT)
        self.assertIs(keys.makers(wanted, CLIENT), made)
        # Others have their own.
        self.store.put(purposes.SEARCH_HMAC, b"o" * 32, "other")
        self.assertIsNot(keys.makers(wanted, "other"), made)
        self.assertIs(keys.makers(wanted, CLIENT), made)
        same = Wanted([Use(PLAIN, STORE, ""), Use(SEARCHED, COMPARE, "")])
        self.assertIsNot(keys.makers(same, CLIENT), made)

    def test_makers_are_used_for_a_moment_without_asking_and_no_longer_than_keys_are_kept(self):
        now = [0.0]
        store = Rotating()
        cached = KeyCache(store, 0, lambda: now[0])
        keys = ColumnKeys(cached, lambda: now[0])
        wanted = Wanted([Use(SEARCHED, COMPARE, "")])
        made = keys.makers(wanted, CLIENT)
        asked = dict(cached.counts)
        now[0] = TRUST / 2
        self.assertIs(keys.makers(wanted, CLIENT), made)
        self.assertEqual(cached.counts, asked)
        now[0] = TRUST
        self.assertIs(keys.makers(wanted, CLIENT), made)
        self.assertNotEqual(cached.counts, asked)
        # Keys that are dropped take with them what was made of them.
        cached.forget()
        again = keys.makers(wanted, CLIENT)
        self.assertIsNot(again, made)
        # Others that the store has now count within a second.
        store.rotate()
        now[0] += TRUST + RECHECK
        self.assertLessEqual(TRUST + RECHECK, 1)
        self.assertIsNot(keys.makers(wanted, CLIENT), again)

    def test_makers_are_made_anew_of_new_keys_and_all_of_older_ones_are_let_go(self):
        store = Rotating()
        keys = ColumnKeys(store)
        searches = [Wanted([Use(SEARCHED, COMPARE, "")]) for _ in range(2)]
        for wanted in searches:
            keys.makers(wanted, CLIENT)
        before = store.rotate()
        made = keys.makers(searches[0], CLIENT)
        self.assertEqual(
            made.searchers[SEARCHED].forms(b"a"), Prefixes(SEARCHED, [b"2" * 32]).all(b"a")
        )
        gc.collect()
        self.assertIsNone(before())

    def test_nothing_is_kept_of_what_the_store_has_dropped_or_never_keeps(self):
        wanted = Wanted([Use(SEARCHED, COMPARE, "")])
        for keeps, drops, is_left in (
            (True, False, True),
            (True, True, False),
            (False, False, False),
        ):
            store = Rotating(keeps)
            keys = ColumnKeys(store)
            keys.makers(wanted, CLIENT)
            before = store.rotate()
            if drops:
                store.dropped()
            gc.collect()
            self.assertEqual(before() is not None, is_left)

    def test_makers_that_somebody_looks_after_end_with_their_keys(self):
        wanted = Wanted([Use(SEARCHED, COMPARE, "")])
        for drops in (True, False):
            store, now = Rotating(), [1.0]
            keys = ColumnKeys(store, lambda now=now: now[0])
            self.assertIsNone(keys.kept(wanted, CLIENT))
            keys.makers(wanted, CLIENT)
            kept = keys.kept(wanted, CLIENT)
            self.assertIsNone(keys.kept(wanted, "other"))
            self.assertGreater(kept.due, now[0])
            kept.ready = kept.makers.searchers[SEARCHED]
            before = store.rotate()
            if drops:
                store.dropped()
            else:
                now[0] += TRUST
                keys.makers(wanted, CLIENT)
            self.assertLess(kept.due, 0)
            self.assertIsNone(kept.ready)
            gc.collect()
            self.assertIsNone(before())

    def test_nothing_is_kept_of_answers_that_come_after_keys_were_forgotten(self):
        wanted = Wanted([Use(SEARCHED, COMPARE, "")])
        for ask in (
            lambda keys: keys.makers(wanted, CLIENT),
            lambda keys: keys.makers(storing([PLAIN]), CLIENT),
            lambda keys: keys.sealers([PLAIN], CLIENT),
        ):
            for drops in (False, True):
                store = Rotating()
                later = Later(store)
                later.follow = store.follow
                made = ask(ColumnKeys(later))
                if drops:
                    store.dropped()
                later.answer()
                self.successResultOf(made)
                del made
                before = store.rotate()
                gc.collect()
                self.assertEqual(before() is None, drops)

    def test_a_store_that_answers_later(self):
        later = Later(self.store)
        keys = ColumnKeys(later)
        sealers = keys.sealers([PLAIN, SEARCHED], CLIENT)
        self.assertIsInstance(sealers, Deferred)
        later.answer()
        stored = self.successResultOf(sealers)[SEARCHED].store(b"text", os.urandom).data
        self.assertEqual(self.opened(stored), b"text")
        readers = keys.readers([SEARCHED], CLIENT)
        later.answer()
        self.assertEqual(set(self.successResultOf(readers)), {SEARCHED})

    def test_a_search_is_by_all_keys_of_the_client_whoever_owns_the_column(self):
        self.store.put(purposes.SEARCH_HMAC, b"n" * 32, CLIENT)
        foreign = SEARCHED._replace(owner="other")
        for store in (self.store, Later(self.store)):
            uses = [Use(one, COMPARE, "") for one in (SEARCHED, foreign, PLAIN)]
            made = ColumnKeys(store).makers(Wanted(uses), CLIENT)
            if isinstance(made, Deferred):
                store.answer()
                made = self.successResultOf(made)
            self.assertEqual(made.sealers, {})
            self.assertEqual(set(made.searchers), {SEARCHED, foreign})
            for setting in (SEARCHED, foreign):
                self.assertEqual(
                    made.searchers[setting].forms(b"a"),
                    Prefixes(setting, [b"n" * 32, b"h" * 32]).all(b"a"),
                )

    def test_columns_of_several_search_keys_are_not_compared_with_each_other(self):
        keys = ColumnKeys(self.store)
        foreign = SEARCHED._replace(owner="other")
        self.store.put(purposes.SEARCH_HMAC, b"1" * 32, "other")
        for setting in (SEARCHED, foreign):
            made = keys.makers(Wanted([], [setting]), CLIENT)
            self.assertEqual((made.sealers, made.searchers), ({}, {}))
        self.store.put(purposes.SEARCH_HMAC, b"2" * 32, "other")
        self.assertEqual(keys.makers(Wanted([], [SEARCHED]), CLIENT).searchers, {})
        self.assertRaises(ValueRefusedError, keys.makers, Wanted([], [foreign]), CLIENT)
        self.assertRaises(ValueRefusedError, keys.makers, Wanted([], [SEARCHED]), "other")

    def test_the_readers_of_a_run_ask_once(self):
        class Asked(Later):
            def keys(self, purpose, owner=""):
                purposes_asked.append((purpose, owner))
                return super().keys(purpose, owner)

        purposes_asked = []
        store = Asked(self.store)
        keys = ColumnKeys(store)
        other = SEARCHED._replace(owner="other")
        readers = keys.readers([SEARCHED, PLAIN, other, SEARCHED], CLIENT)
        self.assertEqual(purposes_asked, [(purposes.SEARCH_HMAC, CLIENT)])
        store.answer()
        self.assertEqual(list(self.successResultOf(readers)), [SEARCHED, PLAIN, other])
        self.assertEqual(list(keys.readers([PLAIN], CLIENT)), [PLAIN])
        self.assertEqual(len(purposes_asked), 1)

    def test_a_store_that_fails(self):
        class Broken(Later):
            def keys(self, purpose, owner=""):
                return fail(KeyStoreError("away"))

        broken = Broken(self.store)
        self.failureResultOf(ColumnKeys(broken).sealers([PLAIN], CLIENT), KeyStoreError)

    def test_who_may_read(self):
        self.assertTrue(is_reader(PLAIN, CLIENT))
        limited = PLAIN._replace(readers=frozenset(("reader",)))
        self.assertTrue(is_reader(limited, "reader"))
        self.assertFalse(is_reader(limited, CLIENT))
