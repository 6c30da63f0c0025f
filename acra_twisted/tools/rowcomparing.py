"""Compares second columns with the first ones: first while others use the table, where that saves
something, and then while nobody else has it.

The trigger empties a second column when the first one changes, and does not see everything: a table
that inherits may be younger than the trigger, a foreign key may change the first column, and
somebody may switch triggers off or take them away.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple, Protocol

from acra_twisted.tools.columnchanges import Pair, SecondColumnChange
from acra_twisted.tools.rowwork import Counts, Habits


class PairedRow(NamedTuple):
    """A row as it was read: ``place`` is for its table alone; ``cells`` has the first and the
    second value of each part."""

    place: Any
    cells: Sequence[bytes | None]


class PairedTable(Protocol):
    """A table with second columns.  Methods raise DatabaseError."""

    def pairs(self, habits: Habits, counts: Counts) -> AsyncIterator[Sequence[PairedRow]]:
        """Yield the rows to compare, at most ``habits.batch`` at a time.  Raises Stopped."""

    async def empty(self, places: Sequence[Any]) -> None:
        """Empty the second columns of rows, of one at least."""


class RowComparer:
    """Compares the rows of one table.  ``changes`` has one for each part, in their order.  An empty
    second column is not compared.  Raises Stopped, DatabaseError, KeyStoreError,
    TokenStoreError."""

    def __init__(
        self, table: PairedTable, changes: Sequence[SecondColumnChange], habits: Habits
    ) -> None:
        self._table, self._changes, self._habits = table, changes, habits

    async def look(self) -> int:
        """Return the number of rows in which a second column does not stand for the first."""
        number = 0
        async for rows, places in self._compared():
            number += len(places)
            if rows:
                await self._habits.pause(rows)
        return number

    async def run(self) -> int:
        """Empty the second columns of each row in which one does not stand for the first, and
        return the number of those rows."""
        number = 0
        async for _, places in self._compared():
            if places:
                await self._table.empty(places)
            number += len(places)
        return number

    async def _compared(self) -> AsyncIterator[tuple[int, Sequence[Any]]]:
        """Yield the number of some rows, and the places of those with a difference."""
        counts = Counts()
        async for rows in self._table.pairs(self._habits, counts):
            yield len(rows), await self._differing(rows)
            counts.rows += len(rows)

    async def _differing(self, rows: Sequence[PairedRow]) -> Sequence[Any]:
        """Return the places of rows with a difference in a part."""
        found: set[int] = set()
        for at, change in enumerate(self._changes):
            numbers: list[int] = []
            pairs: list[Pair] = []
            for number, row in enumerate(rows):
                first, second = row.cells[2 * at], row.cells[2 * at + 1]
                if second is None:
                    continue
                if first is None:
                    found.add(number)
                else:
                    numbers.append(number)
                    pairs.append(Pair(first, second))
            if pairs:
                found.update(numbers[place] for place in await change.differing(pairs))
        return [rows[number].place for number in sorted(found)]
