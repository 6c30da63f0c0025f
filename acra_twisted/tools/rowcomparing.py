"""Compares second columns with the first ones: first while others use the table, and then, while
nobody else has it, the rows that were written since.

The trigger empties a second column when the first one changes, and does not see everything: a table
that inherits may be younger than the trigger, and somebody may switch triggers off.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from acra_twisted.encryption.postgresql import secondcolumns
from acra_twisted.encryption.postgresql.moving import Part
from acra_twisted.encryption.postgresql.schema import Relation
from acra_twisted.tools.columnchanges import Pair, SecondColumnChange
from acra_twisted.tools.databaseclient import DatabaseClient
from acra_twisted.tools.rowpages import Row, batches
from acra_twisted.tools.rowwork import Counts, Habits


class RowComparer:
    """Compares the rows of one table.  ``changes`` has one for each of ``parts``, which all have a
    second column.  An empty second column is not compared.  ``since`` is as in
    `secondcolumns.pairs`.  Raises Stopped, DatabaseError, KeyStoreError, TokenStoreError."""

    def __init__(
        self,
        client: DatabaseClient,
        relation: Relation,
        parts: Sequence[Part],
        changes: Sequence[SecondColumnChange],
        habits: Habits,
        since: int | None = None,
    ) -> None:
        self._client, self._relation, self._parts = client, relation, parts
        self._changes, self._habits, self._since = changes, habits, since

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
        emptying = secondcolumns.empty(self._relation, self._parts)
        number = 0
        async for _, places in self._compared():
            if places:
                array = b"{%s}" % b",".join(b'"%s"' % one for one in places)
                await self._client.ask(emptying, (array,))
            number += len(places)
        return number

    async def _compared(self) -> AsyncIterator[tuple[int, Sequence[bytes]]]:
        """Yield the number of some rows, and the places of those with a difference."""
        question = secondcolumns.pairs(self._relation, self._parts, self._habits.batch, self._since)
        counts = Counts()
        client, relation = self._client, self._relation
        async for rows in batches(client, relation, question, self._habits, counts):
            yield len(rows), await self._differing(rows)
            counts.rows += len(rows)

    async def _differing(self, rows: Sequence[Row]) -> Sequence[bytes]:
        """Return the places of rows with a difference in a part."""
        found: set[int] = set()
        for at, change in enumerate(self._changes):
            numbers: list[int] = []
            pairs: list[Pair] = []
            for number, row in enumerate(rows):
                first, second = row[1 + 2 * at], row[2 + 2 * at]
                if second is None:
                    continue
                if first is None:
                    found.add(number)
                else:
                    numbers.append(number)
                    pairs.append(Pair(first, second))
            if pairs:
                found.update(numbers[place] for place in await change.differing(pairs))
        return [rows[number][0] or b"" for number in sorted(found)]
