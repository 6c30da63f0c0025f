"""Cells of protected columns as MySQL sends them to the cells that the client gets."""

from __future__ import annotations

import binascii
from collections.abc import Sequence
from typing import Final

from acra_twisted.crypto.cells import RAW, Sighting
from acra_twisted.encryption import canonical
from acra_twisted.encryption.mysql.cells import to_cell
from acra_twisted.encryption.mysql.encodings import from_utf8, to_utf8
from acra_twisted.encryption.reading import ColumnReader, Shown
from acra_twisted.encryption.settings import ColumnSetting
from acra_twisted.encryption.tokenshowing import TokenShowing
from acra_twisted.wire.mysql import types

_HEX: Final = b"0x"


class CellReader:
    """Reads the cells of one column of a result for one client.

    ``binary``: rows are in binary form.  ``encoding`` is the codec of characters in results, empty
    for one that is not known.  ``fates`` are the reader's.
    """

    __slots__ = ("fates", "_reader", "_data_type", "_binary", "_encoding")

    def __init__(self, reader: ColumnReader, binary: bool, encoding: str) -> None:
        self._reader = reader
        self.fates = reader.fates
        self._data_type = reader.setting.data_type
        self._binary = binary
        self._encoding = encoding

    def read(self, cell: bytes, opened: Sequence[tuple[Sighting, bytes]] = ()) -> bytes | None:
        """The client's cell, None for NULL.

        ``cell`` is what the database has sent, not NULL; ``opened`` are those of its containers
        that were opened, and their contents.  Raises ValueRefusedError where the column's setting
        wants an error, and where the client's type or character set has no place for the value.
        """
        shown: Shown | None = None
        if len(opened) == 1 and opened[0][0].form == RAW:
            sighting, content = opened[0]
            before, behind = cell[: sighting.start], cell[sighting.end :]
            shown = self._reader.show_opened(before, content, behind)
        if shown is None:
            shown = self._reader.show(cell, {one.data: content for one, content in opened})
        if shown.value is None:
            return None
        if not shown.plain and self._data_type == "str":
            # What is stored is no text.
            return from_utf8(_HEX + binascii.hexlify(shown.value), self._encoding)
        return to_cell(self._data_type, shown.value, self._binary, self._encoding)


class TokenReader(TokenShowing):
    """Reads the cells of one column with tokens; see TokenShowing.  ``kind`` is the type of the
    column as the database sends it, and ``stored`` the codec of its characters; ``encoding`` is as
    in CellReader."""

    __slots__ = ("_kind", "_stored", "_binary", "_encoding")

    def __init__(
        self, setting: ColumnSetting, kind: int, stored: str, binary: bool, encoding: str
    ) -> None:
        super().__init__(setting)
        self._kind = kind
        self._stored = stored
        self._binary = binary
        self._encoding = encoding

    def _token(self, cell: bytes) -> bytes:
        data_type = self._setting.data_type
        width = types.WIDTHS.get(self._kind) if self._binary else None
        if data_type in canonical.BITS:
            if width is None:
                return canonical.integer_text(data_type, to_utf8(cell, self._encoding))
            return canonical.integer(data_type, int.from_bytes(cell, "little", signed=True))
        return to_utf8(cell, self._stored) if data_type == "str" else cell

    def _cell(self, value: bytes) -> bytes:
        return to_cell(self._setting.data_type, value, self._binary, self._encoding)
