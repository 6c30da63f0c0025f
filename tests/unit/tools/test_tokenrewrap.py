"""Records of a token store that are sealed anew."""

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.crypto import acrablock
from acra_twisted.encryption import tokenrecords
from acra_twisted.encryption.tokens import bucket_of, scope_of
from acra_twisted.errors import TokenStoreError
from acra_twisted.keystore.memory import MemoryKeyStore
from acra_twisted.purposes import SEARCH_HMAC, STORAGE_SYMMETRIC
from acra_twisted.tokens.tokenizer import FOUND
from acra_twisted.tools import tokenrewrap
from acra_twisted.tools.tokenrewrap import Closed, Habits, Rewrap
from tests.support.tokenizing import START, Desk, setting
from tests.support.tokenstores import everything

NEW = b"new".ljust(32, b"n")
NAMES, ONCE = setting(consistent=True), setting("bytes")


class Base(SynchronousTestCase):
    def setUp(self):
        self.desk = Desk()
        self.store, self.keys = self.desk.store, self.desk.keys
        self.paused, self.shown = [], []

    def write(self, *values, column=NAMES, client="client", tokenizer=None):
        made = (tokenizer or self.desk.tokenizer).tokenize(column, values, client)
        return self.successResultOf(made)

    def rotate(self, client="client", key=NEW):
        self.keys.put(STORAGE_SYMMETRIC, key, client)

    def work(self, *clients, dry=False, keys=None):
        def pause(number):
            self.paused.append(number)
            return succeed(None)

        def show(number, counts):
            self.shown.append((number, counts.records, counts.sealed))

        known = clients or ("client", "other")
        owners = {one: (keys or self.keys).keys(STORAGE_SYMMETRIC, one) for one in known}
        rewrap = Rewrap(self.store, owners, Habits(dry, pause, show), is_whole=not clients)
        return Deferred.fromCoroutine(rewrap.run())

    def done(self, *clients, **given):
        return self.successResultOf(self.work(*clients, **given))

    def entries(self):
        return self.successResultOf(Deferred.fromCoroutine(everything(self.store)))

    def without_older_keys(self):
        """A tokenizer that has the newest keys alone."""
        keys = MemoryKeyStore()
        for client in ("client", "other"):
            for purpose in (STORAGE_SYMMETRIC, SEARCH_HMAC):
                secret = self.keys.keys(purpose, client)[0]
                keys.put(purpose, bytes(secret.value), client)
        other = Desk(store=self.store)
        other.keys = keys
        return other.another()

    def read(self, found, column=NAMES, client="client"):
        tokenizer = self.without_older_keys()
        return self.successResultOf(tokenizer.detokenize(column, found, client))


class Sealing(Base):
    def test_the_older_key_is_not_needed_any_more(self):
        names = self.write(b"Anna", b"Berta")
        [once] = self.write(b"only once", column=ONCE)
        others = self.write(b"Anna", client="other")
        self.rotate()
        counts = self.done()
        self.assertEqual((counts.records, counts.sealed, counts.closed), (7, 5, {}))
        self.assertEqual(self.read(names), [(FOUND, b"Anna"), (FOUND, b"Berta")])
        self.assertEqual(self.read([once], ONCE), [(FOUND, b"only once")])
        self.assertEqual(self.read(others, client="other"), [(FOUND, b"Anna")])
        again = self.write(b"Berta", tokenizer=self.without_older_keys())
        self.assertEqual(again, names[1:])

    def test_times_names_and_disabled_records_stay(self):
        self.write(b"Anna", b"Berta")
        first = self.entries()[0]
        record = tokenrecords.read(first.record)._replace(accessed=START + 5, disabled=True)
        self.successResultOf(self.store.replace([(first, tokenrecords.write(record))]))
        before = self.entries()
        self.rotate()
        self.assertEqual(self.done().sealed, 4)
        for old, new in zip(before, self.entries(), strict=True):
            self.assertEqual(old[:2], new[:2])
            was, now = tokenrecords.read(old.record), tokenrecords.read(new.record)
            self.assertEqual(was[1:], now[1:])
            self.assertNotEqual(was.data, now.data)

    def test_a_second_run_writes_nothing(self):
        self.write(b"Anna")
        self.rotate()
        self.done()
        before, self.store.asked = self.entries(), []
        counts = self.done()
        self.assertEqual((counts.records, counts.sealed), (2, 0))
        self.assertEqual((self.entries(), self.store.asked), (before, []))

    def test_a_dry_run_counts_alone(self):
        self.write(b"Anna")
        before = self.entries()
        self.rotate()
        counts = self.done(dry=True)
        self.assertEqual((counts.records, counts.sealed), (2, 2))
        self.assertEqual(self.entries(), before)

    def test_some_clients_alone(self):
        self.write(b"Anna")
        self.write(b"Anna", b"Berta", client="other")
        self.rotate()
        self.rotate("other")
        counts = self.done("client")
        self.assertEqual((counts.sealed, counts.passed_over, counts.closed), (2, 4, {}))
        self.assertEqual(self.done("other").sealed, 4)

    def test_batches_are_told_and_paused_after(self):
        self.write(*(b"%d" % n for n in range(700)))
        self.rotate()
        self.done()
        self.assertEqual(self.paused, [1000, 400])
        expected = [(1, 1000, 1000), (1, 1400, 1400), (2, 1000, 1400), (2, 1400, 1400)]
        self.assertEqual(self.shown, expected)


class Meanwhile(Base):
    """A server uses the store at the same time."""

    def before_the_first_write(self, act):
        replace = self.store.replace

        def first(changes):
            self.store.replace = replace
            act()
            return replace(changes)

        self.store.replace = first

    def test_a_record_that_is_used_keeps_its_new_time(self):
        self.write(b"Anna")
        self.rotate()
        [used, _] = self.entries()

        def use():
            record = tokenrecords.read(used.record)._replace(accessed=START + 9)
            self.successResultOf(self.store.replace([(used, tokenrecords.write(record))]))

        self.before_the_first_write(use)
        self.assertEqual(self.done().sealed, 2)
        self.assertEqual(tokenrecords.read(self.entries()[0].record).accessed, START + 9)
        self.assertEqual(self.done().sealed, 0)

    def test_a_record_that_is_removed_does_not_come_back(self):
        self.write(b"Anna")
        self.rotate()
        gone, kept = self.entries()
        self.before_the_first_write(lambda: self.successResultOf(self.store.remove([gone])))
        self.assertEqual(self.done().sealed, 1)
        self.assertEqual([entry.key for entry in self.entries()], [kept.key])

    def test_a_record_that_is_written_late_with_the_older_key_is_found(self):
        self.write(b"Anna")
        slow = Desk(store=self.store)
        self.rotate()
        self.before_the_first_write(
            lambda: self.write(*(b"%d" % n for n in range(20)), tokenizer=slow.tokenizer)
        )
        self.assertEqual(self.done().sealed, 42)
        self.assertEqual(self.done().sealed, 0)

    def test_a_server_that_never_gets_the_new_key_is_told_of(self):
        slow = Desk(store=self.store)
        self.write(b"Anna")
        self.rotate()
        replace, written = self.store.replace, []

        def late(changes):
            written.append(b"%d" % len(written))
            self.write(written[-1], tokenizer=slow.tokenizer)
            return replace(changes)

        self.store.replace = late
        error = self.failureResultOf(self.work(), TokenStoreError)
        self.assertIn("has not got the current one", str(error.value))
        self.assertLessEqual(len(written), tokenrewrap.PASSES)


class NotOpened(Base):
    def told(self, counts):
        return tokenrewrap.told(counts)

    def test_the_id_of_a_missing_key_is_told(self):
        self.write(b"Anna")
        [secret] = self.keys.keys(STORAGE_SYMMETRIC, "client")
        missing = acrablock.key_id(secret.value, b"client").hex()
        keys = MemoryKeyStore()
        keys.put(STORAGE_SYMMETRIC, NEW, "client")
        before = self.entries()
        counts = self.done("client", keys=keys)
        self.assertEqual(counts.closed, {Closed("client", missing): 2})
        self.assertEqual(self.entries(), before)
        first, last = self.told(counts)
        self.assertIn(
            f"records of client, sealed with a key that is not in the key store (id {missing}): 2",
            first,
        )
        self.assertEqual("records that stay as they are, because no key opens them: 2", last)

    def test_records_of_a_client_without_a_key(self):
        self.write(b"Anna", client="other")
        self.rotate()
        counts = self.done(keys=self.keys)
        self.assertEqual(counts.closed, {})
        rewrap = Rewrap(
            self.store,
            {"client": self.keys.keys(STORAGE_SYMMETRIC, "client")},
            Habits(False, succeed, lambda number, counts: None),
            is_whole=True,
        )
        counts = self.successResultOf(Deferred.fromCoroutine(rewrap.run()))
        self.assertEqual(counts.closed, {Closed(""): 2})
        self.assertIn(
            "records of clients without a storage key in the key store: 2", self.told(counts)[0]
        )

    def test_damaged_records_keep_none_from_being_sealed(self):
        self.write(b"Anna")
        [first, second] = self.entries()
        bucket = bucket_of(scope_of("client"))
        record = tokenrecords.read(first.record)
        torn = tokenrecords.write(record._replace(data=record.data[:-1] + b"\0"))
        short = tokenrecords.write(record._replace(data=record.data[:40]))
        more = [(b"t.1", b"\xff"), (b"t.2", torn), (b"t.3", short)]
        self.successResultOf(self.store.add(bucket, [[one] for one in more]))
        self.rotate()
        counts = self.done()
        self.assertEqual((counts.sealed, counts.closed), (2, {Closed("client"): 3}))
        kept = {entry.key: entry.record for entry in self.entries()}
        self.assertEqual([kept[key] for key, _ in more], [record for _, record in more])
        self.assertIn("records of client, damaged: 3", self.told(counts)[0])
