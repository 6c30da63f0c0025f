"""Marks of keys: other ones for other keys, as far as these decide what a literal becomes."""

from acra_twisted import purposes
from acra_twisted.encryption.plan import COMPARE, COMPARE_ANY, STORE, STORE_EACH, STORING, Use
from acra_twisted.encryption.settings import SEARCHABLE, TOKENIZED, ColumnSetting
from acra_twisted.keystore.secret import Secret
from acra_twisted.stages.keymarks import KeyMarks
from tests.support.containers import CLIENT
from tests.support.encryptors import EncryptorCase

PLAIN = ColumnSetting("", "people", "name")
FOUND = ColumnSetting("", "people", "name", kind=SEARCHABLE)
STRUCT = ColumnSetting("", "people", "name", envelope="acrastruct")
TOKEN = ColumnSetting("", "people", "name", kind=TOKENIZED)


class Keys:
    """Has these keys of every purpose."""

    values = ()

    def keys(self, purpose, owner):
        return [Secret(value * 32) for value in self.values]


class Marks(EncryptorCase):
    def changed(self, column, role, purpose, owner=CLIENT):
        """Tell whether another key makes the mark of a use another one."""
        self.setUp()
        keys = self.bench.keys
        marks = KeyMarks(keys)
        uses = [Use(column, role, "")]
        before = self.settled(marks.mark(uses, CLIENT))
        self.assertEqual(self.settled(marks.mark(uses * 2, CLIENT)), before)
        keys.put(purpose, b"n" * 32, owner)
        return self.settled(marks.mark(uses, CLIENT)) != before

    def test_a_value_that_is_stored_depends_on_the_newest_keys_of_its_owner(self):
        for column, role, purpose, is_other in (
            (PLAIN, STORE, purposes.STORAGE_SYMMETRIC, True),
            (PLAIN, STORE, purposes.SEARCH_HMAC, False),
            (FOUND, STORE, purposes.STORAGE_SYMMETRIC, True),
            (FOUND, STORE, purposes.SEARCH_HMAC, True),
            (STRUCT, STORE, purposes.STORAGE_SYMMETRIC, False),
            (PLAIN, STORE_EACH, purposes.STORAGE_SYMMETRIC, True),
            (PLAIN, STORE_EACH, purposes.SEARCH_HMAC, False),
            (FOUND, STORE_EACH, purposes.STORAGE_SYMMETRIC, True),
            (FOUND, STORE_EACH, purposes.SEARCH_HMAC, True),
            (FOUND, COMPARE, purposes.STORAGE_SYMMETRIC, False),
            (FOUND, COMPARE, purposes.SEARCH_HMAC, True),
            (FOUND, COMPARE_ANY, purposes.STORAGE_SYMMETRIC, False),
            (FOUND, COMPARE_ANY, purposes.SEARCH_HMAC, True),
            (TOKEN, STORE, purposes.STORAGE_SYMMETRIC, False),
        ):
            self.assertEqual(self.changed(column, role, purpose), is_other, (column, role, purpose))
            theirs = column._replace(owner="other")
            expected = is_other and role in STORING
            self.assertEqual(self.changed(theirs, role, purpose, "other"), expected)

    def test_a_search_depends_on_every_search_key(self):
        """Also on one that is no longer there."""
        store = Keys()
        marks = KeyMarks(store)
        found = set()
        lists = ((b"n", b"o"), (b"n",), (b"n", b"p"), (b"o", b"n"), ())
        for store.values in lists:
            found.add(self.settled(marks.mark([Use(FOUND, COMPARE, "")], CLIENT)))
        self.assertEqual(len(found), len(lists))

    def test_each_object_makes_its_own(self):
        uses = [Use(PLAIN, STORE, "")]
        first, second = (KeyMarks(self.bench.keys).mark(uses, CLIENT) for _ in range(2))
        self.assertNotEqual(first, second)
        self.assertEqual(KeyMarks(self.bench.keys).mark([], CLIENT), b"")
