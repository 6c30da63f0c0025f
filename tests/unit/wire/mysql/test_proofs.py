"""Proofs of passwords, as a server checks them that shares no code with them."""

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import WireError
from acra_twisted.wire.mysql import proofs
from tests.support.mysqlaccounts import NATIVE, SHA2, Accounts

SCRAMBLE = bytes(range(40, 60))
ACCOUNTS = Accounts()


def pem(key):
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


class Proofs(SynchronousTestCase):
    @given(st.text(max_size=40), st.binary(min_size=20, max_size=20))
    def test_a_server_agrees(self, password, scramble):
        said = password.encode()
        for plugin, prove in ((NATIVE, proofs.native), (SHA2, proofs.caching)):
            ACCOUNTS.add("u", password, plugin)
            self.assertTrue(ACCOUNTS.agrees("u", prove(said, scramble), scramble, plugin))
            other = prove(said + b"!", scramble)
            self.assertFalse(ACCOUNTS.agrees("u", other, scramble, plugin))

    def test_a_password_for_the_owner_of_a_key(self):
        for password in (b"", b"pw", b"a long one" * 15):
            sent = proofs.encrypted(password, SCRAMBLE, ACCOUNTS.pem)
            self.assertEqual(ACCOUNTS.opened(sent, SCRAMBLE), password + b"\0")

    def test_keys_that_are_none(self):
        small = pem(rsa.generate_private_key(public_exponent=65537, key_size=1024))
        for key, why in (
            (b"", "cannot be read"),
            (b"-----BEGIN PUBLIC KEY-----\nAA==\n-----END PUBLIC KEY-----\n", "cannot be read"),
            (pem(ec.generate_private_key(ec.SECP256R1())), "not one of RSA"),
            (small, "too short"),
        ):
            error = self.assertRaises(WireError, proofs.encrypted, b"x" * 100, SCRAMBLE, key)
            self.assertIn(why, str(error))

    @given(st.binary(max_size=300))
    def test_any_bytes_for_a_key(self, key):
        self.assertRaises(WireError, proofs.encrypted, b"pw", SCRAMBLE, key)
