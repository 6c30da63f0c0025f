"""Proofs of a password, as the plugins of authentication of MySQL and MariaDB have them.

``scramble`` is what the server has sent for it, without the zero behind it.  Who has no password
proves it by an empty answer.
"""

from __future__ import annotations

from hashlib import sha1, sha256

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from acra_twisted.errors import WireError


def native(password: bytes, scramble: bytes) -> bytes:
    """The answer of ``mysql_native_password``."""
    if not password:
        return b""
    # The protocol has this hash.
    first = sha1(password).digest()  # noqa: S324
    return _mixed(first, sha1(scramble + sha1(first).digest()).digest())  # noqa: S324


def caching(password: bytes, scramble: bytes) -> bytes:
    """The first answer of ``caching_sha2_password``."""
    if not password:
        return b""
    first = sha256(password).digest()
    return _mixed(first, sha256(sha256(first).digest() + scramble).digest())


def encrypted(password: bytes, scramble: bytes, pem: bytes) -> bytes:
    """A password and a zero, for the owner of a key of RSA.  Raises WireError for another key, and
    for one that is too short."""
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise WireError("database", "its key for passwords cannot be read") from None
    if not isinstance(key, RSAPublicKey):
        raise WireError("database", "its key for passwords is not one of RSA")
    said = password + b"\0"
    repeated = (scramble * (len(said) // max(len(scramble), 1) + 1))[: len(said)]
    try:
        # The protocol has this padding.
        return key.encrypt(_mixed(said, repeated), OAEP(MGF1(SHA1()), SHA1(), None))  # noqa: S303
    except ValueError:
        raise WireError("database", "its key for passwords is too short for this one") from None


def _mixed(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
