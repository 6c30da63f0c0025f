"""Common parts of the stages that read containers: results, cells, and work in threads or in steps.

A result is planned by its columns' types; a run of rows without a container costs a few searches
in C; only a run with one is split into cells.  The decryptor reads the same list of findings that
the poison stage made before it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Any, Final

from acra_twisted.crypto import cells, envelopes
from acra_twisted.crypto.cells import Sighting
from acra_twisted.crypto.openers import Opener
from acra_twisted.exchange import Exchange
from acra_twisted.pipeline.workers import Workers
from acra_twisted.results import Columns, RowBatch, Search
from acra_twisted.themis.keys import PublicKey

#: Costs in microseconds, roughly: of an AcraBlock, of an AcraStruct that asks for a multiplication
#: on the curve, and of a value that is looked at in vain.
_CHEAP: Final = 12
_COSTLY: Final = 120
LOOK: Final = 4
#: Bytes of a run of rows above which a thread works on it; and where values have to be taken apart.
INLINE_BYTES: Final = 256 * 1024
INLINE_LABORIOUS: Final = 16 * 1024


class Cell:
    """A cell with something that looks like a container.

    ``value`` is what the database has sent.  ``opened`` is for the stages behind the one that opens
    containers: those that were opened and their contents, in order; all others stayed closed.
    """

    __slots__ = ("row", "column", "value", "sightings", "opened")

    def __init__(self, row: int, column: int, value: bytes, sightings: Sequence[Sighting]) -> None:
        self.row = row
        self.column = column
        self.value = value
        self.sightings = sightings
        self.opened: Sequence[tuple[Sighting, bytes]] = ()


class Findings:
    """The containers in a run of rows, and their throw-away keys, decompressed once.  ``complete``:
    the whole run has been looked at."""

    __slots__ = ("cells", "points", "complete")

    def __init__(self, complete: bool) -> None:
        self.cells: list[Cell] = []
        self.complete = complete
        self.points: dict[bytes, PublicKey] = {}


def can_hold(columns: Columns) -> bool:
    """Return True if some column can hold a container."""
    return columns.values is None or columns.values.can_hold(columns)


def search(columns: Columns) -> Search:
    """The search for containers in runs of rows with these columns: see IRowTransform.concerns."""
    return cells.search_all if _has_binary(columns) else cells.search_text


def might_contain(batch: RowBatch) -> bool:
    """False if there is nothing in the run: the common case, and cheap."""
    if batch.findings is not None:
        return bool(batch.findings.cells)
    if cells.might_contain(batch.data, _has_binary(batch.columns), batch.start, batch.end):
        return True
    # So that the next stage need not search again.
    batch.findings = Findings(complete=True)
    return False


def _has_binary(columns: Columns) -> bool:
    return columns.layout != "" or any(columns.formats)


def looking(batch: RowBatch) -> Iterator[Cell | None]:
    """Every cell of a run with something that looks like a container, in order, and None for each
    value in which nothing is found.  They are looked for once: ``batch.findings`` keeps them."""
    kept: Findings | None = batch.findings
    if kept is not None and kept.complete:
        yield from kept.cells
        return
    found = batch.findings = Findings(complete=False)
    for row in _marked_rows(batch):
        for column, value in enumerate(batch.cells(row)):
            if value is not None and len(value) >= envelopes.MINIMUM:
                sightings = _look(batch.columns, column, value)
                if sightings:
                    cell = Cell(row, column, value, sightings)
                    found.cells.append(cell)
                    yield cell
                else:
                    yield None
    found.complete = True


def _marked_rows(batch: RowBatch) -> list[int]:
    """The rows of a run in which a mark of a container begins."""
    data, offsets, end = batch.data, batch.offsets, batch.end
    rows: set[int] = set()
    for mark in cells.marks_in(data, _has_binary(batch.columns), batch.start, end):
        position = data.find(mark, batch.start, end)
        while position >= 0:
            row = bisect_right(offsets, position) - 1
            rows.add(row)
            position = data.find(mark, offsets[row + 1], end)
    return sorted(rows)


def _look(columns: Columns, column: int, value: bytes) -> Sequence[Sighting]:
    """Find everything that looks like a container in a value.  A container in an unknown type
    is not opened."""
    if columns.values is None:
        return [cells.unusual(one) for one in cells.find(value, True, True)]
    return columns.values.find(columns, column, value)


def cost(opener: Opener, sighting: Sighting) -> int:
    """Return the microseconds that it takes to open a container, roughly."""
    return _CHEAP if opener.is_cheap(sighting.kind, sighting.data) else _COSTLY


def judge(workers: Workers, batch: RowBatch, work: Iterator[int]) -> Any:
    """Do work on a run that is done in pieces, which yield their costs: in a thread where single
    values may take long.  Return None if all is done, else a Deferred."""
    if batch.size > INLINE_BYTES:
        return workers.run(_all, batch, work)
    kept: Findings | None = batch.findings
    is_known = kept is not None and kept.complete
    if batch.size > INLINE_LABORIOUS and not is_known and _laborious(batch):
        return workers.run(_all, batch, work)
    return workers.in_steps(work)


def _all(batch: RowBatch, work: Iterator[int]) -> None:
    """Do all of it in a thread, and there what would be done when the run is sent."""
    for _ in work:
        pass
    if batch.is_changed:
        batch.encode()


def _laborious(batch: RowBatch) -> bool:
    """Return True if values may have to be taken apart, or read in several ways."""
    if cells.has_escaped(batch.data, batch.start, batch.end):
        return True
    values = batch.columns.values
    return values is not None and values.is_laborious(batch.columns)


class Tally:
    """Containers of an exchange, for its span: ``acra.containers_found`` and so on."""

    __slots__ = ("found", "opened", "failed", "reasons")

    def __init__(self) -> None:
        self.found = self.opened = self.failed = 0
        self.reasons: dict[str, int] = {}

    @classmethod
    def of(cls, exchange: Exchange) -> Tally:
        """The exchange's own."""
        tally = exchange.notes.get("containers")
        if tally is None:
            tally = exchange.notes["containers"] = cls()
        assert isinstance(tally, cls)  # noqa: S101 - nobody else uses the name
        return tally

    def show(self, exchange: Exchange) -> None:
        """Put the counts on the exchange's span.  Never data."""
        exchange.add_attribute("acra.containers_found", self.found)
        exchange.add_attribute("acra.containers_opened", self.opened)
        exchange.add_attribute("acra.containers_failed", self.failed)
        for reason, count in self.reasons.items():
            exchange.add_attribute(f"acra.containers_failed.{reason.replace(' ', '_')}", count)
