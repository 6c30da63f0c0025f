"""A stored value to what a client may see of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from acra_twisted.crypto import envelopes
from acra_twisted.crypto.envelopes import Envelope
from acra_twisted.encryption import errors, masks, searching
from acra_twisted.encryption.canonical import canonical
from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.fates import Fates
from acra_twisted.encryption.searching import Prefixes
from acra_twisted.encryption.settings import (
    CIPHERTEXT,
    DEFAULT_VALUE,
    ERROR,
    MASKED,
    NULL,
    SEARCHABLE,
    ColumnSetting,
)

#: Types that can hold the empty value, and ciphertext.
_ANYTHING: Final = ("", "bytes", "str")


class Shown:
    """A value for the client: a canonical plaintext of the column's type, None for NULL.  If it is
    not ``plain``, it is the bytes that are stored."""

    __slots__ = ("value", "plain")

    def __init__(self, value: bytes | None, plain: bool = True) -> None:
        self.value = value
        self.plain = plain


class ColumnReader:
    """Shows the values of one column to one client.

    ``prefixes`` have the client's keys: a searchable column needs them.  ``may_read``: the client
    is one of the column's readers.

    ``fates`` are those of the values so far.
    """

    __slots__ = ("setting", "fates", "_prefixes", "_may_read")

    def __init__(
        self, setting: ColumnSetting, prefixes: Prefixes | None = None, may_read: bool = True
    ) -> None:
        self.setting = setting
        self._prefixes = prefixes
        self._may_read = may_read
        self.fates = Fates(setting)

    def show_opened(self, before: bytes, content: bytes, behind: bytes) -> Shown | None:
        """The value of a container that has been opened, between the bytes around it.  None if
        nothing of the kind stands in such a column, or the client may not read it: then `show`
        tells.  Raises ValueRefusedError."""
        kind = self.setting.kind
        if not self._may_read or behind and kind != MASKED:
            return None
        if len(before) + len(behind) >= envelopes.MINIMUM:
            # Another container may be in it.
            return None
        if before:
            if kind == SEARCHABLE:
                if not self._fits(before, content):
                    return None
                before = b""
            elif kind != MASKED or len(before) >= envelopes.HEADER_SIZE:
                # What is left of a container's header may be in it.
                return None
        try:
            return Shown(canonical(self.setting.data_type, before + content + behind))
        except ValueRefusedError:
            return None

    def _fits(self, prefix: bytes, content: bytes) -> bool:
        return (
            len(prefix) == searching.SIZE
            and self._prefixes is not None
            and self._prefixes.fit(prefix, content)
        )

    def show(self, stored: bytes, opened: Mapping[bytes, bytes]) -> Shown:
        """The value of whatever is stored.  ``opened`` has the contents of containers by their
        bytes without an envelope.  Raises ValueRefusedError where the setting wants an error, or
        nothing else can be shown in the column's type."""
        setting = self.setting
        if not stored:
            return Shown(b"") if setting.data_type in _ANYTHING else self._failed(stored)
        found = envelopes.outermost(stored)
        if not found:
            return self._failed(stored) if _is_damaged(stored) else self._show_plaintext(stored)
        if not self._may_read:
            return self._failed(stored, found)
        parts, done = [], 0
        for envelope in found:
            content = opened.get(envelope.data(stored))
            if content is None or envelopes.has_broken_header(stored, envelope):
                return self._failed(stored, found)
            parts += [stored[done : envelope.start], content]
            done = envelope.end
        if setting.kind == SEARCHABLE and len(found) == 1 and done == len(stored):
            if found[0].start == searching.SIZE and searching.is_prefixed(stored):
                if not self._fits(parts[0], parts[1]):
                    return self._failed(stored, found)
                parts[0] = b""
        try:
            return Shown(canonical(setting.data_type, b"".join((*parts, stored[done:]))))
        except ValueRefusedError:
            return self._failed(stored, found)

    def _show_plaintext(self, stored: bytes) -> Shown:
        """A value that has never been encrypted."""
        setting = self.setting
        if setting.on_plaintext == ERROR:
            self.fates.failed += 1
            raise self._error("is not encrypted")
        if setting.on_plaintext == NULL:
            self.fates.plaintext += 1
            return Shown(None)
        if setting.on_plaintext == DEFAULT_VALUE and setting.default is not None:
            self.fates.failed += 1
            return Shown(setting.default)
        if not self._may_read:
            if setting.kind == MASKED and setting.masking is not None:
                self.fates.masked += 1
                return Shown(setting.masking.mask)
            self.fates.failed += 1
            raise ValueRefusedError(
                errors.FORBIDDEN,
                errors.CLOSED,
                "the value is for other clients alone",
                setting.label,
            )
        try:
            shown = Shown(canonical(setting.data_type, stored))
        except ValueRefusedError:
            return self._failed(stored)
        self.fates.plaintext += 1
        return shown

    def _failed(self, stored: bytes, found: Sequence[Envelope] = ()) -> Shown:
        setting = self.setting
        if setting.kind == MASKED and setting.masking is not None:
            self.fates.masked += 1
            if not found:
                return Shown(setting.masking.mask)
            shown = masks.conceal(setting.masking, stored, found)
            # Half a character may stand beside the mask.
            text = setting.data_type == "str"
            return Shown(shown.decode(errors="ignore").encode() if text else shown)
        self.fates.failed += 1
        if setting.on_failure == DEFAULT_VALUE and setting.default is not None:
            return Shown(setting.default)
        if setting.on_failure == CIPHERTEXT and setting.data_type in _ANYTHING:
            return Shown(stored, plain=False)
        raise self._error("cannot be read")

    def _error(self, why: str) -> ValueRefusedError:
        return ValueRefusedError(
            errors.DATA_ERROR,
            errors.CLOSED,
            f"a value of column {self.setting.label} {why}",
            self.setting.label,
        )


def was_encrypted(stored: bytes) -> bool:
    """Tell whether a container is in a stored value, be it damaged."""
    return bool(envelopes.find(stored)) or _is_damaged(stored)


def _is_damaged(stored: bytes) -> bool:
    """Tell whether bytes in which nothing is found were a container, or one behind a prefix."""
    return envelopes.is_damaged(stored) or envelopes.is_damaged(stored[searching.SIZE :])
