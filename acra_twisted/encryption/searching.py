"""The search prefix of a value: what is compared in place of it.

A prefix is a byte that tells its kind and the HMAC-SHA256 of the canonical plaintext.  The kind of
Acra is the same for equal values of a client wherever they stand; the other is a column's own.
"""

from __future__ import annotations

import hmac
import struct
import unicodedata
from collections.abc import Callable, Sequence
from typing import Final

from acra_twisted.encryption import errors
from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.settings import ColumnSetting
from acra_twisted.fast.hmacsha256 import Keyed
from acra_twisted.themis.cell import Key

#: Kinds of prefixes.
SHARED: Final = 0x7F
SCOPED: Final = 0x80
#: Bytes of a prefix.
SIZE: Final = 33
_LENGTH: Final = struct.Struct(">H")


def is_prefixed(stored: bytes) -> bool:
    """Return True if a stored value begins as one with a prefix does."""
    return len(stored) > SIZE and stored[0] in (SHARED, SCOPED)


def normalized(normalize: frozenset[str], plaintext: bytes) -> bytes:
    """The form of a value in which it is searched for.  Bytes that are no characters stay."""
    if not normalize:
        return plaintext
    try:
        text = plaintext.decode()
    except UnicodeDecodeError:
        return plaintext
    if "nfc" in normalize:
        text = unicodedata.normalize("NFC", text)
    if "lower" in normalize:
        text = text.lower()
        if "nfc" in normalize:
            # Lower case may have put apart what belongs together.
            text = unicodedata.normalize("NFC", text)
    return text.encode()


def compared(setting: ColumnSetting, plaintext: bytes) -> bytes:
    """The form of a column's value that is equal for all values that are equal."""
    if setting.data_type == "float8":
        return b"0" if plaintext == b"-0" else plaintext
    return normalized(setting.normalize, plaintext)


def kind_of(setting: ColumnSetting) -> bytes:
    """Return the first byte of the prefixes of a column."""
    return bytes((SCOPED if setting.scoped else SHARED,))


class Prefixes:
    """Makes and checks the prefixes of a column with the keys of one client, newest first.

    The keys are copied at once: they may be overwritten afterwards.
    """

    __slots__ = ("_kind", "_keyed", "_setting")

    def __init__(self, setting: ColumnSetting, keys: Sequence[Key]) -> None:
        begin = b""
        if setting.scoped:
            name = setting.label.encode()
            begin = _LENGTH.pack(len(name)) + name
        self._kind = kind_of(setting)
        self._keyed = [Keyed(key, begin) for key in keys]
        self._setting = setting

    @property
    def count(self) -> int:
        """The number of keys."""
        return len(self._keyed)

    @property
    def hash(self) -> Callable[[bytes], bytes | None] | None:
        """The function that makes all of a value's only prefix but its first byte, or None if the
        value is too long for it; None where there are several keys, or values are changed before
        they are searched for."""
        if len(self._keyed) != 1 or self._setting.normalize or self._setting.data_type == "float8":
            return None
        return self._keyed[0].quick

    def newest(self, plaintext: bytes) -> bytes:
        """The prefix with which a value is stored.  Raises ValueRefusedError if there is no key."""
        return self.all(plaintext, 1)[0]

    def all(self, plaintext: bytes, most: int = -1) -> list[bytes]:
        """The prefixes with which a value may have been stored, one for each key: for a search.
        The empty value is stored without one, and is what it is searched for by.  Raises
        ValueRefusedError if there is no key."""
        if not self._keyed:
            raise ValueRefusedError(
                errors.NOT_SUPPORTED, errors.NO_KEY, "there is no key to search with"
            )
        if not plaintext:
            return [b""]
        text = compared(self._setting, plaintext)
        keyed = self._keyed if most < 0 else self._keyed[:most]
        return [self._kind + base.digest(text) for base in keyed]

    def fit(self, prefix: bytes, plaintext: bytes) -> bool:
        """Return True if the prefix of a stored value is that of its plaintext.  It takes the same
        time wherever they differ."""
        if not self._keyed:
            return False
        found = False
        for expected in self.all(plaintext):
            found |= hmac.compare_digest(prefix, expected)
        return found
