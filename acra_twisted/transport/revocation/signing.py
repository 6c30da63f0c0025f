"""Signatures of OCSP answers, with the algorithms that count.  Pure."""

from __future__ import annotations

from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.x509.oid import SignatureAlgorithmOID

#: Hashes whose signatures prove something.
STRONG: Final = (
    hashes.SHA224,
    hashes.SHA256,
    hashes.SHA384,
    hashes.SHA512,
    hashes.SHA3_256,
    hashes.SHA3_384,
    hashes.SHA3_512,
)


def is_signed_by(response: Any, key: Any) -> bool:
    """Return True if an ``OCSPResponse`` is signed with a public key's private one.

    Raises ValueError or UnsupportedAlgorithm if its algorithm does not count, or is not known.
    """
    signature, data = response.signature, response.tbs_response_bytes
    try:
        if isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
            key.verify(signature, data)
        elif response.signature_algorithm_oid == SignatureAlgorithmOID.RSASSA_PSS:
            return isinstance(key, rsa.RSAPublicKey) and _is_pss(key, signature, data)
        else:
            algorithm = response.signature_hash_algorithm
            if not isinstance(algorithm, STRONG):
                raise ValueError("its signature proves nothing")
            if isinstance(key, rsa.RSAPublicKey):
                key.verify(signature, data, padding.PKCS1v15(), algorithm)
            elif isinstance(key, ec.EllipticCurvePublicKey):
                key.verify(signature, data, ec.ECDSA(algorithm))
            else:
                raise ValueError("its signature is of a kind that is not known")
    except InvalidSignature:
        return False
    return True


def _is_pss(key: rsa.RSAPublicKey, signature: bytes, data: bytes) -> bool:
    """An answer's parameters of RSASSA-PSS cannot be read: those in use are tried."""
    for algorithm in (hashes.SHA256(), hashes.SHA384(), hashes.SHA512()):
        scheme = padding.PSS(padding.MGF1(algorithm), padding.PSS.AUTO)
        try:
            key.verify(signature, data, scheme, algorithm)
        except InvalidSignature:
            continue
        return True
    return False
