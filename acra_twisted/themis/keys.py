"""Elliptic curve keys (P-256) to and from Themis' containers.

Source: themis-formats reference, section 3.  A public key is a compressed point, a private key its
scalar in 33 bytes.  Themis reads uncompressed points and 32-byte scalars as well, and so do we.

Key objects are OpenSSL's: it wipes a private key's memory when the last reference is gone.
Private scalars pass through a `bytearray` that is wiped here; neither an `int` nor a `bytes` of
one is made when a key is read.
"""

from __future__ import annotations

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_private_key,
)

from acra_twisted.errors import CryptoError
from acra_twisted.fast.points import uncompressed
from acra_twisted.themis import container

PrivateKey = ec.EllipticCurvePrivateKey
PublicKey = ec.EllipticCurvePublicKey

PRIVATE_TAG = b"REC2"
PUBLIC_TAG = b"UEC2"
#: Bytes of either container as Themis writes it.
SIZE = 45

_CURVE = ec.SECP256R1()
_PUBLIC_HEAD = PUBLIC_TAG + SIZE.to_bytes(4, "big")
_HEAD_CHECKSUM = container.crc32c(_PUBLIC_HEAD + bytes(4))
# SEC 1's ECPrivateKey for P-256 around the 32 bytes of the scalar, without the public point.
_DER_HEAD = bytes.fromhex("30310201010420")
_DER_TAIL = bytes.fromhex("a00a06082a8648ce3d030107")


def generate() -> PrivateKey:
    """A new private key, from OpenSSL's random generator."""
    return ec.generate_private_key(_CURVE)


def encode_public(key: PublicKey) -> bytes:
    """The 45-byte container of a public key."""
    return container.encode(
        PUBLIC_TAG, key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    )


def decode_public(data: bytes) -> PublicKey:
    """A public key from its container, which must be all of ``data``.  Raises CryptoError."""
    if len(data) == SIZE and data[:8] == _PUBLIC_HEAD:
        # The usual size: its header's share of the checksum is known (7 us instead of 10).
        point = data[container.HEADER_SIZE :]
        if container.crc32c(point, _HEAD_CHECKSUM).to_bytes(4, "little") != data[8:12]:
            raise CryptoError("a Themis container's checksum is wrong")
        return decode_point(point)
    return decode_point(container.decode(PUBLIC_TAG, bytes(data)))


def decode_point(point: bytes) -> PublicKey:
    """A public key from a point in SEC 1 form, compressed or not.  Raises CryptoError."""
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, uncompressed(point))
    except (ValueError, UnsupportedAlgorithm):
        raise CryptoError("a public key is no point of the curve") from None


def encode_private(key: PrivateKey) -> bytearray:
    """The 45-byte container of a private key.  Wipe it after use."""
    scalar = key.private_numbers().private_value
    return bytearray(container.encode(PRIVATE_TAG, scalar.to_bytes(33, "big")))


def decode_private(data: bytes | bytearray) -> PrivateKey:
    """A private key from its container, which must be all of ``data``.  Raises CryptoError."""
    payload = container.decode(PRIVATE_TAG, bytes(data))
    if len(payload) not in (32, 33) or len(payload) == 33 and payload[0]:
        raise CryptoError("a private key has another size than P-256's")
    der = bytearray(_DER_HEAD + payload[-32:] + _DER_TAIL)
    try:
        key = load_der_private_key(der, None)
    except (ValueError, UnsupportedAlgorithm):
        raise CryptoError("a private key is out of range") from None
    finally:
        der[:] = bytes(len(der))
    assert isinstance(key, ec.EllipticCurvePrivateKey)  # noqa: S101 - its DER says so
    return key


def shared_secret(private: PrivateKey, public: PublicKey) -> bytes:
    """ECDH: the x coordinate of the common point, 32 bytes, unhashed."""
    return private.exchange(ec.ECDH(), public)
