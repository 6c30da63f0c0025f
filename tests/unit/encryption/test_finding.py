"""Searched values: prefixes by all keys, and containers in place of values."""

import os

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.crypto.openers import Opener
from acra_twisted.encryption.errors import CLOSED, NO_KEY, READY, ValueRefusedError
from acra_twisted.encryption.finding import ColumnSearcher
from acra_twisted.encryption.sealing import ColumnSealer, block_seal
from acra_twisted.encryption.searching import SIZE, Prefixes, kind_of
from acra_twisted.encryption.settings import SEARCHABLE, ColumnSetting

RAW = ColumnSetting("", "t", "raw", kind=SEARCHABLE)
TEXT = ColumnSetting("", "t", "text", kind=SEARCHABLE, data_type="str")
NEW, OLD, KEY = b"n" * 32, b"o" * 32, b"k" * 32


def stored(setting, plaintext, hmac_key=NEW, key=KEY):
    sealer = ColumnSealer(setting, block_seal(key), Prefixes(setting, [hmac_key]))
    return sealer.store(plaintext, os.urandom).data


def searcher(setting, *keys):
    return ColumnSearcher(setting, Prefixes(setting, keys), Opener((), [KEY]))


class Searches(SynchronousTestCase):
    def test_a_value_is_found_by_whatever_key_it_was_stored_with(self):
        made = searcher(TEXT, NEW, OLD)
        self.assertEqual(made.width, 2)
        self.assertEqual(made.forms(b"a"), [stored(TEXT, b"a", key)[:SIZE] for key in (NEW, OLD)])

    def test_the_empty_value_is_what_is_stored(self):
        self.assertEqual(searcher(TEXT, NEW, OLD).forms(b""), [b""])

    def test_the_hash_of_an_only_prefix(self):
        for setting in (TEXT, RAW, TEXT._replace(scoped=True)):
            made = searcher(setting, NEW)
            [prefix] = made.forms(b"a")
            self.assertEqual(kind_of(setting) + made.hash(b"a"), prefix)
        for made in (
            searcher(TEXT, NEW, OLD),
            searcher(TEXT),
            searcher(TEXT._replace(normalize=frozenset(("lower",))), NEW),
            searcher(TEXT._replace(data_type="float8"), NEW),
        ):
            self.assertIsNone(made.hash)

    def test_a_container_stands_for_the_value_in_it(self):
        for setting in (RAW, TEXT):
            made = searcher(setting, NEW)
            for value in (stored(setting, b"a"), stored(setting, b"a")[SIZE:]):
                written = b"\\x" + value.hex().encode() if setting is TEXT else value
                self.assertEqual(made.forms(written), made.forms(b"a"))

    def test_a_container_of_a_client_that_may_not_read_all(self):
        """The answer would tell what is in it."""
        made = ColumnSearcher(RAW, Prefixes(RAW, [NEW]), Opener((), [KEY]), refuses_own=True)
        error = self.assertRaises(ValueRefusedError, made.forms, stored(RAW, b"a"))
        self.assertEqual(error.reason, READY)
        self.assertEqual(made.forms(b"a"), searcher(RAW, NEW).forms(b"a"))

    def test_a_container_that_does_not_open(self):
        value = stored(RAW, b"a", key=b"x" * 32)
        error = self.assertRaises(ValueRefusedError, searcher(RAW, NEW).forms, value)
        self.assertEqual(error.reason, CLOSED)

    def test_nothing_is_searched_for_without_a_key(self):
        error = self.assertRaises(ValueRefusedError, searcher(RAW).forms, b"a")
        self.assertEqual(error.reason, NO_KEY)
