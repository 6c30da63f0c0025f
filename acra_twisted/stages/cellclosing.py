"""Cells that stay closed for clients which may not read all protected columns.

The database may show the values of a protected column where nobody can tell: in a table that was
made of it, a view, a function's result.  For a client that some column's ``read`` leaves out, what
the decryptor has opened in columns without a setting gets its stored value back.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from zope.interface import implementer

from acra_twisted.encryption.settings import ColumnSetting
from acra_twisted.exchange import Exchange
from acra_twisted.interfaces import IRowTransform
from acra_twisted.results import Columns, RowBatch
from acra_twisted.stages import containers
from acra_twisted.verdicts import PASS, Pass, Replace


@implementer(IRowTransform)
class CellClosing:
    """Closes the columns without a setting in results with the same columns.  ``readers`` are the
    lists of clients that may read some column."""

    columns = None

    def __init__(
        self,
        columns: Columns,
        settings: Sequence[ColumnSetting | None],
        readers: Collection[Collection[str]],
    ) -> None:
        self.concerns = containers.search(columns)
        self._closed = {at for at, setting in enumerate(settings) if setting is None}
        self._readers = readers

    def transform(self, batch: RowBatch, exchange: Exchange) -> Pass | Replace[RowBatch]:
        """See IRowTransform."""
        return Replace(batch) if self.close(batch, exchange) else PASS

    def close(self, batch: RowBatch, exchange: Exchange) -> bool:
        """Give cells their stored values back; tell whether there were any."""
        client = exchange.session.identity.client_id
        findings: containers.Findings | None = batch.findings
        if findings is None or all(client in one for one in self._readers):
            return False
        changed = False
        for cell in findings.cells:
            if cell.column in self._closed and cell.opened:
                batch.set_cell(cell.row, cell.column, cell.value)
                changed = True
        return changed
