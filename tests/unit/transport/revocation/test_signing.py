"""Signatures of OCSP answers, by each kind of key."""

from types import SimpleNamespace

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.x509.oid import SignatureAlgorithmOID
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.transport.revocation.signing import is_signed_by

DATA = b"what is signed"


def response(signature, oid=None, algorithm=None):
    return SimpleNamespace(
        signature=signature,
        tbs_response_bytes=DATA,
        signature_algorithm_oid=oid,
        signature_hash_algorithm=algorithm,
    )


def signed():
    """Yield a response and the key that it can be verified with, for each kind."""
    sha = hashes.SHA256()
    key = rsa.generate_private_key(65537, 2048)
    yield response(key.sign(DATA, padding.PKCS1v15(), sha), None, sha), key.public_key()
    pss = padding.PSS(padding.MGF1(hashes.SHA384()), 48)
    oid = SignatureAlgorithmOID.RSASSA_PSS
    yield response(key.sign(DATA, pss, hashes.SHA384()), oid), key.public_key()
    key = ec.generate_private_key(ec.SECP384R1())
    yield response(key.sign(DATA, ec.ECDSA(sha)), None, sha), key.public_key()
    for kind in (ed25519.Ed25519PrivateKey, ed448.Ed448PrivateKey):
        key = kind.generate()
        yield response(key.sign(DATA)), key.public_key()


class Signatures(SynchronousTestCase):
    def test_each_kind_of_key_is_verified(self):
        found = list(signed())
        self.assertEqual(len(found), 5)
        for number, (given, key) in enumerate(found):
            self.assertTrue(is_signed_by(given, key), number)
            given.tbs_response_bytes += b"!"
            self.assertFalse(is_signed_by(given, key), number)

    def test_weak_hashes_prove_nothing(self):
        key = ec.generate_private_key(ec.SECP256R1())
        weak = hashes.SHA1()
        given = response(key.sign(DATA, ec.ECDSA(weak)), None, weak)
        self.assertRaises(ValueError, is_signed_by, given, key.public_key())

    def test_a_key_of_another_kind_is_none_of_a_pss_signature(self):
        given, _ = list(signed())[1]
        key = ec.generate_private_key(ec.SECP256R1()).public_key()
        self.assertFalse(is_signed_by(given, key))
