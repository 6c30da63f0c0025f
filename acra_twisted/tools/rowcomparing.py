"""Compares second columns with the first ones, while nobody else has the table.

The trigger empties a second column when the first one changes, and does not see everything: a table
that inherits may be younger than the trigger, and somebody may switch triggers off.
"""

from __future__ import annotations

from collections.abc import Sequence

from acra_twisted.encryption.postgresql import secondcolumns
from acra_twisted.encryption.postgresql.moving import Part
from acra_twisted.encryption.postgresql.schema import Relation
from acra_twisted.tools.columnchanges import Pair, SecondColumnChange
from acra_twisted.tools.databaseclient import DatabaseClient
from acra_twisted.tools.rowpages import Counts, Habits, Row, batches


class RowComparer:
    """Compares the rows of one table.  ``changes`` has one for each of ``parts``, which all have a
    second column."""

    def __init__(
        self,
        client: DatabaseClient,
        relation: Relation,
        parts: Sequence[Part],
        changes: Sequence[SecondColumnChange],
        habits: Habits,
    ) -> None:
        self._client, self._relation, self._parts = client, relation, parts
        self._changes, self._habits = changes, habits

    async def run(self) -> int:
        """Empty the second columns of each row in which one does not stand for the first, and
        return the number of those rows.  An empty second column is not compared.  Raises Stopped,
        DatabaseError, KeyStoreError, TokenStoreError."""
        client, relation, number, counts = self._client, self._relation, 0, Counts()
        question = secondcolumns.pairs(relation, self._parts, self._habits.batch)
        emptying = secondcolumns.empty(relation, self._parts)
        async for rows in batches(client, relation, question, self._habits, counts):
            places = await self._differing(rows)
            if places:
                array = b"{%s}" % b",".join(b'"%s"' % one for one in places)
                await client.ask(emptying, (array,))
            number += len(places)
            counts.rows += len(rows)
        return number

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
