"""A cell of a column with tokens as PostgreSQL sends it to the cell that the client gets."""

from __future__ import annotations

from acra_twisted.encryption.postgresql.encodings import UTF8
from acra_twisted.encryption.postgresql.plaintexts import Way, from_parameter, to_cell
from acra_twisted.encryption.settings import ColumnSetting
from acra_twisted.encryption.tokenshowing import TokenShowing


class TokenReader(TokenShowing):
    """Reads the cells of one column; see TokenShowing.

    ``kind`` and ``form`` are the type and format of the column as the database sends it;
    ``encoding`` is the session's ``client_encoding``.
    """

    __slots__ = ("_way", "_kind", "_form", "_encoding")

    def __init__(self, setting: ColumnSetting, kind: int, form: int, encoding: str = UTF8) -> None:
        super().__init__(setting)
        self._way = Way(setting.data_type)
        self._kind = kind
        self._form = form
        self._encoding = encoding

    def _token(self, cell: bytes) -> bytes:
        return from_parameter(cell, self._kind, self._form, self._way, self._encoding)

    def _cell(self, value: bytes) -> bytes:
        return to_cell(self._setting.data_type, value, self._form, self._encoding)
