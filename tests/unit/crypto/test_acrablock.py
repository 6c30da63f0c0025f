"""AcraBlocks: Acra's own, ours, and what is none."""

import os

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.crypto import acrablock
from acra_twisted.errors import CryptoError
from tests.support.vectors import load, unhex

KEY = bytes(range(32))


class Vectors(SynchronousTestCase):
    def test_made_by_acra_and_themis(self):
        for item in load()["acrablock"]:
            data, key, context, text, key_id = unhex(
                item, "acrablock", "key", "context", "message", "key_id"
            )
            self.assertEqual(acrablock.key_id(key, context), key_id)
            self.assertEqual(acrablock.open_with(data, key, context), text)
            self.assertRaises(CryptoError, acrablock.open_with, data, key, context + b"x")

    def test_the_published_vector(self):
        """The one of the wire reference, whose nonces are fixed."""
        drawn = bytes([2] * 32) + 2 * bytes(range(12))
        made = acrablock.create(b"hello", bytes([1] * 32), b"", lambda size: drawn)
        self.assertEqual(made[:20].hex(), "222222228b000000000000000072cd004c000001")
        self.assertEqual(made[-21:].hex(), "64af3cc95f4c61ef0cdf2222cdd5feb7a5cb1665d5")


class Own(SynchronousTestCase):
    made = acrablock.create(b"some text", KEY, b"zone", os.urandom)

    def test_round_trip(self):
        self.assertEqual(acrablock.open_with(self.made, KEY, b"zone"), b"some text")
        self.assertEqual(len(self.made), 9 + acrablock.OVERHEAD)
        self.assertRaises(CryptoError, acrablock.create, b"", KEY, b"", os.urandom)
        # A source that has run dry.
        for size in (0, acrablock.RANDOM_SIZE - 1):
            self.assertRaises(
                CryptoError, acrablock.create, b"x", KEY, b"", lambda _, n=size: bytes(n)
            )

    @given(st.integers(0, len(made) - 1), st.integers(1, 255))
    def test_en5_every_byte_counts(self, place, change):
        data = bytearray(self.made)
        data[place] ^= change
        self.assertRaises(CryptoError, acrablock.open_with, bytes(data), KEY, b"zone")

    @given(st.integers(0, len(made) - 1))
    def test_cut_off(self, size):
        self.assertRaises(CryptoError, acrablock.open_with, self.made[:size], KEY, b"zone")

    def test_lengths_that_do_not_fit(self):
        for length in (0, 90, 134, len(self.made), (1 << 64) - 1):
            data = self.made[:4] + length.to_bytes(8, "little") + self.made[12:]
            self.assertEqual(acrablock.size_at(data, 0, len(data)), 0)


class Sealing(SynchronousTestCase):
    def test_a_sealer_seals_many(self):
        sealer = acrablock.Sealer(KEY, b"zone")
        made = [sealer.create(b"%d" % number, os.urandom) for number in range(3)]
        self.assertEqual(
            [acrablock.open_with(one, KEY, b"zone") for one in made], [b"0", b"1", b"2"]
        )
        self.assertRaises(CryptoError, sealer.create, b"", os.urandom)
        self.assertRaises(CryptoError, acrablock.Sealer, b"")

    @given(
        st.binary(min_size=1, max_size=300),
        st.binary(min_size=1, max_size=100),
        st.binary(max_size=80),
        st.binary(min_size=acrablock.RANDOM_SIZE, max_size=acrablock.RANDOM_SIZE),
    )
    def test_it_seals_as_in_python(self, data, key, context, drawn):
        sealer = acrablock.Sealer(key, context)
        made = sealer.create(data, lambda size: drawn)
        self.assertEqual(made, sealer.create_by_python(data, drawn))
        self.assertEqual(acrablock.open_with(made, key, context), data)

    def test_lengths_around_blocks_and_limits(self):
        sealer, drawn = acrablock.Sealer(KEY, b"zone"), os.urandom(acrablock.RANDOM_SIZE)
        for size in (15, 16, 17, 255, 256, 257, 1 << 16, (1 << 16) + 1, 1 << 20):
            data = os.urandom(size)
            made = sealer.create(data, lambda _: drawn)
            self.assertEqual(made, sealer.create_by_python(data, drawn))

    def test_a_long_context(self):
        context = bytes((1 << 16) + 1)
        made = acrablock.create(b"text", KEY, context, os.urandom)
        self.assertEqual(acrablock.open_with(made, KEY, context), b"text")

    def test_sealers_of_several_keys_take_turns(self):
        keys = [os.urandom(32) for _ in range(3)]
        sealers = [acrablock.Sealer(key, b"zone%d" % n) for n, key in enumerate(keys)]
        for text in (b"a", b"some text"):
            for number, sealer in enumerate(sealers):
                made = sealer.create(text, os.urandom)
                self.assertEqual(acrablock.open_with(made, keys[number], b"zone%d" % number), text)
                self.assertRaises(CryptoError, acrablock.open_with, made, keys[number - 1])

    def test_it_keeps_no_key(self):
        """The key may be overwritten behind it."""
        key = bytearray(KEY)
        sealer = acrablock.Sealer(key)
        key[:] = bytes(32)
        self.assertEqual(acrablock.open_with(sealer.create(b"text", os.urandom), KEY), b"text")

    def test_it_takes_so_many_random_bytes(self):
        sizes = []

        def random(size):
            sizes.append(size)
            return os.urandom(size)

        acrablock.create(b"text", KEY, b"", random)
        self.assertEqual(sum(sizes), acrablock.RANDOM_SIZE)

    def test_a_new_wrapping_for_another_key_leaves_the_data(self):
        made = acrablock.create(b"text", KEY, b"", os.urandom)
        own = acrablock.Opener(KEY).unwrap_key(made)
        again = acrablock.Sealer(bytes(32)).rewrap(made, own, os.urandom)
        self.assertEqual(again[acrablock.HEAD_SIZE :], made[acrablock.HEAD_SIZE :])
        self.assertEqual(len(again), len(made))
        self.assertEqual(acrablock.open_with(again, bytes(32)), b"text")
        self.assertRaises(CryptoError, acrablock.open_with, again, KEY)
