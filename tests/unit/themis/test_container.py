"""The Soter container: checksums, sizes, and what is refused."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import CryptoError
from acra_twisted.themis import container


class Containers(SynchronousTestCase):
    def test_the_checksum_is_castagnolis(self):
        self.assertEqual(container.crc32c(b"123456789"), 0xE3069283)
        self.assertEqual(container.encode(b"TEST", b"")[8:12], container.encode(b"TEST", b"")[8:])

    def test_bytes_behind_it(self):
        data = container.encode(b"TSPM", b"payload")
        self.assertEqual(container.decode_prefix(b"TSPM", data + b"\0\0"), (b"payload", 19))
        self.assertEqual(container.decode(b"TSPM", data), b"payload")
        self.assertRaises(CryptoError, container.decode, b"TSPM", data + b"\0")

    @given(st.binary(max_size=40), st.data())
    def test_every_change_is_noticed(self, payload, data):
        good = bytearray(container.encode(b"TSID", payload))
        place = data.draw(st.integers(0, len(good) - 1))
        good[place] ^= data.draw(st.integers(1, 255))
        self.assertRaises(CryptoError, container.decode, b"TSID", bytes(good))
        cut = container.encode(b"TSID", payload)[: data.draw(st.integers(0, 11 + len(payload)))]
        self.assertRaises(CryptoError, container.decode_prefix, b"TSID", cut)

    @given(st.binary(max_size=60))
    def test_garbage(self, data):
        self.assertRaises(CryptoError, container.decode, b"TSPM", data)
