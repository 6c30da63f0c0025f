"""The values that a protected column stores, changed where they stand: encrypted, encrypted anew,
given another key, or decrypted.

Each change leaves a value alone that needs none.  So a change that was interrupted begins again
from the start, and comes to the same end.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from acra_twisted.crypto import acrablock, acrastruct
from acra_twisted.crypto.envelopes import ACRABLOCK, Envelope
from acra_twisted.crypto.openers import Closed, Opener
from acra_twisted.encryption import errors, masks, searching
from acra_twisted.encryption.canonical import whole
from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.reading import was_encrypted
from acra_twisted.encryption.sealing import ColumnSealer, Stored, container_of
from acra_twisted.encryption.searching import Prefixes
from acra_twisted.encryption.settings import MASKED, SEARCHABLE, ColumnSetting
from acra_twisted.themis.cell import Random
from acra_twisted.themis.keys import PublicKey

# Changes.
ENCRYPT: Final = "encrypt"
REENCRYPT: Final = "reencrypt"
REWRAP: Final = "rewrap"
DECRYPT: Final = "decrypt"
CHANGES: Final = (ENCRYPT, REENCRYPT, REWRAP, DECRYPT)


class OwnersKeys(NamedTuple):
    """The keys of a column's owner.  ``opener`` has all, ``newest`` the newest of each kind.

    ``block`` and ``public`` wrap data keys for the newest: None where the owner has no such key.
    ``prefixes`` are those of a searchable column, None for any other.
    """

    opener: Opener
    newest: Opener
    block: acrablock.Sealer | None = None
    public: PublicKey | None = None
    prefixes: Prefixes | None = None


class Opened(NamedTuple):
    """The canonical plaintext of a stored value.  ``current``: it is stored as it would be today,
    with the newest keys."""

    plaintext: bytes
    current: bool


class StoredValues:
    """Changes the stored values of one column.

    ``sealer`` stores values for the column's owner.  ``any_prefix``: a search prefix that none of
    the owner's search keys makes is taken for an old one; else its value is refused, for somebody
    may have put it there.

    Methods raise ValueRefusedError for a value that cannot be changed, and CryptoError.
    """

    __slots__ = ("_setting", "_sealer", "_keys", "_random", "_any_prefix")

    def __init__(
        self,
        setting: ColumnSetting,
        sealer: ColumnSealer,
        keys: OwnersKeys,
        random_bytes: Random,
        any_prefix: bool = False,
    ) -> None:
        self._setting = setting
        self._sealer = sealer
        self._keys = keys
        self._random = random_bytes
        self._any_prefix = any_prefix

    def changed(self, change: str, stored: bytes) -> bytes | None:
        """The value that takes the place of a stored one, None if it stays as it is."""
        if not stored:
            return None
        if change == ENCRYPT:
            return self._encrypted(stored)
        found = self._container(stored)
        if found is None:
            return None
        if change == REWRAP:
            return self._rewrapped(stored, found)
        plaintext, current = self._open(stored, found)
        if change == DECRYPT:
            if was_encrypted(plaintext):
                # A second look would decrypt it once more.
                raise _refused("it is encrypted twice")
            return plaintext
        return None if current else self.sealed(plaintext).data

    def sealed(self, plaintext: bytes) -> Stored:
        """The stored form of a canonical plaintext."""
        return self._sealer.store(plaintext, self._random)

    def open(self, stored: bytes) -> Opened:
        """The plaintext of a stored value.  An empty value, and one that was never encrypted, are
        their own."""
        found = self._container(stored) if stored else None
        if found is None:
            return Opened(whole(self._setting.data_type, stored) if stored else b"", True)
        return self._open(stored, found)

    def is_same(self, change: str, before: bytes, after: bytes) -> bool:
        """Tell whether a changed value holds what it held before: by the contents, or by the data
        key and the encrypted data alone where those have only got another key."""
        if change == REWRAP:
            old, new = self._container(before), self._container(after)
            if old is None or new is None:
                return False
            held = [self._data_key(self._keys.opener, before, old), _body(before, old)]
            return held == [self._data_key(self._keys.newest, after, new), _body(after, new)]
        if change == DECRYPT:
            return after == self.open(before).plaintext
        opened = self.open(after)
        return opened.current and opened.plaintext == self.open(before).plaintext

    def _encrypted(self, stored: bytes) -> bytes | None:
        if container_of(self._setting, stored) is not None:
            return None
        if was_encrypted(stored):
            raise _refused("it is encrypted, and not as its column is")
        made = self.sealed(whole(self._setting.data_type, stored))
        if made.passed:
            raise _refused("it is the text of an encrypted value")
        return made.data

    def _container(self, stored: bytes) -> Envelope | None:
        """The container that a value is, also of a column that was searchable before, or of which
        more was readable."""
        setting = self._setting
        found = container_of(setting, stored)
        if found is None:
            found = container_of(setting._replace(kind=SEARCHABLE), stored)
        if found is None and setting.masking is not None:
            longest = setting.masking._replace(length=len(stored))
            found = container_of(setting._replace(masking=longest), stored)
        if found is None and was_encrypted(stored):
            raise _refused("it is encrypted, and not as its column is")
        return found

    def _data_key(self, opener: Opener, stored: bytes, found: Envelope) -> bytes | None:
        try:
            return opener.unwrap(found.kind, found.data(stored), {})
        except Closed:
            return None

    def _open(self, stored: bytes, found: Envelope) -> Opened:
        setting = self._setting
        data = found.data(stored)
        try:
            content = self._keys.opener.open(found.kind, data, {})
        except Closed as error:
            raise _refused(f"it cannot be opened: {error.reason}") from None
        before, behind = stored[: found.start], stored[found.end :]
        current = (
            found.start != found.inner
            and found.kind == setting.envelope
            and self._data_key(self._keys.newest, stored, found) is not None
        )
        if setting.kind == MASKED and setting.masking is not None:
            if not searching.is_prefixed(stored) or found.start != searching.SIZE:
                value = whole(setting.data_type, before + content + behind)
                parts = masks.split(setting.masking, value, setting.data_type == "str")
                return Opened(value, current and parts == (before, content, behind))
        plaintext = whole(setting.data_type, content)
        if setting.kind != SEARCHABLE:
            return Opened(plaintext, current and not before)
        prefixes = self._keys.prefixes
        assert prefixes is not None  # noqa: S101 - a searchable column has them
        if before and not prefixes.fit(before, plaintext) and not self._any_prefix:
            raise _refused("its search prefix is not that of its value")
        return Opened(plaintext, current and before == prefixes.newest(plaintext))

    def _rewrapped(self, stored: bytes, found: Envelope) -> bytes | None:
        keys = self._keys
        if self._data_key(keys.newest, stored, found) is not None:
            return None
        key = self._data_key(keys.opener, stored, found)
        if key is None:
            raise _refused("it cannot be opened: no key fits")
        data = found.data(stored)
        if found.kind == ACRABLOCK:
            inner = None if keys.block is None else keys.block.rewrap(data, key, self._random)
        else:
            public = keys.public
            inner = None if public is None else acrastruct.rewrap(data, public, key, self._random)
        if inner is None:
            raise ValueRefusedError(
                errors.NOT_SUPPORTED, errors.NO_KEY, "there is no key to encrypt with"
            )
        return stored[: found.inner] + inner + stored[found.end :]


def _body(stored: bytes, found: Envelope) -> bytes:
    """The encrypted data of a container, without its wrapped key."""
    head = acrablock.HEAD_SIZE if found.kind == ACRABLOCK else acrastruct.HEAD_SIZE
    return found.data(stored)[head:]


def _refused(why: str) -> ValueRefusedError:
    return ValueRefusedError(errors.DATA_ERROR, errors.CLOSED, why)
