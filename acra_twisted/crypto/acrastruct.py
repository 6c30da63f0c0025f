"""AcraStruct: data encrypted with a public key, for the holder of the private key.

Source: themis-formats reference, section 9.1.  ``context`` is a zone's id for data of a zone and
empty otherwise; it seals the data and not the data key.
"""

from __future__ import annotations

import struct
from typing import Final

from acra_twisted.errors import CryptoError
from acra_twisted.themis import cell, keys, message
from acra_twisted.themis.cell import Random
from acra_twisted.themis.keys import PrivateKey, PublicKey

TAG: Final = b'"' * 8
#: The head: tag, throw-away public key, wrapped data key, length of the rest.
HEAD_SIZE: Final = 145
#: Bytes by which an AcraStruct is longer than its plaintext.
OVERHEAD: Final[int] = HEAD_SIZE + cell.OVERHEAD
#: The throw-away key begins so, always.
KEY_MARK: Final[bytes] = b"UEC2\0\0\0-"
#: So every AcraStruct begins.
MARK: Final[bytes] = TAG + KEY_MARK
MARK_OFFSET: Final[int] = 0
_KEY_END: Final = 53
_LENGTH_AT: Final = 137
_LENGTH: Final = struct.Struct("<Q")
_KEY_SIZE: Final = 32


def create(data: bytes, public: PublicKey, context: bytes, random_bytes: Random) -> bytes:
    """An AcraStruct for the holder of the private key.  Raises CryptoError for empty data."""
    key = random_bytes(_KEY_SIZE)
    sealed = cell.seal(key, data, context, random_bytes)
    return _head(public, key, random_bytes) + _LENGTH.pack(len(sealed)) + sealed


def rewrap(struct_bytes: bytes, public: PublicKey, key: bytes, random_bytes: Random) -> bytes:
    """The same AcraStruct for the holder of another private key: ``key`` is its data key.  Its data
    stay as they are, and so does its length."""
    return _head(public, key, random_bytes) + struct_bytes[_LENGTH_AT:]


def _head(public: PublicKey, key: bytes, random_bytes: Random) -> bytes:
    """The tag, a new throw-away key, and a data key wrapped with it."""
    throwaway = keys.generate()
    return b"".join(
        (
            TAG,
            keys.encode_public(throwaway.public_key()),
            message.encrypt(throwaway, public, key, random_bytes),
        )
    )


def size_at(data: bytes, start: int, end: int) -> int:
    """Length of the AcraStruct that begins at ``start`` and must end by ``end``; 0 if none does."""
    if data[start : start + 16] != MARK or end - start <= OVERHEAD:
        return 0
    size = HEAD_SIZE + int(_LENGTH.unpack_from(data, start + _LENGTH_AT)[0])
    return size if OVERHEAD < size <= end - start else 0


def point(struct_bytes: bytes) -> PublicKey:
    """The throw-away public key.  Raises CryptoError."""
    return keys.decode_public(struct_bytes[8:_KEY_END])


def unwrap_key(struct_bytes: bytes, shared: bytes) -> bytes:
    """The data key, by the secret shared with the throw-away key.  Raises CryptoError."""
    return message.decrypt_shared(shared, struct_bytes[_KEY_END:_LENGTH_AT])


def open_data(struct_bytes: bytes, key: bytes, context: bytes) -> bytes:
    """The plaintext, by the data key.  Raises CryptoError."""
    return cell.open_sealed(key, struct_bytes[HEAD_SIZE:], context)


def open_with(struct_bytes: bytes, private: PrivateKey, context: bytes = b"") -> bytes:
    """The plaintext of an AcraStruct that is all of the bytes.  Raises CryptoError."""
    if size_at(struct_bytes, 0, len(struct_bytes)) != len(struct_bytes):
        raise CryptoError("not an AcraStruct")
    shared = keys.shared_secret(private, point(struct_bytes))
    return open_data(struct_bytes, unwrap_key(struct_bytes, shared), context)
