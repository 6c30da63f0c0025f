"""The types and cells of MySQL and MariaDB, for the reading of protected columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from acra_twisted.encryption.mysql.cellreader import CellReader, TokenReader
from acra_twisted.encryption.mysql.cells import collation_of, described, stored_codec
from acra_twisted.encryption.reading import ColumnReader
from acra_twisted.encryption.settings import ColumnSetting
from acra_twisted.results import Columns, RowBatch
from acra_twisted.session import Session
from acra_twisted.stages.mysqlmodes import has_stored_characters, result_encoding_of


class MysqlCells:
    """`cellforms.CellForms` of MySQL and MariaDB."""

    @staticmethod
    def retyped(columns: Columns, settings: Sequence[ColumnSetting | None]) -> Columns:
        """See CellForms."""
        collation = collation_of(columns.meaning.character_set)
        for at, setting in enumerate(settings):
            if setting is None:
                continue
            told = described(setting.data_type, columns.modifiers[at], collation)
            if told is not None:
                columns = columns.with_type(at, *told)
        return columns

    @staticmethod
    def reader(reader: ColumnReader, batch: RowBatch, column: int, session: Session) -> CellReader:
        """See CellForms."""
        return CellReader(reader, _is_binary(batch), result_encoding_of(session))

    @staticmethod
    def token_reader(
        setting: ColumnSetting, batch: RowBatch, column: int, session: Session
    ) -> TokenReader:
        """See CellForms."""
        columns = batch.columns
        encoding = result_encoding_of(session)
        told = "" if has_stored_characters(session) else encoding
        stored = stored_codec(columns.modifiers[column], told)
        return TokenReader(setting, columns.types[column], stored, _is_binary(batch), encoding)


def _is_binary(batch: Any) -> bool:
    """Tell whether rows are in binary form; their columns say nothing of it."""
    binary: bool = batch.binary
    return binary
