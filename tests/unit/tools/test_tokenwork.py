"""Work on whole token stores."""

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption import tokenrecords
from acra_twisted.encryption.tokenrecords import Record
from acra_twisted.errors import TokenStoreError
from acra_twisted.tokens.memorystore import MemoryStore
from acra_twisted.tools import tokenwork
from acra_twisted.tools.tokenwork import Copied, Limits, Totals
from tests.support.tokenstores import BUCKETS, everything

RECORD = Record(b"sealed", 100, 200)


def every(entry, record):
    return True


class Work(SynchronousTestCase):
    def setUp(self):
        self.store = MemoryStore()
        self.seen = []

    def fill(self, *records, bucket=BUCKETS[0], store=None, prefix=b"t."):
        groups = [
            [(prefix + b"%04d" % n, tokenrecords.write(record))] for n, record in enumerate(records)
        ]
        self.successResultOf((store or self.store).add(bucket, groups))

    def do(self, coroutine):
        return self.successResultOf(Deferred.fromCoroutine(coroutine))

    def records(self, store=None):
        return [tokenrecords.read(e.record) for e in self.do(everything(store or self.store))]


class Limiting(Work):
    def test_each_limit_includes_its_moment(self):
        self.assertTrue(Limits().admit(RECORD))
        for name, time in (
            *(("created_after", 100), ("created_before", 100)),
            *(("accessed_after", 200), ("accessed_before", 200)),
        ):
            step = 1 if name.endswith("after") else -1
            self.assertTrue(Limits(**{name: time}).admit(RECORD), name)
            self.assertFalse(Limits(**{name: time + step}).admit(RECORD), name)


class Counting(Work):
    def test_totals(self):
        self.fill(*[RECORD] * 1500, Record(b"12", 1, 1, True))
        found = self.do(tokenwork.count(self.store, every, self.seen.append))
        self.assertEqual(found, Totals(1501, 9002, 1, 2))
        self.assertEqual(self.seen, [1000, 1501])

    def test_only_those_that_are_meant(self):
        self.fill(RECORD, Record(b"", 5, 5))
        found = self.do(
            tokenwork.count(self.store, lambda _, record: record.created == 5, self.seen.append)
        )
        self.assertEqual(found, Totals(1, 0, 0, 0))

    def test_a_damaged_record_is_an_error(self):
        self.successResultOf(self.store.add(BUCKETS[0], [[(b"t.", b"\xff")]]))
        counting = Deferred.fromCoroutine(tokenwork.count(self.store, every, self.seen.append))
        self.failureResultOf(counting, TokenStoreError)


class Changing(Work):
    def test_disabling_and_enabling(self):
        self.fill(RECORD, RECORD._replace(disabled=True), RECORD._replace(created=7))

        def meant(entry, record):
            return record.created == 100

        for disabled, changed, states in (
            (True, 1, [True, True, False]),
            (True, 0, [True, True, False]),
            (False, 2, [False, False, False]),
        ):
            number = self.do(tokenwork.set_disabled(self.store, meant, disabled, self.seen.append))
            self.assertEqual(number, changed)
            self.assertEqual([record.disabled for record in self.records()], states)

    def test_removing(self):
        self.fill(RECORD, RECORD._replace(disabled=True))
        removed = self.do(
            tokenwork.remove(self.store, lambda _, record: record.disabled, self.seen.append)
        )
        self.assertEqual((removed, self.records()), (1, [RECORD]))

    def meanwhile(self, record):
        """Have a server write the only record just before the next change."""
        replace, remove = self.store.replace, self.store.remove
        [entry] = self.do(everything(self.store))

        def first(change):
            def changed(given):
                self.store.replace, self.store.remove = replace, remove
                self.successResultOf(replace([(entry, tokenrecords.write(record))]))
                return change(given)

            return changed

        self.store.replace, self.store.remove = first(replace), first(remove)

    def test_a_record_that_is_used_meanwhile_is_disabled_all_the_same(self):
        self.fill(RECORD)
        self.meanwhile(RECORD._replace(accessed=999))
        number = self.do(tokenwork.set_disabled(self.store, every, True, self.seen.append))
        self.assertEqual(number, 1)
        self.assertEqual(self.records(), [RECORD._replace(accessed=999, disabled=True)])

    def test_a_record_that_is_used_meanwhile_is_judged_anew(self):
        self.fill(RECORD)
        self.meanwhile(RECORD._replace(accessed=999))
        removed = self.do(
            tokenwork.remove(self.store, lambda _, record: record.accessed < 999, self.seen.append)
        )
        self.assertEqual((removed, len(self.records())), (0, 1))

    def test_a_record_that_never_holds_still_is_an_error(self):
        self.fill(RECORD)
        self.store.remove = lambda entries: MemoryStore().remove(entries)
        removing = Deferred.fromCoroutine(tokenwork.remove(self.store, every, self.seen.append))
        self.failureResultOf(removing, TokenStoreError)


class Copying(Work):
    def test_nothing_is_overwritten(self):
        other = MemoryStore()
        self.fill(RECORD, RECORD, store=other)
        self.fill(RECORD, store=other, bucket=BUCKETS[1], prefix=b"h.")
        self.fill(RECORD, RECORD._replace(accessed=7))
        copied = self.do(tokenwork.copy(other, self.store, self.seen.append))
        self.assertEqual(copied, Copied(1, 1, 1, 1))
        self.assertEqual([record.accessed for record in self.records()], [200, 7, 200])
        again = self.do(tokenwork.copy(other, self.store, self.seen.append))
        self.assertEqual(again, Copied(0, 2, 1, 1))

    def test_a_damaged_record_is_not_copied(self):
        other = MemoryStore()
        self.successResultOf(other.add(BUCKETS[0], [[(b"t.", b"\xff")]]))
        copying = Deferred.fromCoroutine(tokenwork.copy(other, self.store, self.seen.append))
        self.failureResultOf(copying, TokenStoreError)
        self.assertEqual(self.records(), [])

    def test_exporting(self):
        self.fill(RECORD, RECORD)
        written = []
        self.write = written.extend
        self.assertEqual(self.do(tokenwork.export(self.store, self, self.seen.append)), 2)
        self.assertEqual(written, self.do(everything(self.store)))
