"""Judges stored values of a protected column: encrypted and readable, in clear, or neither."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from acra_twisted.crypto.openers import Closed, Opener
from acra_twisted.encryption.canonical import canonical
from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.reading import was_encrypted
from acra_twisted.encryption.sealing import container_of
from acra_twisted.encryption.searching import Prefixes
from acra_twisted.encryption.settings import SEARCHABLE, ColumnSetting

# Judgements.
FINE: Final = "fine"
#: Never encrypted.
CLEAR: Final = "clear"
#: No key opens it, or what it holds is not a value of the column.
CLOSED: Final = "closed"
#: Encrypted, and not in the form that the column has.
OTHER: Final = "other"


class ReaderKeys(NamedTuple):
    """The keys of a client that may have stored values.  ``prefixes`` are those of a searchable
    column, None for any other."""

    opener: Opener
    prefixes: Prefixes | None = None


class Judge:
    """Judges the values of one column.

    ``readers`` have the keys of those whose values they may be.  Without any, a value of the right
    form is fine: it is not opened.
    """

    def __init__(self, setting: ColumnSetting, readers: Sequence[ReaderKeys]) -> None:
        self._setting, self._readers = setting, readers

    def judge(self, stored: bytes) -> str:
        """Return FINE, CLEAR, CLOSED or OTHER for a value that is not empty."""
        found = container_of(self._setting, stored)
        if found is None:
            return OTHER if was_encrypted(stored) else CLEAR
        if self._setting.kind == SEARCHABLE and not found.start:
            return OTHER
        data, before, behind = found.data(stored), stored[: found.start], stored[found.end :]
        for reader in self._readers:
            try:
                content = reader.opener.open(found.kind, data, {})
            except Closed:
                continue
            return FINE if self._is_read(reader, before, content, behind) else CLOSED
        return CLOSED if self._readers else FINE

    def _is_read(self, reader: ReaderKeys, before: bytes, content: bytes, behind: bytes) -> bool:
        """Tell whether the contents are a value of the column, and that of the prefix."""
        if self._setting.kind == SEARCHABLE:
            if reader.prefixes is None or not reader.prefixes.fit(before, content):
                return False
            before = b""
        try:
            canonical(self._setting.data_type, before + content + behind)
        except ValueRefusedError:
            return False
        return True
