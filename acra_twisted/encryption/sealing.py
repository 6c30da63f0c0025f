"""A plaintext to the bytes that a protected column stores.

Source: the acra-wire reference, sections 9 to 13.  A container that a client writes back is kept,
not sealed again: it has to be the whole of the value, but for a search prefix or a readable part.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable
from typing import Final

from acra_twisted.crypto import acrablock, acrastruct, envelopes
from acra_twisted.crypto.envelopes import ACRABLOCK, ACRASTRUCT, Envelope
from acra_twisted.crypto.openers import Closed, Opener
from acra_twisted.encryption import errors, masks, searching
from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.searching import Prefixes
from acra_twisted.encryption.settings import MASKED, SEARCHABLE, ColumnSetting
from acra_twisted.themis.cell import Key, Random
from acra_twisted.themis.keys import PublicKey

#: Seals data in the envelope of its owner.  Raises CryptoError.
Seal = Callable[[bytes, Random], bytes]

_HEX: Final = b"\\x"


def block_seal(key: Key) -> Seal:
    """Seals in AcraBlocks for the holders of a key, which may be overwritten afterwards."""
    create = acrablock.Sealer(key).create

    def seal(data: bytes, random_bytes: Random) -> bytes:
        return envelopes.wrap(ACRABLOCK, create(data, random_bytes))

    return seal


def struct_seal(public: PublicKey) -> Seal:
    """Seals in AcraStructs for the holder of a private key."""

    def seal(data: bytes, random_bytes: Random) -> bytes:
        return envelopes.wrap(ACRASTRUCT, acrastruct.create(data, public, b"", random_bytes))

    return seal


class Stored:
    """The bytes for the database.  ``passed``: they were encrypted when the client wrote them."""

    __slots__ = ("data", "passed")

    def __init__(self, data: bytes, passed: bool = False) -> None:
        self.data = data
        self.passed = passed


class ColumnSealer:
    """Makes what a column stores, for one owner.

    ``seal`` and ``prefixes``, which a searchable column needs, have the owner's keys.  ``opener``
    has those of the session's client: containers that it writes are opened with no others.  An
    opener for each of two threads, or one for both: see `crypto.openers`.  ``refuses_own``: the
    client must not write containers that its keys open; it may have them from a column that it may
    not read.
    """

    __slots__ = ("_setting", "_seal", "_prefixes", "_opener", "_text", "_refuses_own")

    def __init__(
        self,
        setting: ColumnSetting,
        seal: Seal,
        prefixes: Prefixes | None = None,
        opener: Opener | None = None,
        refuses_own: bool = False,
    ) -> None:
        self._refuses_own = refuses_own
        self._setting = setting
        self._seal = seal
        self._prefixes = prefixes
        self._opener = opener
        self._text = setting.data_type == "str"

    def store(self, plaintext: bytes, random_bytes: Random) -> Stored:
        """The stored form of a canonical plaintext; the empty one stays as it is.

        Raises ValueRefusedError for a masked value that is written back, for a container that has
        to be opened and does not open, or that must not open, and if there is no key to search
        with; CryptoError.
        """
        if not plaintext:
            return Stored(b"")
        written = written_container(self._setting, plaintext)
        if written is not None:
            return Stored(self._keep(*written, random_bytes), True)
        return Stored(self.sealed(plaintext, random_bytes))

    def sealed(self, plaintext: bytes, random_bytes: Random) -> bytes:
        """The stored form of a canonical plaintext that is neither empty nor a container.  Raises
        as `store` does."""
        setting = self._setting
        if setting.kind == SEARCHABLE:
            return self._prefix(plaintext) + self._seal(plaintext, random_bytes)
        if setting.kind != MASKED or setting.masking is None:
            return self._seal(plaintext, random_bytes)
        if not setting.mask_writes and masks.looks_masked(setting.masking, plaintext):
            raise ValueRefusedError(
                errors.DATA_ERROR,
                errors.MASK,
                "the value looks like the mask that readers without the key see",
            )
        before, secret, behind = masks.split(setting.masking, plaintext, self._text)
        return before + self._seal(secret, random_bytes) + behind

    def _prefix(self, plaintext: bytes) -> bytes:
        assert self._prefixes is not None  # noqa: S101 - a searchable column has them
        return self._prefixes.newest(plaintext)

    def _keep(self, value: bytes, found: Envelope, random_bytes: Random) -> bytes:
        """The stored form of a value that is a container."""
        setting = self._setting
        container = value[found.start : found.end]
        renews = setting.reencrypts and setting.envelope == ACRABLOCK and found.kind == ACRASTRUCT
        if setting.kind != SEARCHABLE and not renews and not self._refuses_own:
            return value
        try:
            plaintext = self._open(found.kind, found.data(value))
        except Closed:
            if setting.kind == SEARCHABLE:
                raise does_not_open() from None
            return value
        if self._refuses_own:
            raise must_not_open()
        if renews:
            container = self._seal(plaintext, random_bytes)
        if setting.kind == SEARCHABLE:
            return self._prefix(plaintext) + container
        return value[: found.start] + container + value[found.end :]

    def _open(self, kind: str, data: bytes) -> bytes:
        if self._opener is None:
            raise Closed("no key")
        return self._opener.open(kind, data, {})


def does_not_open() -> ValueRefusedError:
    """The error of a container that has to be opened, and does not open."""
    return ValueRefusedError(errors.DATA_ERROR, errors.CLOSED, "the container does not open")


def must_not_open() -> ValueRefusedError:
    """The error of a container that its client may have from a column that it may not read."""
    return ValueRefusedError(
        errors.FORBIDDEN,
        errors.READY,
        "the container opens with the keys of the client, which may not read every column; give "
        "the value itself",
    )


def written_container(setting: ColumnSetting, plaintext: bytes) -> tuple[bytes, Envelope] | None:
    """The bytes of a canonical plaintext that is a container, and its place in them; None for any
    other.  A client writes the container of a column of characters as hexadecimal digits."""
    value = plaintext
    if len(value) < envelopes.MINIMUM:
        return None
    if setting.data_type == "str":
        if value[:2] != _HEX:
            return None
        try:
            value = binascii.unhexlify(value[2:])
        except binascii.Error:
            return None
    found = container_of(setting, value)
    return None if found is None else (value, found)


def container_of(setting: ColumnSetting, value: bytes) -> Envelope | None:
    """The container that a value is, apart from the search prefix or the readable part that its
    column has; None if the value is anything else."""
    for found in envelopes.find(value):
        before, behind = found.start, len(value) - found.end
        if not before and not behind:
            return found
        if setting.kind == SEARCHABLE:
            if before == searching.SIZE and not behind and searching.is_prefixed(value):
                return found
        elif setting.kind == MASKED and setting.masking is not None:
            clear, none = (before, behind) if setting.masking.left else (behind, before)
            if not none and clear <= setting.masking.length:
                return found
    return None
