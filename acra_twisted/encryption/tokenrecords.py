"""Records of a token store, as Acra writes them.

Source: the transparent-encryption reference, section 3.3.  A record is data that is sealed for its
owner, with its times and whether it is disabled; the sealed part is a value with its type, or a
token alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from acra_twisted.crypto import acrablock
from acra_twisted.encryption.tokens import Random
from acra_twisted.errors import CryptoError, TokenStoreError
from acra_twisted.themis.cell import Key
from acra_twisted.wire.formats import protobuf

#: Bytes of a record at most: a value of PostgreSQL has a gigabyte, a token stands for a short one.
RECORD_MAX: Final = 16 << 20
_LATEST: Final = (1 << 63) - 1


class Record(NamedTuple):
    """``data`` is sealed; ``created`` and ``accessed`` are Unix seconds."""

    data: bytes
    created: int
    accessed: int
    disabled: bool = False


def write(record: Record) -> bytes:
    """Return the bytes of a record.  Fields that are zero are left out."""
    parts = [protobuf.delimited(1, record.data)] if record.data else []
    numbers = (record.created, record.accessed, int(record.disabled))
    parts += [protobuf.integer(n, value) for n, value in enumerate(numbers, 2) if value]
    return b"".join(parts)


def read(data: bytes) -> Record:
    """Return the record of bytes.  Raises TokenStoreError."""
    fields: dict[int, int | bytes] = {1: b"", 2: 0, 3: 0, 4: 0}
    try:
        if len(data) > RECORD_MAX:
            raise ValueError
        for number, value in protobuf.read(data):
            # A reader passes over fields that are newer than it.
            if number in fields:
                fields[number] = value
    except ValueError:
        raise damaged() from None
    sealed, created, accessed, disabled = fields.values()
    if (
        not isinstance(sealed, bytes)
        or isinstance(created, bytes)
        or isinstance(accessed, bytes)
        or isinstance(disabled, bytes)
        or max(created, accessed) > _LATEST
    ):
        raise damaged()
    return Record(sealed, created, accessed, disabled != 0)


def damaged() -> TokenStoreError:
    """Return the error of a record that is none."""
    return TokenStoreError("the token store has a record that cannot be read")


def pack(value: bytes, kind: int) -> bytes:
    """Return the bytes that are sealed for a token: its encoded value with the number of its
    type."""
    return protobuf.delimited(1, value) + protobuf.integer(2, kind)


def unpack(data: bytes) -> tuple[bytes, int]:
    """Return the encoded value and the number of its type.  Raises TokenStoreError."""
    try:
        fields = dict(protobuf.read(data))
    except ValueError:
        raise damaged() from None
    value, kind = fields.get(1, b""), fields.get(2, 0)
    if not isinstance(value, bytes) or isinstance(kind, bytes):
        raise damaged()
    return value, kind


def seal(plain: bytes, key: Key, context: bytes, random_bytes: Random, now: int) -> bytes:
    """Return a new record.  ``plain`` is not empty; ``now`` is in Unix seconds."""
    return write(Record(acrablock.create(plain, key, context, random_bytes), now, now))


class Unsealer:
    """Opens the records of one owner: ``keys`` are tried in their order."""

    def __init__(self, keys: Sequence[Key], context: bytes) -> None:
        self._openers = [acrablock.Opener(key, context) for key in keys]
        self._context = context

    def unseal(self, record: Record) -> bytes | None:
        """Return what a record has sealed, None if no key opens it."""
        data = record.data
        if not data or acrablock.size_at(data, 0, len(data)) != len(data):
            return None
        for opener in self._openers:
            try:
                return acrablock.open_data(data, opener.unwrap_key(data), self._context)
            except CryptoError:
                continue
        return None
