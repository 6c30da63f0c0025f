"""Keys to and from containers, against keys that real Themis and real Acra made."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import CryptoError
from acra_twisted.themis import container, keys
from tests.support.vectors import load, unhex


class Vectors(SynchronousTestCase):
    def test_all(self):
        for item in load()["key_pairs"]:
            private, public, uncompressed = unhex(item, "private", "public", "public_uncompressed")
            key = keys.decode_private(private)
            self.assertEqual(keys.encode_private(key), private)
            self.assertEqual(keys.encode_public(key.public_key()), public)
            self.assertEqual(keys.encode_public(keys.decode_public(public)), public)
            if uncompressed:
                self.assertEqual(keys.encode_public(keys.decode_public(uncompressed)), public)
            short = container.encode(keys.PRIVATE_TAG, private[13:])
            self.assertEqual(keys.encode_private(keys.decode_private(short)), private)


class Refusals(SynchronousTestCase):
    def test_numbers_that_are_no_key(self):
        order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
        for number in (0, order, order + 1, (1 << 256) - 1, 1 << 256):
            data = container.encode(keys.PRIVATE_TAG, number.to_bytes(33, "big"))
            self.assertRaises(CryptoError, keys.decode_private, data)
        for size in (0, 31, 34):
            data = container.encode(keys.PRIVATE_TAG, bytes(size))
            self.assertRaises(CryptoError, keys.decode_private, data)

    @given(st.binary(max_size=80))
    def test_points(self, point):
        data = container.encode(keys.PUBLIC_TAG, point)
        try:
            found = keys.decode_public(data)
        except CryptoError:
            return
        self.assertEqual(keys.encode_public(found)[13:], point[1:33])

    def test_infinity_and_other_tags(self):
        data = container.encode(keys.PUBLIC_TAG, b"\0")
        self.assertRaises(CryptoError, keys.decode_public, data)
        self.assertRaises(CryptoError, keys.decode_public, keys.encode_private(keys.generate()))
