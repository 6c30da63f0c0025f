"""AcraBlock: data sealed with a data key, which is sealed with the owner's symmetric key.

Source: themis-formats reference, section 9.2.  Unlike an AcraStruct's, the context enters both
cells and the key's id.
"""

from __future__ import annotations

import hashlib
import struct
from typing import Any, Final

from acra_twisted.errors import CryptoError
from acra_twisted.fast import sealing
from acra_twisted.themis import cell
from acra_twisted.themis.cell import Key, Random

TAG: Final = b'"' * 4
HEAD_SIZE: Final = 94
#: Bytes by which an AcraBlock is longer than its plaintext.
OVERHEAD: Final[int] = HEAD_SIZE + cell.OVERHEAD
#: Data encryption, length of the wrapped key, and how every sealed 32-byte key begins.
MARK: Final[bytes] = b"\0\x4c\0" + cell.HEAD + b"\x20\0\0\0"
MARK_OFFSET: Final[int] = 15
KEY_SIZE: Final = 32
#: Random bytes of an AcraBlock: its data key and two initialization vectors.
RANDOM_SIZE: Final = KEY_SIZE + 2 * 12
_VECTOR_AT: Final = KEY_SIZE + 12
_MIDDLE_AT: Final = 12
_KEY_AT: Final = 18
_LENGTH: Final = struct.Struct("<Q")


def key_id(key: Key, context: bytes) -> bytes:
    """The two bytes by which a key is found again."""
    digest = hashlib.sha256(key)
    digest.update(context)
    return digest.digest()[:2]


def create(data: bytes, key: Key, context: bytes, random_bytes: Random) -> bytes:
    """An AcraBlock for the holders of ``key``.  Raises CryptoError for empty data."""
    return Sealer(key, context).create(data, random_bytes)


class Sealer:
    """One key and context, ready to seal: id and cipher are made once."""

    __slots__ = ("_middle", "_cipher", "_context", "_in_c")

    def __init__(self, key: Key, context: bytes = b"") -> None:
        self._cipher = cell.FixedSealer(key, KEY_SIZE, context)
        self._middle = b"\0" + key_id(key, context) + MARK[:3]
        self._context = context
        self._in_c: Any = None
        if sealing.blocks is not None:
            derived = cell.fixed_key(key, KEY_SIZE, context)
            parts = (TAG, self._middle, cell.HEAD, cell.KEY_PREFIX, bytes(context))
            self._in_c = sealing.blocks(derived, *parts).create

    def create(self, data: bytes, random_bytes: Random) -> bytes:
        """An AcraBlock.  Raises CryptoError for empty data.

        ``random_bytes`` is asked for RANDOM_SIZE bytes in all.  Where compiled, a module in C does
        the rest, in a quarter of the time, unless the data are long.
        """
        if not data:
            raise CryptoError("an empty message cannot be encrypted")
        # One call: each makes an object of Python and looks at what is left.
        drawn = random_bytes(RANDOM_SIZE)
        if len(drawn) != RANDOM_SIZE:
            raise CryptoError("the source of random bytes has run dry")
        if self._in_c is not None:
            made: bytes | None = self._in_c(data, drawn)
            if made is not None:
                return made
        return self.create_by_python(data, drawn)

    def create_by_python(self, data: bytes, drawn: bytes) -> bytes:
        """See `create`; ``drawn`` are its random bytes."""
        own = drawn[:KEY_SIZE]
        wrapped = self._cipher.seal_with_vector(own, drawn[KEY_SIZE:_VECTOR_AT])
        sealed = cell.seal_with_vector(own, data, self._context, drawn[_VECTOR_AT:])
        length = _LENGTH.pack(HEAD_SIZE + len(sealed) - len(TAG))
        return b"".join((TAG, length, self._middle, wrapped, sealed))

    def rewrap(self, block: bytes, own: bytes, random_bytes: Random) -> bytes:
        """The same AcraBlock for this key: ``own`` is its data key.  Its data stay as they are,
        and so does its length."""
        wrapped = self._cipher.seal(own, random_bytes)
        return b"".join((block[:_MIDDLE_AT], self._middle, wrapped, block[HEAD_SIZE:]))


def size_at(data: bytes, start: int, end: int) -> int:
    """Length of the AcraBlock that begins at ``start`` and must end by ``end``; 0 if none does."""
    mark = start + MARK_OFFSET
    if (
        data[start : start + 4] != TAG
        or end - start <= OVERHEAD
        or data[start + 12]
        or data[mark : mark + len(MARK)] != MARK
    ):
        return 0
    size = len(TAG) + int(_LENGTH.unpack_from(data, start + 4)[0])
    return size if OVERHEAD < size <= end - start else 0


def id_of(data: bytes) -> bytes | None:
    """The id of the key that an AcraBlock was made with; None for what is none as a whole."""
    return data[13:15] if data and size_at(data, 0, len(data)) == len(data) else None


class Opener:
    """One key and context, ready to open data keys: id and cipher are made once."""

    __slots__ = ("_id", "_cipher")

    def __init__(self, key: Key, context: bytes = b"") -> None:
        self._id = key_id(key, context)
        self._cipher = cell.FixedOpener(key, KEY_SIZE, context)

    def unwrap_key(self, block: bytes) -> bytes:
        """The data key.  Raises CryptoError."""
        if block[13:15] != self._id:
            raise CryptoError("the AcraBlock was made with another key")
        return self._cipher.open(block[_KEY_AT:HEAD_SIZE])


def open_data(block: bytes, key: bytes, context: bytes) -> bytes:
    """The plaintext, by the data key.  Raises CryptoError."""
    return cell.open_sealed(key, block[HEAD_SIZE:], context)


def open_with(block: bytes, key: Key, context: bytes = b"") -> bytes:
    """The plaintext of an AcraBlock that is all of the bytes.  Raises CryptoError."""
    if size_at(block, 0, len(block)) != len(block):
        raise CryptoError("not an AcraBlock")
    return open_data(block, Opener(key, context).unwrap_key(block), context)
