"""Secure Message: a cell sealed under an ECDH secret, or a message with an ECDSA signature.

Source: themis-formats reference, section 6.  Elliptic curve keys only, which are all that Acra
uses and all that Themis generates by default.  Header integers are little-endian; the encrypted
form's length counts its 8-byte header, the signed form's counts the message alone.
"""

from __future__ import annotations

import struct
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from acra_twisted.errors import CryptoError
from acra_twisted.themis import cell
from acra_twisted.themis.keys import PrivateKey, PublicKey, shared_secret

#: Bytes by which an encrypted message is longer than its content.
OVERHEAD: Final = 8 + cell.OVERHEAD
ENCRYPTED: Final = bytes.fromhex("20270426")
SIGNED: Final = bytes.fromhex("20260426")
SIGNATURE: Final = ec.ECDSA(hashes.SHA256())
_LENGTH: Final = struct.Struct("<I")


def encrypt(
    private: PrivateKey, public: PublicKey, message: bytes, random_bytes: cell.Random
) -> bytes:
    """Encrypt from the holder of ``private`` to the holder of ``public``'s private half."""
    sealed = cell.seal(shared_secret(private, public), message, b"", random_bytes)
    return ENCRYPTED + _LENGTH.pack(8 + len(sealed)) + sealed


def decrypt(private: PrivateKey, public: PublicKey, data: bytes) -> bytes:
    """The message; both sides derive the same secret.  Raises CryptoError."""
    return decrypt_shared(shared_secret(private, public), data)


def decrypt_shared(secret: bytes, data: bytes) -> bytes:
    """`decrypt` with the shared secret known already.  Raises CryptoError."""
    if data[:4] != ENCRYPTED or data[4:8] != _LENGTH.pack(len(data)):
        raise CryptoError("not an encrypted Secure Message")
    return cell.open_sealed(secret, data[8:], b"")


def sign(private: PrivateKey, message: bytes) -> bytes:
    """The message and its signature.  Raises CryptoError for an empty message."""
    if not message:
        raise CryptoError("an empty message cannot be signed")
    signature = private.sign(message, SIGNATURE)
    return b"".join(
        (SIGNED, _LENGTH.pack(len(message)), _LENGTH.pack(len(signature)), message, signature)
    )


def verify(public: PublicKey, data: bytes) -> bytes:
    """The message of a signed one.  Raises CryptoError.

    Bytes behind the signature are allowed: older wrappers of Themis append up to two zeros.
    """
    if len(data) < 12 or data[:4] != SIGNED:
        raise CryptoError("not a signed Secure Message")
    length, size = struct.unpack_from("<II", data, 4)
    if not 0 < length <= len(data) - 12 or not 0 < size <= len(data) - 12 - length:
        raise CryptoError("a signed message has another length than it says")
    message = data[12 : 12 + length]
    verify_signature(public, data[12 + length : 12 + length + size], message)
    return message


def verify_signature(public: PublicKey, signature: bytes, signed: bytes) -> None:
    """Raises CryptoError if the ECDSA-SHA-256 signature (DER) is not of these bytes."""
    try:
        public.verify(signature, signed, SIGNATURE)
    except InvalidSignature:
        raise CryptoError("a signature is not valid") from None
