"""A cell of a column with tokens to the cell that the client gets, whatever the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from acra_twisted.encryption import errors
from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.fates import DETOKENIZED, Fates
from acra_twisted.encryption.settings import CIPHERTEXT, DEFAULT_VALUE, ColumnSetting

_NONE: Final[Mapping[bytes, bytes | None]] = {}


class TokenShowing:
    """Reads the cells of one column of a result for one client, in two steps: `note` each, and
    `read` it when the ``values`` of the `tokens` are there.

    ``values`` has None for a token whose value must not or cannot be read, and lacks one that is no
    token of the client's: a value that was never replaced, or a token of somebody else's.
    ``fates`` are those of the values so far.
    """

    __slots__ = ("values", "fates", "_setting", "_noted")

    def __init__(self, setting: ColumnSetting) -> None:
        self.values = _NONE
        self.fates = Fates(setting, DETOKENIZED)
        self._setting = setting
        self._noted: dict[bytes, bytes | None] = {}

    @property
    def tokens(self) -> list[bytes]:
        """The tokens of all cells, each once, in canonical form."""
        return list(dict.fromkeys(one for one in self._noted.values() if one is not None))

    def note(self, cell: bytes) -> None:
        """Take in a cell, not NULL."""
        if cell in self._noted:
            return
        try:
            token: bytes | None = self._token(cell)
        except ValueRefusedError:
            token = None
        self._noted[cell] = token

    def read(self, cell: bytes, opened: Sequence[Any] = ()) -> bytes:
        """Return the client's cell.  Raises ValueRefusedError where the column's setting wants an
        error, where a token would be taken for its value, and where the client's type or encoding
        has no place for the value.

        ``cell`` has been noted; ``opened`` are containers in it, which are no tokens."""
        token = self._noted[cell]
        if token is None or token in self.values:
            value = None if token is None else self.values[token]
        elif self._setting.on_failure == CIPHERTEXT:
            value = token
            self.fates.plaintext += 1
        else:
            value = None
        if value is None:
            value = self._instead()
        return self._cell(value)

    def _token(self, cell: bytes) -> bytes:
        """The token that a cell is, in canonical form.  Raises ValueRefusedError."""
        raise NotImplementedError  # pragma: no cover - abstract

    def _cell(self, value: bytes) -> bytes:
        """The cell of a canonical value.  Raises ValueRefusedError."""
        raise NotImplementedError  # pragma: no cover - abstract

    def _instead(self) -> bytes:
        """The value that is shown where there is none."""
        setting = self._setting
        self.fates.failed += 1
        if setting.on_failure == DEFAULT_VALUE and setting.default is not None:
            return setting.default
        raise ValueRefusedError(
            errors.DATA_ERROR,
            errors.CLOSED,
            f"the value of a token in column {setting.label} cannot be read",
            setting.label,
        )
