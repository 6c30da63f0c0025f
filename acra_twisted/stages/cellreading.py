"""Cells of protected columns on their way to the client: typed, masked, or refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

from zope.interface import classImplements

from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.fates import Fates
from acra_twisted.encryption.reading import ColumnReader
from acra_twisted.encryption.settings import TOKENIZED, ColumnSetting
from acra_twisted.encryption.tokenshowing import TokenShowing
from acra_twisted.exchange import Exchange
from acra_twisted.interfaces import IRowTransform
from acra_twisted.pipeline.driver import then
from acra_twisted.pipeline.workers import Workers
from acra_twisted.results import Columns, RowBatch
from acra_twisted.stages import containers
from acra_twisted.stages.cellclosing import CellClosing
from acra_twisted.stages.cellforms import POSTGRESQL, CellForms, Reader
from acra_twisted.stages.columnkeys import ColumnKeys
from acra_twisted.stages.columnseen import Counts, show
from acra_twisted.stages.columntokens import ColumnTokens, Values
from acra_twisted.stages.columnverdicts import CHANGED, guarded, refused, value_refused
from acra_twisted.verdicts import PASS, Deny, Replace

#: Microseconds that it takes to read a cell, roughly.
_COST: Final = 3


class Read:
    """The outcome of a run: whether it was changed, how many values had which fate, and the first
    value that is refused."""

    __slots__ = ("changed", "counts", "refused")

    def __init__(self) -> None:
        self.changed = False
        self.counts: Counts = {}
        self.refused: ValueRefusedError | None = None


class TokenColumn(NamedTuple):
    """A column with tokens in a result."""

    place: int
    setting: ColumnSetting
    reader: TokenShowing


class OutdatedReading:
    """Refuses the rows of results whose columns may be protected by a schema that is not known
    yet."""

    concerns = None
    columns = None

    def transform(self, batch: RowBatch, exchange: Exchange) -> Deny:
        """See IRowTransform.  A driver must not try again by itself: the statement is done."""
        return refused(CHANGED)


class CellReading:
    """Reads the protected columns of results with the same columns; ``closing`` closes others,
    ``forms`` are the database's."""

    concerns = None

    def __init__(
        self,
        columns: Columns,
        settings: Sequence[ColumnSetting | None],
        keys: ColumnKeys,
        tokens: ColumnTokens,
        workers: Workers,
        closing: CellClosing | None = None,
        forms: CellForms = POSTGRESQL,
    ) -> None:
        shown = forms.retyped(columns, settings)
        self.columns = None if shown is columns else shown
        chosen = [(at, setting) for at, setting in enumerate(settings) if setting is not None]
        self._chosen = [each for each in chosen if each[1].kind != TOKENIZED]
        self._tokenized = [each for each in chosen if each[1].kind == TOKENIZED]
        self._keys = keys
        self._tokens = tokens
        self._workers = workers
        self._closing = closing
        self._forms = forms

    def transform(self, batch: RowBatch, exchange: Exchange) -> Any:
        """See IRowTransform."""
        if self._closing is not None:
            self._closing.close(batch, exchange)
        client = exchange.session.identity.client_id
        readers: Any = {}
        if self._chosen:
            readers = self._keys.readers((setting for _, setting in self._chosen), client)
        return guarded(then, readers, partial(self._read, batch, exchange))

    def _read(
        self, batch: RowBatch, exchange: Exchange, readers: Mapping[ColumnSetting, ColumnReader]
    ) -> Any:
        session, forms = exchange.session, self._forms
        chosen: list[tuple[int, Reader]] = [
            (at, forms.reader(readers[setting], batch, at, session)) for at, setting in self._chosen
        ]
        finish = partial(self._finish, batch, exchange, chosen)
        if not self._tokenized:
            return finish()
        found = [
            TokenColumn(at, setting, forms.token_reader(setting, batch, at, session))
            for at, setting in self._tokenized
        ]
        chosen += ((one.place, one.reader) for one in found)
        client = exchange.session.identity.client_id
        noted = containers.judge(self._workers, batch, noting(batch, found))
        values = then(noted, lambda _: self._tokens.values(_tokens_of(found), client))
        return then(then(values, partial(_give, found)), lambda _: finish())

    def _finish(
        self, batch: RowBatch, exchange: Exchange, chosen: Sequence[tuple[int, Reader]]
    ) -> Any:
        read = Read()
        done = containers.judge(self._workers, batch, reading(batch, chosen, read))
        return then(done, lambda _: _verdict(batch, exchange, read))


def noting(batch: RowBatch, found: Sequence[TokenColumn]) -> Iterator[int]:
    """Note the tokens of a run; yield the cost of each row."""
    marked = _marked_cells(batch)
    width = len(batch.columns)
    for row in range(len(batch)):
        cells = batch.cells(row)
        for at, _, reader in found:
            cell = cells[at]
            if cell is not None:
                mark = marked.get(row * width + at)
                reader.note(cell if mark is None else mark.value)
        yield _COST * len(found)


def _tokens_of(found: Sequence[TokenColumn]) -> Mapping[ColumnSetting, Sequence[bytes]]:
    """The tokens that were noted, each once."""
    tokens: dict[ColumnSetting, dict[bytes, None]] = {}
    for _, setting, reader in found:
        tokens.setdefault(setting, {}).update(dict.fromkeys(reader.tokens))
    return {setting: list(own) for setting, own in tokens.items()}


def reading(batch: RowBatch, chosen: Sequence[tuple[int, Reader]], read: Read) -> Iterator[int]:
    """Read the chosen columns of a run; yield the cost of each row."""
    marked = _marked_cells(batch)
    width = len(batch.columns)
    present = [0] * len(chosen)
    try:
        for row in range(len(batch)):
            cells = batch.cells(row)
            for number, (at, reader) in enumerate(chosen):
                cell = cells[at]
                if cell is None:
                    continue
                present[number] += 1
                mark = marked.get(row * width + at)
                shown = reader.read(cell) if mark is None else reader.read(mark.value, mark.opened)
                if shown != cell:
                    batch.set_cell(row, at, shown)
                    read.changed = True
            yield _COST * len(chosen)
    except ValueRefusedError as refused:
        read.refused = refused
    # Two columns of one setting share their fates.
    together: Counter[Fates] = Counter()
    for (_, reader), number in zip(chosen, present, strict=True):
        together[reader.fates] += number
    counts: Counter[tuple[ColumnSetting, str]] = Counter()
    for fates, number in together.items():
        counts.update(fates.counts(number))
    read.counts = counts


def _marked_cells(batch: RowBatch) -> Mapping[int, containers.Cell]:
    """The cells with containers, by their number in the run."""
    findings: containers.Findings | None = batch.findings
    if findings is None:
        return {}
    width = len(batch.columns)
    return {cell.row * width + cell.column: cell for cell in findings.cells}


def _give(found: Sequence[TokenColumn], values: Mapping[ColumnSetting, Values]) -> None:
    for _, setting, reader in found:
        reader.values = values[setting]


def _verdict(batch: RowBatch, exchange: Exchange, read: Read) -> Any:
    show(exchange, read.counts)
    if read.refused is not None:
        return value_refused(read.refused)
    return Replace(batch) if read.changed else PASS


# Not by a decorator: a class that has one is not compiled.
classImplements(OutdatedReading, IRowTransform)
classImplements(CellReading, IRowTransform)
