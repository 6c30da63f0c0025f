"""Changes of a column's values, as a tool asks for them."""

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.migrating import DECRYPT, ENCRYPT, REENCRYPT, REWRAP
from acra_twisted.encryption.postgresql import bytea, moving
from acra_twisted.encryption.postgresql.moving import Part
from acra_twisted.encryption.settings import SEARCHABLE, TOKENIZED, ColumnSetting
from acra_twisted.errors import ConfigError
from acra_twisted.keystore.memory import MemoryKeyStore
from acra_twisted.purposes import SEARCH_HMAC, STORAGE_SYMMETRIC
from acra_twisted.tools.columnchanges import (
    Keys,
    Pair,
    Written,
    column_change,
    second_column_change,
)
from tests.support.tokenizing import Desk
from tests.unit.encryption.postgresql.test_moving import BYTEA, INT4, TEXT, attribute

NAME = ColumnSetting("", "people", "name", data_type="str")
PHONE = ColumnSetting(
    "", "people", "phone", TOKENIZED, data_type="str", token_type="str", consistent=True
)
STORED = attribute("name", 1, BYTEA)
CLEAR = attribute("name", 2, TEXT)


class Changes(SynchronousTestCase):
    def setUp(self):
        self.store = MemoryKeyStore()
        self.rotate()
        self.desk = Desk()

    def rotate(self):
        count = len(self.store.keys(STORAGE_SYMMETRIC, "client"))
        for kind in (STORAGE_SYMMETRIC, SEARCH_HMAC):
            self.store.put(kind, bytes([count + 1]) * 32, "client")

    def change(self, change, setting=NAME, source=STORED, target=STORED, client="client"):
        part = Part(setting, source, target)
        keys = Keys(self.store, client)
        return column_change(part, change, keys, False, lambda: self.desk.tokenizer, moving)

    def answer(self, coroutine):
        return self.successResultOf(Deferred.fromCoroutine(coroutine))

    def changed(self, change, *texts, dry=False):
        return self.answer(change.changed(texts, dry))

    def wrong(self, change, *written):
        return self.answer(change.wrong(written))

    def test_in_place(self):
        encrypt = self.change(ENCRYPT)
        clear = bytea.encode(b"Ann")
        sent, none = self.changed(encrypt, clear, None)
        self.assertIsNone(none)
        stored = bytea.encode(sent)
        self.assertEqual(self.changed(encrypt, stored), [None])
        self.assertEqual(self.wrong(encrypt, Written(clear, sent, stored)), -1)
        self.assertEqual(self.wrong(encrypt, Written(clear, sent, clear)), 0)
        self.rotate()
        for name in (REWRAP, REENCRYPT):
            change = self.change(name)
            [again] = self.changed(change, stored)
            found = bytea.encode(again)
            self.assertEqual(self.wrong(change, Written(stored, again, found)), -1)
            self.assertEqual(self.changed(change, found), [None])
        self.assertEqual(self.changed(self.change(DECRYPT), stored), [b"Ann"])

    def test_a_value_that_cannot_be_changed_stays_alone(self):
        bad, good = self.changed(self.change(ENCRYPT), b"\\xff", b"\\x41")
        self.assertIsInstance(bad, ValueRefusedError)
        self.assertIsInstance(good, bytes)

    def test_beside(self):
        encrypt = self.change(ENCRYPT, source=CLEAR)
        [sent] = self.changed(encrypt, b"Ann")
        stored = bytea.encode(sent)
        other = bytea.encode(self.changed(encrypt, b"Bob")[0])
        self.assertEqual(self.wrong(encrypt, Written(b"Ann", sent, stored)), -1)
        self.assertEqual(
            self.wrong(encrypt, Written(b"Ann", sent, stored), Written(b"Ann", sent, other)), 1
        )
        bob = self.changed(encrypt, b"Bob")[0]
        self.assertEqual(self.wrong(encrypt, Written(b"Ann", bob, bytea.encode(bob))), 0)
        decrypt = self.change(DECRYPT, target=CLEAR)
        self.assertEqual(self.changed(decrypt, stored), [b"Ann"])
        self.assertEqual(self.wrong(decrypt, Written(stored, b"Ann", b"Ann")), -1)
        self.assertEqual(self.wrong(decrypt, Written(stored, b"Ann", b"Anna")), 0)
        # A column of text may have had encrypted values already.
        [kept] = self.changed(encrypt, stored)
        self.assertEqual(kept, sent)
        self.assertEqual(self.wrong(encrypt, Written(stored, kept, stored)), -1)

    def test_tokens(self):
        second = attribute("phone__acra", 2, TEXT)
        first = attribute("phone", 1, TEXT)
        encrypt = self.change(ENCRYPT, PHONE, first, second)
        self.changed(encrypt, b"123", dry=True)
        self.assertEqual(self.desk.store.asked, [])
        one, two, same, empty, none = self.changed(encrypt, b"123", b"45", b"123", b"", None)
        self.assertEqual((one, empty, none), (same, b"", None))
        self.assertNotIn(b"123", (one, two))
        self.assertEqual(self.wrong(encrypt, Written(b"123", one, one)), -1)
        self.assertEqual(
            self.wrong(encrypt, Written(b"45", two, two), Written(b"123", two, two)), 1
        )
        self.assertEqual(self.wrong(encrypt, Written(b"123", one, two)), 0)
        decrypt = self.change(DECRYPT, PHONE, first, second)
        back, unknown = self.changed(decrypt, one, b"never made")
        self.assertEqual(back, b"123")
        self.assertIn("its token is unknown", str(unknown))
        self.assertEqual(self.wrong(decrypt, Written(one, b"123", b"123")), -1)
        self.assertEqual(self.wrong(decrypt, Written(one, b"123", b"124")), 0)

    def differing(self, change, setting, source, target, *pairs):
        part = Part(setting, source, target)
        keys = Keys(self.store, "client")
        made = second_column_change(part, change, keys, False, lambda: self.desk.tokenizer, moving)
        return list(self.answer(made.differing([Pair(*pair) for pair in pairs])))

    def test_second_values_that_do_not_stand_for_the_first_ones(self):
        encrypt = self.change(ENCRYPT, source=CLEAR)
        ann, bob, empty = self.changed(encrypt, b"Ann", b"Bob", b"")
        ann, bob, empty = map(bytea.encode, (ann, bob, empty))
        self.rotate()
        pairs = [(b"Ann", ann), (b"Ann", bob), (b"", empty), (b"", ann), (b"Ann", empty)]
        pairs += [(b"Ann", ann[:-2]), (ann, ann)]
        self.assertEqual(self.differing(ENCRYPT, NAME, CLEAR, STORED, *pairs), [1, 3, 4, 5])
        back = [(second, first) for first, second in pairs[:-1]]
        self.assertEqual(self.differing(DECRYPT, NAME, STORED, CLEAR, *back), [1, 3, 4, 5])

    def test_second_tokens_that_do_not_stand_for_the_first_ones(self):
        first, second = attribute("phone", 1, TEXT), attribute("phone__acra", 2, TEXT)
        encrypt = self.change(ENCRYPT, PHONE, first, second)
        one, two = self.changed(encrypt, b"123", b"45")
        pairs = [(b"123", one), (b"123", two), (b"", b""), (b"123", b""), (b"", one)]
        pairs += [(b"45", b"never made"), (b"never made", b"never made")]
        expected = [1, 3, 4, 5, 6]
        self.assertEqual(self.differing(ENCRYPT, PHONE, first, second, *pairs), expected)
        back = [(token, clear) for clear, token in pairs]
        self.assertEqual(self.differing(DECRYPT, PHONE, first, second, *back), expected)

    def test_values_that_can_be_no_token_do_not_hinder_others(self):
        number = PHONE._replace(token_type="int32", data_type="int32")
        change = self.change(
            ENCRYPT, number, attribute("phone", 1, TEXT), attribute("phone__acra", 2, INT4)
        )
        good, bad = self.changed(change, b"5", b"five")
        self.assertIsInstance(good, bytes)
        self.assertIsInstance(bad, ValueRefusedError)

    def test_a_column_without_an_owner_or_a_key(self):
        self.assertRaises(ConfigError, self.change, ENCRYPT, client="")
        self.assertRaises(ConfigError, self.change, ENCRYPT, client="somebody else")
        named = NAME._replace(owner="client")
        self.assertTrue(self.change(ENCRYPT, named, client=""))
        self.store = MemoryKeyStore()
        self.store.put(STORAGE_SYMMETRIC, bytes(32), "client")
        searched = NAME._replace(kind=SEARCHABLE)
        self.assertRaises(ConfigError, self.change, ENCRYPT, searched)
