"""Secure Cell: AES-256-GCM under a key derived from key, length and context.

Source: themis-formats reference, section 4.  Acra uses Seal with a key and nothing else; the
other modes are here because they cost little and prove the rest against real Themis.  Header
integers are little-endian.  The twelve first bytes of a sealed cell are always the same, and
nothing else is accepted: that reads everything default builds of Themis have written.
"""

from __future__ import annotations

import hmac
import struct
from collections.abc import Callable
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from acra_twisted.errors import CryptoError
from acra_twisted.fast.hmacsha256 import digest
from acra_twisted.themis import kdf
from acra_twisted.themis.kdf import derive

Random = Callable[[int], bytes]
Key = bytes | bytearray

#: Bytes by which a cell is longer than its message.
OVERHEAD: Final = 44
#: Algorithm, length of the initialization vector, length of the tag.
HEAD: Final = bytes.fromhex("000101400c00000010000000")
_PASSPHRASE_HEAD: Final = bytes.fromhex("000101410c00000010000000")
_PASSPHRASE_SIZE: Final = 70
_ITERATIONS: Final = 314_110
#: The count stands in the data: it is work of the sender's choosing.
_MAX_ITERATIONS: Final = 10_000_000

_MESSAGE_KEY: Final = b"Themis secure cell message key"
_MESSAGE_IV: Final = b"Themis secure cell message iv"
#: What the derivation of every message key begins with: joined once (5 us of an AcraStruct's 150).
KEY_PREFIX: Final = kdf.message(_MESSAGE_KEY)
#: Bytes of the longest key that is hashed as it is.
_BLOCK: Final = 64
_LENGTH: Final = struct.Struct("<I")
_LONG: Final = struct.Struct("<Q")


def fixed_key(key: Key, length: int, context: bytes) -> bytes:
    """The key of all messages of one length, derived from a key for messages of any length."""
    return _message_key(key, _LENGTH.pack(length), context)


def _message_key(key: Key, length: bytes, context: bytes) -> bytes:
    message = KEY_PREFIX + length + context
    # Nobody wipes bytes; a key that is wiped is not copied.
    if isinstance(key, bytes) and len(key) <= _BLOCK:
        return digest(key, message)
    return hmac.digest(key, message, "sha256")


def seal(key: Key, message: bytes, context: bytes, random_bytes: Random) -> bytes:
    """Seal mode.  Raises CryptoError for an empty key or message."""
    _not_empty(key, message)
    length = _LENGTH.pack(len(message))
    iv = random_bytes(12)
    sealed = AESGCM(_message_key(key, length, context)).encrypt(iv, message, context)
    return b"".join((HEAD, length, iv, sealed[-16:], sealed[:-16]))


def open_sealed(key: Key, data: bytes, context: bytes, legacy: bool = False) -> bytes:
    """The message of a cell that is all of ``data``.  Raises CryptoError.

    ``legacy``: on failure try the length as 64 bits, as Themis 0.9.6 derived its keys.
    """
    length = _checked_length(key, data)
    try:
        return _decrypt(AESGCM(_message_key(key, data[12:16], context)), data, context)
    except CryptoError:
        if not legacy:
            raise
    return _decrypt(AESGCM(_message_key(key, _LONG.pack(length), context)), data, context)


def _checked_length(key: Key, data: bytes) -> int:
    """The message's length, if ``data`` has the form of a sealed cell.  Raises CryptoError."""
    if len(data) <= OVERHEAD or data[:12] != HEAD:
        raise CryptoError("not a sealed cell")
    (length,) = _LENGTH.unpack_from(data, 12)
    if length != len(data) - OVERHEAD:
        raise CryptoError("a sealed cell has another length than it says")
    if not key:
        raise CryptoError("the key is empty")
    return int(length)


def _decrypt(cipher: AESGCM, data: bytes, context: bytes) -> bytes:
    try:
        return cipher.decrypt(data[16:28], data[44:] + data[28:44], context)
    except InvalidTag:
        raise CryptoError("a sealed cell does not open") from None


def open_wiped(key: Key, data: bytes, context: bytes) -> bytearray:
    """Do as `open_sealed`, into memory that the caller can wipe: for keys.  Raises CryptoError."""
    message = bytearray(_checked_length(key, data))
    try:
        AESGCM(_message_key(key, data[12:16], context)).decrypt_into(
            data[16:28], data[44:] + data[28:44], context, message
        )
    except InvalidTag:
        raise CryptoError("a sealed cell does not open") from None
    return message


class FixedOpener:
    """Opens cells of one length under one key and context: the derived key is always the same.

    Keeps the cipher, natively, and neither key: 5 us become 1 for the key cell of an AcraBlock.
    """

    __slots__ = ("_cipher", "_context", "_head", "_size")

    def __init__(self, key: Key, length: int, context: bytes = b"") -> None:
        packed = _LENGTH.pack(length)
        self._cipher = AESGCM(_message_key(key, packed, context))
        self._context = context
        self._head = HEAD + packed
        self._size = length + OVERHEAD

    def open(self, data: bytes) -> bytes:
        """The message.  Raises CryptoError."""
        if data[:16] != self._head or len(data) != self._size:
            raise CryptoError("not a sealed cell of the expected length")
        return _decrypt(self._cipher, data, self._context)


def seal_with_vector(key: bytes, message: bytes, context: bytes, vector: bytes) -> bytes:
    """Seal mode with a given initialization vector, which is never used twice with a key.  The key
    has 32 bytes and nobody wipes it; the message is not empty."""
    length = _LENGTH.pack(len(message))
    cipher = AESGCM(digest(key, KEY_PREFIX + length + context))
    sealed = cipher.encrypt(vector, message, context)
    return b"".join((HEAD, length, vector, sealed[-16:], sealed[:-16]))


class FixedSealer:
    """Seals messages of one length under one key and context: `FixedOpener`'s counterpart."""

    __slots__ = ("_cipher", "_context", "_head", "_length")

    def __init__(self, key: Key, length: int, context: bytes = b"") -> None:
        if not key:
            raise CryptoError("the key is empty")
        packed = _LENGTH.pack(length)
        self._cipher = AESGCM(_message_key(key, packed, context))
        self._context = context
        self._head = HEAD + packed
        self._length = length

    def seal(self, message: bytes, random_bytes: Random) -> bytes:
        """The sealed cell.  Raises CryptoError for a message of another length."""
        if len(message) != self._length:
            raise CryptoError("the message has another length than expected")
        return self.seal_with_vector(message, random_bytes(12))

    def seal_with_vector(self, message: bytes, vector: bytes) -> bytes:
        """The sealed cell of a message of the right length, with an initialization vector that is
        never used again."""
        sealed = self._cipher.encrypt(vector, message, self._context)
        return b"".join((self._head, vector, sealed[-16:], sealed[:-16]))


def seal_with_passphrase(
    passphrase: bytes, message: bytes, context: bytes, random_bytes: Random
) -> bytes:
    """Seal mode with a passphrase (UTF-8, if it is text).  Raises CryptoError."""
    _not_empty(passphrase, message)
    length = _LENGTH.pack(len(message))
    iv, salt = random_bytes(12), random_bytes(16)
    key = derive(_stretch(passphrase, salt, _ITERATIONS), _MESSAGE_KEY, (length, context))
    sealed = AESGCM(key).encrypt(iv, message, context)
    stretching = struct.pack("<IH", _ITERATIONS, 16) + salt
    head = _PASSPHRASE_HEAD + length + _LENGTH.pack(len(stretching))
    return b"".join((head, iv, sealed[-16:], stretching, sealed[:-16]))


def open_with_passphrase(passphrase: bytes, data: bytes, context: bytes) -> bytes:
    """The message.  Raises CryptoError, also for an unreasonable number of iterations."""
    if len(data) <= _PASSPHRASE_SIZE or data[:12] != _PASSPHRASE_HEAD or not passphrase:
        raise CryptoError("not a cell sealed with a passphrase")
    length, size = struct.unpack_from("<II", data, 12)
    iterations, salt_size = struct.unpack_from("<IH", data, 48)
    if length != len(data) - _PASSPHRASE_SIZE or size != 22 or salt_size != 16:
        raise CryptoError("a sealed cell has another length than it says")
    if not 1 <= iterations <= _MAX_ITERATIONS:
        raise CryptoError("a sealed cell asks for too much work")
    key = derive(
        _stretch(passphrase, data[54:70], iterations), _MESSAGE_KEY, (data[12:16], context)
    )
    try:
        return AESGCM(key).decrypt(data[20:32], data[70:] + data[32:48], context)
    except InvalidTag:
        raise CryptoError("a sealed cell does not open") from None


def protect(key: Key, message: bytes, context: bytes, random_bytes: Random) -> tuple[bytes, bytes]:
    """Token Protect mode: ciphertext as long as the message, and the token (44 bytes)."""
    sealed = seal(key, message, context, random_bytes)
    return sealed[OVERHEAD:], sealed[:OVERHEAD]


def open_protected(
    key: Key, data: bytes, token: bytes, context: bytes, legacy: bool = False
) -> bytes:
    """The message.  Raises CryptoError."""
    return open_sealed(key, token + data, context, legacy)


def imprint(key: Key, message: bytes, context: bytes, legacy: bool = False) -> bytes:
    """Context Imprint mode: no longer than the message, deterministic, **unauthenticated**.

    Encrypts; `open_imprinted` is the same function.  The context must not be empty.
    """
    _not_empty(key, message)
    if not context:
        raise CryptoError("Context Imprint needs a context")
    length = (_LONG if legacy else _LENGTH).pack(len(message))
    own = derive(key, _MESSAGE_KEY, (length,))
    iv = derive(own, _MESSAGE_IV, (context,), 16)
    cipher = Cipher(algorithms.AES(own), modes.CTR(iv)).encryptor()
    return cipher.update(message) + cipher.finalize()


open_imprinted = imprint


def _stretch(passphrase: bytes, salt: bytes, iterations: int) -> bytes:
    return PBKDF2HMAC(hashes.SHA256(), 32, salt, iterations).derive(passphrase)


def _not_empty(key: Key, message: bytes) -> None:
    if not key:
        raise CryptoError("the key is empty")
    if not message:
        raise CryptoError("an empty message cannot be encrypted")
