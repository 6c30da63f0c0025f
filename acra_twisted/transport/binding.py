"""The end point of a TLS connection, to which a login can be bound.

Source: RFC 5929, section 4 (tls-server-end-point): a hash of the server's certificate, by the
algorithm of the certificate's signature, in place of MD5 and SHA-1 by SHA-256.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

_REPLACED: Final = frozenset(("md5", "sha1"))
#: Certificates whose hash is kept: each server has one or two.
_KEPT: Final = 64


@lru_cache(_KEPT)
def end_point(certificate: bytes) -> bytes | None:
    """Return the hash of a server's certificate (DER) as RFC 5929 has it; None if its signature
    has no hash (Ed25519, Ed448), or none that is known here: then nothing can be bound to it."""
    try:
        algorithm = x509.load_der_x509_certificate(certificate).signature_hash_algorithm
    except (ValueError, UnsupportedAlgorithm):
        return None
    if algorithm is None:
        return None
    name = "sha256" if algorithm.name in _REPLACED else algorithm.name.replace("-", "_")
    try:
        return hashlib.new(name, certificate).digest()
    except (ValueError, TypeError):
        return None
