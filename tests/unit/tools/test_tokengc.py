"""Tokens that no value leads to."""

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import KeyStoreError
from acra_twisted.purposes import STORAGE_SYMMETRIC
from acra_twisted.tools.tokengc import orphans
from tests.support.tokenizing import START, Desk, setting
from tests.support.tokenstores import everything


class Orphans(SynchronousTestCase):
    def setUp(self):
        self.desk = Desk()

    def entries(self):
        return self.successResultOf(Deferred.fromCoroutine(everything(self.desk.store)))

    def make(self, *values, kind="str", consistent=True, client="client"):
        column = setting(kind, consistent)
        return self.successResultOf(self.desk.tokenizer.tokenize(column, values, client))

    def drop(self, prefix):
        gone = [entry for entry in self.entries() if entry.key.startswith(prefix)]
        self.successResultOf(self.desk.store.remove(gone))

    def search(self, before=START + 1, kind="str", client="client"):
        keys = self.desk.keys.keys(STORAGE_SYMMETRIC, client)
        return Deferred.fromCoroutine(
            orphans(self.desk.store, keys, client, kind, before, lambda seen: None)
        )

    def found(self, **given):
        return self.successResultOf(self.search(**given))

    def test_a_token_without_a_value_is_one(self):
        self.make(b"left behind")
        self.drop(b"k.")
        [left] = self.entries()
        self.make(b"in use")
        self.make(b"of nobody", client="other")
        self.assertEqual(self.found(), {left.key})
        self.assertEqual(self.found(kind="email"), set())
        self.assertEqual(self.found(client="other"), set())

    def test_a_young_one_is_not(self):
        """Its writer may be about to store the other record."""
        self.make(b"left behind")
        self.drop(b"k.")
        self.assertEqual(self.found(before=START), set())

    def test_acras_names_are_understood(self):
        self.desk.tokenizer = self.desk.another(keyed=False)
        self.make(b"in use")
        self.assertEqual(self.found(), set())
        self.drop(b"h.")
        self.assertEqual(len(self.found()), 1)

    def test_every_type_has_its_own(self):
        self.make(b"-7", kind="int32")
        self.make(b"left", kind="bytes", consistent=False)
        self.assertEqual(self.found(kind="int32"), set())
        self.assertEqual(len(self.found(kind="bytes")), 1)

    def test_a_record_that_does_not_open_stops_it(self):
        self.make(b"in use")
        self.desk.keys.close()
        self.failureResultOf(self.search(), KeyStoreError)
