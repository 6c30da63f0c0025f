"""Common parts of the stages that read containers: results, cells, and work outside the reactor.

A result is planned by its columns' types; a run of rows without a container costs a few searches
in C; only a run with one is split into cells.  The decryptor reads the same list of findings that
the poison stage made before it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from acra_twisted.crypto import cells, envelopes
from acra_twisted.crypto.cells import Sighting
from acra_twisted.crypto.openers import Opener
from acra_twisted.exchange import Exchange
from acra_twisted.pipeline.workers import Workers
from acra_twisted.results import Columns, RowBatch, Search
from acra_twisted.themis.keys import PublicKey

#: What is opened without leaving the reactor: 32 containers, or 4 if each costs a multiplication on
#: the curve.  About half a millisecond; what is more goes to a worker.
INLINE: Final = 32
_COSTLY: Final = 8
#: Bytes of a run of rows above which even looking for containers leaves the reactor; and where it
#: is laborious.
INLINE_BYTES: Final = 256 * 1024
INLINE_LABORIOUS: Final = 16 * 1024


class Cell(NamedTuple):
    """A cell with something that looks like a container."""

    row: int
    column: int
    value: bytes
    sightings: Sequence[Sighting]


class Findings:
    """The containers in a run of rows, and their throw-away keys, decompressed once.

    ``opened`` is for the stages behind the one that opens them: for each cell, by row and column,
    of which something was opened, the containers of its value (that of ``cells``, as the database
    sent it) and their contents, in order.  The containers of a cell that are not in it stayed
    closed.
    """

    __slots__ = ("cells", "points", "opened")

    def __init__(self, found: list[Cell]) -> None:
        self.cells = found
        self.points: dict[bytes, PublicKey] = {}
        self.opened: dict[tuple[int, int], list[tuple[Sighting, bytes]]] = {}

    def sightings(self) -> Iterator[Sighting]:
        """Every one."""
        for cell in self.cells:
            yield from cell.sightings


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
    batch.findings = Findings([])
    return False


def _has_binary(columns: Columns) -> bool:
    return columns.layout != "" or any(columns.formats)


def findings(batch: RowBatch) -> Findings:
    """Every cell of the run with something that looks like a container; looked for once."""
    if batch.findings is None:
        found = []
        for row in _marked_rows(batch):
            for column, value in enumerate(batch.cells(row)):
                if value is not None and len(value) >= envelopes.MINIMUM:
                    sightings = _look(batch.columns, column, value)
                    if sightings:
                        found.append(Cell(row, column, value, sightings))
        batch.findings = Findings(found)
    kept: Findings = batch.findings
    return kept


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


def judge(
    workers: Workers, work: Callable[[RowBatch, Opener], Any], batch: RowBatch, opener: Opener
) -> Any:
    """``work(batch, opener)`` here if that is quick, else in a worker (then a Deferred)."""
    if batch.findings is None and (
        batch.size > INLINE_BYTES or batch.size > INLINE_LABORIOUS and _laborious(batch)
    ):
        return workers.run(work, batch, opener)
    cost = 0
    for sighting in findings(batch).sightings():
        cost += 1 if opener.is_cheap(sighting.kind, sighting.data) else _COSTLY
        if cost > INLINE:
            return workers.run(work, batch, opener)
    return work(batch, opener)


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
