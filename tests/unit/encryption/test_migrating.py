"""Stored values that are changed where they stand."""

import os

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.crypto import acrablock, envelopes
from acra_twisted.crypto.openers import Opener
from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.migrating import (
    CHANGES,
    DECRYPT,
    ENCRYPT,
    REENCRYPT,
    REWRAP,
    OwnersKeys,
    StoredValues,
)
from acra_twisted.encryption.sealing import ColumnSealer, block_seal, struct_seal
from acra_twisted.encryption.searching import Prefixes
from acra_twisted.encryption.settings import MASKED, SEARCHABLE, ColumnSetting, Masking
from acra_twisted.themis import keys
from tests.support.vectors import encryption, unhex

OLD_KEY, NEW_KEY, OLD_HMAC, NEW_HMAC = (bytes([number]) * 32 for number in range(1, 5))
OLD_PAIR, NEW_PAIR = keys.generate(), keys.generate()
PLAIN = ColumnSetting("", "people", "name")
STRUCTS = PLAIN._replace(envelope="acrastruct")
SEARCHED = ColumnSetting("", "people", "email", SEARCHABLE)
CARD = ColumnSetting("", "people", "card", MASKED, masking=Masking(b"xxxx", 4, True))
COLUMNS = (PLAIN, STRUCTS, SEARCHED, SEARCHED._replace(scoped=True), CARD)


def values(setting, rotated=True, **options):
    """The values of a column whose owner has an old key of each kind, and newer ones or not."""
    pairs = [NEW_PAIR, OLD_PAIR][1 - rotated :]
    symmetric = [NEW_KEY, OLD_KEY][1 - rotated :]
    hmacs = [NEW_HMAC, OLD_HMAC][1 - rotated :]
    public = pairs[0].public_key()
    is_struct = setting.envelope == "acrastruct"
    opener = Opener(pairs, symmetric)
    prefixes = Prefixes(setting, hmacs)
    sealer = ColumnSealer(
        setting, struct_seal(public) if is_struct else block_seal(symmetric[0]), prefixes, opener
    )
    own = OwnersKeys(
        opener,
        Opener(pairs[:1], symmetric[:1]),
        acrablock.Sealer(symmetric[0]),
        public,
        prefixes,
    )
    return StoredValues(setting, sealer, own, os.urandom, **options)


def stored(setting, plaintext=b"of the secret", rotated=False):
    return values(setting, rotated).sealed(plaintext).data


class Changes(SynchronousTestCase):
    def changed(self, setting, change, before, **options):
        """The value after a change, which is known to be the same and to need no second one."""
        own = values(setting, **options)
        after = own.changed(change, before)
        self.assertIsNotNone(after)
        self.assertTrue(own.is_same(change, before, after))
        self.assertIsNone(own.changed(change, after))
        return after

    @given(st.sampled_from(COLUMNS), st.binary(min_size=1).filter(lambda v: v[-4:] != b"xxxx"))
    def test_there_and_back(self, setting, plaintext):
        own = values(setting)
        sealed = self.changed(setting, ENCRYPT, plaintext)
        self.assertEqual(own.open(sealed), (plaintext, True))
        self.assertEqual(self.changed(setting, DECRYPT, sealed), plaintext)

    def test_new_keys(self):
        for setting in COLUMNS:
            before = stored(setting)
            self.assertEqual(values(setting).open(before), (b"of the secret", False))
            after = self.changed(setting, REENCRYPT, before)
            self.assertEqual(values(setting).open(after), (b"of the secret", True))
            self.assertIsNone(values(setting).changed(REENCRYPT, stored(setting, rotated=True)))

    def test_a_new_wrapping_leaves_the_data(self):
        for setting in COLUMNS:
            before = stored(setting)
            after = self.changed(setting, REWRAP, before)
            self.assertEqual(len(after), len(before))
            self.assertEqual(after[-30:], before[-30:])
            self.assertEqual(values(setting).open(after).plaintext, b"of the secret")
            alone = Opener([NEW_PAIR], [NEW_KEY])
            [found] = envelopes.find(after)
            self.assertTrue(alone.open(found.kind, found.data(after), {}))

    def test_acrastructs_become_acrablocks(self):
        after = self.changed(PLAIN, REENCRYPT, stored(STRUCTS, rotated=True))
        self.assertEqual(envelopes.find(after)[0].kind, "acrablock")

    def test_a_column_becomes_searchable_and_ceases_to_be(self):
        after = self.changed(SEARCHED, REENCRYPT, stored(PLAIN, rotated=True))
        self.assertEqual(len(after), len(stored(SEARCHED)))
        after = self.changed(PLAIN, REENCRYPT, after)
        self.assertEqual(after[:3], b"%%%")

    def test_another_part_becomes_readable(self):
        for length in (2, 6):
            other = CARD._replace(masking=Masking(b"xxxx", length, True))
            after = self.changed(other, REENCRYPT, stored(CARD, rotated=True))
            self.assertEqual(after[: length + 3], b"of the secret"[:length] + b"%%%")

    def test_a_prefix_of_nobodys_is_refused_unless_it_is_told_to_be_old(self):
        before = bytes([0x7F]) * 33 + stored(SEARCHED)[33:]
        for change in (REENCRYPT, DECRYPT):
            self.assertRaises(ValueRefusedError, values(SEARCHED).changed, change, before)
        after = values(SEARCHED, any_prefix=True).changed(REENCRYPT, before)
        self.assertEqual(values(SEARCHED).open(after), (b"of the secret", True))

    def test_what_needs_no_change_stays(self):
        for setting in COLUMNS:
            own = values(setting)
            for change in CHANGES:
                self.assertIsNone(own.changed(change, b""))
            for change in (REENCRYPT, REWRAP, DECRYPT):
                self.assertIsNone(own.changed(change, b"never encrypted"))
            self.assertIsNone(own.changed(ENCRYPT, stored(setting)))

    def test_what_cannot_be_changed(self):
        foreign = ColumnSealer(PLAIN, block_seal(bytes(32))).store(b"secret", os.urandom).data
        damaged = stored(PLAIN)[:-1]
        for change, value in (
            *((change, foreign) for change in (REENCRYPT, REWRAP, DECRYPT)),
            *((change, damaged) for change in CHANGES),
            (ENCRYPT, b"text " + stored(PLAIN)),
        ):
            self.assertRaises(ValueRefusedError, values(PLAIN).changed, change, value)

    def test_a_value_that_is_encrypted_twice_is_not_decrypted_once(self):
        twice = envelopes.wrap(
            "acrablock", acrablock.create(stored(PLAIN), OLD_KEY, b"", os.urandom)
        )
        self.assertRaises(ValueRefusedError, values(PLAIN).changed, DECRYPT, twice)

    def test_values_are_of_the_columns_type(self):
        age = PLAIN._replace(data_type="int32")
        self.assertEqual(values(age).open(values(age).changed(ENCRYPT, b"007")).plaintext, b"7")
        self.assertRaises(ValueRefusedError, values(age).changed, ENCRYPT, b"old")

    def test_values_lose_nothing(self):
        for data_type, value in (
            ("date", b"2020-01-01 12:34:56"),
            ("float8", b"123456789012345678.5"),
        ):
            typed = values(PLAIN._replace(data_type=data_type))
            self.assertRaises(ValueRefusedError, typed.changed, ENCRYPT, value)
            self.assertRaises(ValueRefusedError, typed.open, value)
            sealed = stored(PLAIN, value)
            for change in (REENCRYPT, DECRYPT):
                self.assertRaises(ValueRefusedError, typed.changed, change, sealed)

    @given(st.sampled_from(CHANGES), st.integers(0, 300), st.integers(1, 255))
    def test_a_value_that_was_changed_wrongly_is_seen(self, change, place, flip):
        before = b"of the secret" if change == ENCRYPT else stored(SEARCHED)
        own = values(SEARCHED)
        after = own.changed(change, before)
        wrong = bytearray(after)
        wrong[place % len(wrong)] ^= flip
        try:
            same = own.is_same(change, before, bytes(wrong))
        except ValueRefusedError:
            same = False
        # The header of an envelope has no part in a new wrapping, nor has the prefix.
        self.assertTrue(not same or (change == REWRAP and place % len(wrong) < 33 + 12 + 18))


class Vectors(SynchronousTestCase):
    def test_values_that_real_libraries_have_made(self):
        """They were made with older keys, and are given newer ones."""
        symmetric, rotated, hmac, old_hmac = unhex(
            encryption()["keys"], "symmetric", "symmetric_rotated", "hmac", "hmac_rotated"
        )
        opener = Opener([], [NEW_KEY, symmetric, rotated])
        seen = 0
        for vector in encryption()["stored"]["vectors"]:
            plain, before = unhex(vector, "plain", "stored")
            if "prefix wrong" in vector["kind"] or "masked" in vector["kind"]:
                continue
            setting = SEARCHED if "search" in vector["kind"] else PLAIN
            prefixes = Prefixes(setting, [NEW_HMAC, hmac, old_hmac])
            own = OwnersKeys(
                opener, Opener([], [NEW_KEY]), acrablock.Sealer(NEW_KEY), None, prefixes
            )
            sealer = ColumnSealer(setting, block_seal(NEW_KEY), prefixes, opener)
            column = StoredValues(setting, sealer, own, os.urandom)
            self.assertEqual(column.changed(DECRYPT, before), plain)
            for change in (REENCRYPT, REWRAP):
                after = column.changed(change, before)
                self.assertTrue(column.is_same(change, before, after))
                self.assertEqual(column.open(after).plaintext, plain)
            seen += 1
        self.assertGreaterEqual(seen, 5)
