"""Signatures by passwords: where a password has 32 bytes, it is a key of Ed25519."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.wire.mysql.edwards import sign

NONCE = bytes(range(32))


class Signatures(SynchronousTestCase):
    @settings(max_examples=20)
    @given(st.binary(min_size=32, max_size=32), st.binary(max_size=100))
    def test_a_library_makes_the_same(self, password, message):
        expected = Ed25519PrivateKey.from_private_bytes(password).sign(message)
        self.assertEqual(sign(password, message), expected)

    def test_each_password_has_its_own(self):
        found = {sign(password, NONCE) for password in (b"", b"a", b"b", b"a" * 31, b"a" * 33)}
        self.assertEqual((len(found), {len(one) for one in found}), (5, {64}))
        self.assertNotEqual(sign(b"a", NONCE), sign(b"a", NONCE[::-1]))
