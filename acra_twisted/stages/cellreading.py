"""Cells of protected columns on their way to the client: typed, masked, or refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

from zope.interface import implementer

from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.postgresql import storage, types
from acra_twisted.encryption.postgresql.cellreader import CellReader
from acra_twisted.encryption.reading import ColumnReader
from acra_twisted.encryption.settings import ColumnSetting
from acra_twisted.exchange import Exchange
from acra_twisted.interfaces import IRowTransform
from acra_twisted.pipeline.driver import then
from acra_twisted.pipeline.workers import Workers
from acra_twisted.results import Columns, RowBatch
from acra_twisted.stages import containers
from acra_twisted.stages.columnkeys import ColumnKeys
from acra_twisted.verdicts import PASS, Deny, Replace

#: Cells that are read without leaving the reactor.
INLINE: Final = 64


class Read(NamedTuple):
    """The outcome of a run: whether it was changed, and the first value that is refused."""

    changed: bool
    refused: ValueRefusedError | None = None


def retyped(columns: Columns, settings: Sequence[ColumnSetting | None]) -> Columns:
    """The columns as the client is told of them."""
    for at, setting in enumerate(settings):
        if setting is not None:
            oid, size, modifier = types.described(setting.data_type)
            if oid != columns.types[at]:
                columns = columns.with_type(at, oid, size, modifier)
    return columns


@implementer(IRowTransform)
class CellReading:
    """Reads the protected columns of results with the same columns."""

    concerns = None

    def __init__(
        self,
        columns: Columns,
        settings: Sequence[ColumnSetting | None],
        keys: ColumnKeys,
        workers: Workers,
    ) -> None:
        shown = retyped(columns, settings)
        self.columns = None if shown is columns else shown
        self._chosen = [(at, setting) for at, setting in enumerate(settings) if setting is not None]
        self._keys = keys
        self._workers = workers

    def transform(self, batch: RowBatch, exchange: Exchange) -> Any:
        """See IRowTransform."""
        client = exchange.session.identity.client_id
        readers = self._keys.readers((setting for _, setting in self._chosen), client)
        return then(readers, partial(self._read, batch, exchange))

    def _read(
        self, batch: RowBatch, exchange: Exchange, readers: Mapping[ColumnSetting, ColumnReader]
    ) -> Any:
        encoding = exchange.session.parameters.get(b"client_encoding", b"UTF8").decode("latin-1")
        columns = batch.columns
        chosen = [
            (
                at,
                CellReader(
                    readers[setting],
                    columns.formats[at],
                    encoding,
                    columns.types[at] in storage.TEXTS,
                ),
            )
            for at, setting in self._chosen
        ]
        if len(batch) * len(chosen) > INLINE:
            done: Any = self._workers.run(read_all, batch, chosen)
        else:
            done = read_all(batch, chosen)
        return then(done, partial(_verdict, batch))


def read_all(batch: RowBatch, chosen: Sequence[tuple[int, CellReader]]) -> Read:
    """Read the chosen columns of a run; in a worker or not."""
    stored: dict[tuple[int, int], bytes] = {}
    opened: Mapping[tuple[int, int], Any] = {}
    if batch.findings is not None:
        findings: containers.Findings = batch.findings
        stored = {(cell.row, cell.column): cell.value for cell in findings.cells}
        opened = findings.opened
    changed = False
    try:
        for row in range(len(batch)):
            cells = batch.cells(row)
            for at, reader in chosen:
                cell = cells[at]
                if cell is None:
                    continue
                place = (row, at)
                shown = reader.read(stored.get(place, cell), opened.get(place, ()))
                if shown != cell:
                    batch.set_cell(row, at, shown)
                    changed = True
    except ValueRefusedError as refused:
        return Read(changed, refused)
    if changed:
        batch.encode()
    return Read(changed)


def _verdict(batch: RowBatch, done: Read) -> Any:
    error = done.refused
    if error is not None:
        return Deny(str(error), sqlstate=error.sqlstate, reason=error.reason, rule=error.reason)
    return Replace(batch) if done.changed else PASS
