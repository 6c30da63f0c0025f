"""The rows of a table of MySQL or MariaDB that are changed: found by their key, locked and read
again before they are written."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final

from acra_twisted.encryption.mysql import moving
from acra_twisted.encryption.mysql.moving import Facts, Key, NewValues, Part
from acra_twisted.encryption.mysql.schema import Table
from acra_twisted.tools.mysqlclient import MysqlClient
from acra_twisted.tools.rowwork import Counts, Due, Found, Habits, MovedRow, Stopped, Words

#: Rows that are written at a time.
_MOST: Final = 5_000
#: The words around a batch.
WORDS: Final = Words(
    "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
    "START TRANSACTION",
    "COMMIT",
    "ROLLBACK",
)

_Cells = Sequence[bytes | None]


class MysqlRows:
    """See `rowwork.MovedTable`.  A page is a row, in the order of the key."""

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
        self._width = len(found_by.columns)
        self._rows = facts.rows
        self._says = moving.Rows(table, found_by, parts, facts.clocks, skip)

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
        while True:
            if habits.is_over():
                raise Stopped(self.label, page)
            rows = await self._client.ask(self._says.read(behind, habits.batch))
            yield [
                MovedRow(
                    _key(row[: self._width]),
                    None,
                    f"number {number} in the order of its key",
                    row[self._width :],
                )
                for number, row in enumerate(rows, page + 1)
            ]
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
