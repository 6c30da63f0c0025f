"""AcraStructs: Acra's own, ours, and what is none."""

import os

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.crypto import acrastruct
from acra_twisted.errors import CryptoError
from acra_twisted.themis import keys
from tests.support.vectors import key_pair, load, unhex

KEY = keys.generate()


class Vectors(SynchronousTestCase):
    def test_made_by_acra_and_themis(self):
        for item in load()["acrastruct"]:
            data, context, text = unhex(item, "acrastruct", "context", "message")
            private = key_pair(item["storage_key"])
            self.assertEqual(acrastruct.open_with(data, private, context), text)
            self.assertEqual(len(data), len(text) + acrastruct.OVERHEAD)
            self.assertRaises(CryptoError, acrastruct.open_with, data, private, context + b"x")
            self.assertRaises(CryptoError, acrastruct.open_with, data, KEY, context)


class Own(SynchronousTestCase):
    made = acrastruct.create(b"some text", KEY.public_key(), b"", os.urandom)

    def test_round_trip(self):
        self.assertEqual(acrastruct.open_with(self.made, KEY), b"some text")
        self.assertRaises(CryptoError, acrastruct.create, b"", KEY.public_key(), b"", os.urandom)

    @given(st.integers(0, len(made) - 1), st.integers(1, 255))
    def test_en5_every_byte_counts(self, place, change):
        data = bytearray(self.made)
        data[place] ^= change
        self.assertRaises(CryptoError, acrastruct.open_with, bytes(data), KEY)

    @given(st.integers(0, len(made) - 1))
    def test_cut_off_and_extended(self, size):
        self.assertRaises(CryptoError, acrastruct.open_with, self.made[:size], KEY)
        self.assertRaises(CryptoError, acrastruct.open_with, self.made + b"\0", KEY)

    def test_lengths_that_do_not_fit(self):
        head, rest = self.made[:137], self.made[145:]
        for length in (0, 1, 44, len(rest) + 1, 1 << 32, (1 << 64) - 1):
            data = head + length.to_bytes(8, "little") + rest
            self.assertEqual(acrastruct.size_at(data, 0, len(data)), 0)

    def test_a_new_wrapping_for_another_key_leaves_the_data(self):
        other = keys.generate()
        shared = keys.shared_secret(KEY, acrastruct.point(self.made))
        key = acrastruct.unwrap_key(self.made, shared)
        again = acrastruct.rewrap(self.made, other.public_key(), key, os.urandom)
        self.assertEqual(again[acrastruct.HEAD_SIZE :], self.made[acrastruct.HEAD_SIZE :])
        self.assertEqual(acrastruct.open_with(again, other), b"some text")
        self.assertRaises(CryptoError, acrastruct.open_with, again, KEY)
