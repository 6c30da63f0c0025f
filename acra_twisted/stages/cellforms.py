"""The forms of cells and types of a database, for the reading of protected columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol

from acra_twisted.encryption.fates import Fates
from acra_twisted.encryption.postgresql import storage, types
from acra_twisted.encryption.postgresql.cellreader import CellReader
from acra_twisted.encryption.postgresql.tokenreader import TokenReader
from acra_twisted.encryption.reading import ColumnReader
from acra_twisted.encryption.settings import ColumnSetting
from acra_twisted.encryption.tokenshowing import TokenShowing
from acra_twisted.results import Columns, RowBatch
from acra_twisted.session import Session


class Reader(Protocol):
    """Reads the cells of one column of a result."""

    fates: Fates

    def read(self, cell: bytes, opened: Sequence[Any] = ()) -> bytes | None:
        """Return the client's cell for one that is not NULL.  Raises ValueRefusedError."""


class CellForms(Protocol):
    """A database's types and cells."""

    def retyped(self, columns: Columns, settings: Sequence[ColumnSetting | None]) -> Columns:
        """The columns as the client is told of them."""

    def reader(
        self, reader: ColumnReader, batch: RowBatch, column: int, session: Session
    ) -> Reader:
        """Return what reads the cells of a column of a run."""

    def token_reader(
        self, setting: ColumnSetting, batch: RowBatch, column: int, session: Session
    ) -> TokenShowing:
        """Return what reads the cells of a column with tokens."""


class PostgresqlCells:
    """CellForms of PostgreSQL."""

    @staticmethod
    def retyped(columns: Columns, settings: Sequence[ColumnSetting | None]) -> Columns:
        """See CellForms."""
        for at, setting in enumerate(settings):
            if setting is not None:
                oid, size, modifier = types.described(setting.data_type)
                if oid != columns.types[at]:
                    columns = columns.with_type(at, oid, size, modifier)
        return columns

    @staticmethod
    def reader(reader: ColumnReader, batch: RowBatch, column: int, session: Session) -> CellReader:
        """See CellForms."""
        columns = batch.columns
        as_text = columns.types[column] in storage.TEXTS
        return CellReader(reader, columns.formats[column], _encoding(session), as_text)

    @staticmethod
    def token_reader(
        setting: ColumnSetting, batch: RowBatch, column: int, session: Session
    ) -> TokenReader:
        """See CellForms."""
        columns = batch.columns
        kind, form = columns.types[column], columns.formats[column]
        return TokenReader(setting, kind, form, _encoding(session))


def _encoding(session: Session) -> str:
    return session.parameters.get(b"client_encoding", b"UTF8").decode("latin-1")


POSTGRESQL: Final = PostgresqlCells()
