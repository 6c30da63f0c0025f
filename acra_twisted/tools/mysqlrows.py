"""The rows of a table of MySQL or MariaDB that are changed: found by their key, locked and read
again before they are written."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

from acra_twisted.encryption.mysql import moving, rowstatements
from acra_twisted.encryption.mysql.moving import Facts, Key, Part
from acra_twisted.encryption.mysql.rowstatements import NewValues
from acra_twisted.encryption.mysql.schema import Table
from acra_twisted.tools.mysqlclient import MysqlClient
from acra_twisted.tools.rowcomparing import PairedRow
from acra_twisted.tools.rowwork import Counts, Due, Found, Habits, MovedRow, Stopped, Words

#: Rows that are written at a time.
_MOST: Final = 5_000
#: Words for a transaction for each batch.
WORDS: Final = Words(
    "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
    "START TRANSACTION",
    "COMMIT",
    "ROLLBACK",
)

_Cells = Sequence[bytes | None]
#: Makes the question for so many rows behind a key.
_Question = Callable[[Sequence[bytes] | None, int], str]


class MysqlRows:
    """See `rowwork.MovedTable`, and `rowcomparing.PairedTable` if all parts have a second column.

    A page is a row, in the order of the key.
    """

    most = _MOST

    def __init__(
        self,
        client: MysqlClient,
        table: Table,
        parts: Sequence[Part],
        found_by: Key,
        facts: Facts,
        skip: str,
    ) -> None:
        self._client = client
        self.parts = parts
        self.label = moving.label(table)
        self._of = table, found_by, facts, skip
        self._width = len(found_by.columns)
        self._rows = facts.rows
        self._says = rowstatements.Rows(table, found_by, parts, facts.clocks, skip)

    def only(self, parts: Sequence[Part]) -> MysqlRows:
        """Return the same rows, of which some parts are changed."""
        table, found_by, facts, skip = self._of
        return MysqlRows(self._client, table, parts, found_by, facts, skip)

    async def batches(
        self, habits: Habits, counts: Counts, page: int
    ) -> AsyncIterator[Sequence[MovedRow]]:
        """See MovedTable."""
        behind: Sequence[bytes] | None = None
        if page:
            found = await self._client.ask(self._says.place(page))
            if not found:
                return
            behind = _key(found[0])
        async for first, rows in self._read(self._says.read, habits, counts, page, behind):
            yield [
                MovedRow(key, None, f"number {number} in the order of its key", cells)
                for number, (key, cells) in enumerate(rows, first)
            ]

    async def pairs(self, habits: Habits, counts: Counts) -> AsyncIterator[Sequence[PairedRow]]:
        """See PairedTable."""
        async for _, rows in self._read(self._says.pairs, habits, counts):
            yield [PairedRow(key, cells) for key, cells in rows]

    async def empty(self, places: Sequence[Sequence[bytes]]) -> None:
        """See PairedTable."""
        for statement in self._says.empty(places):
            await self._client.ask(statement)

    async def _read(
        self,
        question: _Question,
        habits: Habits,
        counts: Counts,
        page: int = 0,
        behind: Sequence[bytes] | None = None,
    ) -> AsyncIterator[tuple[int, Sequence[tuple[tuple[bytes, ...], _Cells]]]]:
        """Yield rows with the number of the first of them, counted from 1, at most
        ``habits.batch`` at a time: key and other cells.  Raises Stopped."""
        while True:
            if habits.is_over():
                raise Stopped(self.label, page)
            rows = await self._client.ask(question(behind, habits.batch))
            yield page + 1, [(_key(row[: self._width]), row[self._width :]) for row in rows]
            page += len(rows)
            is_over = len(rows) < habits.batch
            habits.show(page, page if is_over else max(page, self._rows), counts)
            if is_over:
                return
            behind = _key(rows[-1][: self._width])

    async def run(self, words: str) -> None:
        """See MovedTable."""
        await self._client.ask(words)

    async def write(self, due: Sequence[Due]) -> Sequence[Found]:
        """See MovedTable."""
        locked = await self._asked(self._says.lock([one.row.key for one in due]))
        written = [
            number for number, (row, _) in enumerate(due) if locked.get(row.key) == row.texts
        ]
        if not written:
            return []
        new = [_new(due[number]) for number in written]
        for statement in self._says.writes(new):
            await self._client.ask(statement)
        now = await self._asked(self._says.again([one.key for one in new]))
        # A row that is gone holds nothing of what was written: that is told as a difference.
        nothing: _Cells = [b""] * len(self.parts)
        return [(number, now.get(due[number].row.key, nothing)) for number in written]

    async def _asked(self, question: str) -> dict[Sequence[bytes], _Cells]:
        rows = await self._client.ask(question)
        return {_key(row[: self._width]): row[self._width :] for row in rows}


def _new(due: Due) -> NewValues:
    values = {at: value for at, value in enumerate(due.values) if value is not None}
    return NewValues(due.row.key, values)


def _key(cells: _Cells) -> tuple[bytes, ...]:
    return tuple(cell or b"" for cell in cells)
