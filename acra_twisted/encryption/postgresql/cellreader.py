"""A cell of a protected column as PostgreSQL sends it to the cell that the client gets."""

from __future__ import annotations

import binascii
from collections.abc import Sequence
from typing import Final

from acra_twisted.crypto.cells import HEX, RAW, Sighting
from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.postgresql import bytea
from acra_twisted.encryption.postgresql.encodings import UTF8, to_utf8
from acra_twisted.encryption.postgresql.plaintexts import BINARY_FORMAT, to_cell
from acra_twisted.encryption.reading import ColumnReader, Shown, was_encrypted

_HEAD: Final = b"\\x"


class CellReader:
    """Reads the cells of one column of a result for one client.

    ``form`` is the column's format: 0 text, 1 binary; the client gets its cell in the same.
    ``as_text``: the database's column is of a type of characters, which hold a bytea's text.
    ``encoding`` is the session's ``client_encoding``.  ``fates`` are the reader's.
    """

    __slots__ = ("fates", "_reader", "_data_type", "_form", "_as_text", "_encoding")

    def __init__(
        self, reader: ColumnReader, form: int, encoding: str = UTF8, as_text: bool = False
    ) -> None:
        self._reader = reader
        self.fates = reader.fates
        self._data_type = reader.setting.data_type
        self._form = form
        self._as_text = as_text
        self._encoding = encoding

    def read(self, cell: bytes, opened: Sequence[tuple[Sighting, bytes]] = ()) -> bytes | None:
        """The client's cell, None for NULL.

        ``cell`` is what the database has sent, not NULL; ``opened`` are those of its containers
        that were opened, and their contents.  Raises ValueRefusedError where the column's setting
        wants an error, and where the client's type or encoding has no place for the value.
        """
        shown = self._opened_alone(cell, opened) if len(opened) == 1 else None
        if shown is None:
            shown = self._reader.show(
                self._stored(cell), {one.data: content for one, content in opened}
            )
        if shown.value is None:
            return None
        if not shown.plain and self._data_type == "str":
            return bytea.encode(shown.value)
        return to_cell(self._data_type, shown.value, self._form, self._encoding)

    def _stored(self, cell: bytes) -> bytes:
        if self._form == BINARY_FORMAT and not self._as_text:
            return cell
        if not self._as_text:
            return bytea.decode(cell)
        encrypted = _encrypted(cell)
        # Characters that were never encrypted may begin as the digits of bytes do.
        return to_utf8(cell, self._encoding) if encrypted is None else encrypted

    def _opened_alone(self, cell: bytes, opened: Sequence[tuple[Sighting, bytes]]) -> Shown | None:
        """The usual case, without taking the ciphertext out of its digits."""
        sighting, content = opened[0]
        before, behind = cell[: sighting.start], cell[sighting.end :]
        if sighting.form == HEX and before == _HEAD and not behind:
            before = b""
        elif sighting.form == HEX and before[:2] == _HEAD:
            try:
                before, behind = binascii.unhexlify(before[2:]), binascii.unhexlify(behind)
            except binascii.Error:
                return None
        elif sighting.form != RAW:
            return None
        return self._reader.show_opened(before, content, behind)


def _encrypted(cell: bytes) -> bytes | None:
    """Return the bytes whose digits characters are: those of a container, or the empty value.  None
    for all other characters."""
    if cell[:2] != _HEAD:
        return None
    try:
        stored = bytea.decode(cell)
    except ValueRefusedError:
        return None
    return stored if not stored or was_encrypted(stored) else None
