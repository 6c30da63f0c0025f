"""Compares second columns with the first ones, while nobody else has the table.

The trigger empties a second column when the first one changes, and does not see everything: a table
that inherits may be younger than the trigger, and somebody may switch triggers off.
"""

from __future__ import annotations

from collections.abc import Sequence

from acra_twisted.encryption.postgresql import moving, secondcolumns
from acra_twisted.encryption.postgresql.moving import Part
from acra_twisted.encryption.postgresql.schema import Relation
from acra_twisted.tools.columnchanges import Pair, SecondColumnChange
from acra_twisted.tools.databaseclient import DatabaseClient
from acra_twisted.tools.rowmoving import PAGES, Counts, Habits, Row, Stopped


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
        [[cell]] = (await self._client.ask(moving.size(self._relation))).rows
        pages, page, number = int(cell or b"0"), 0, 0
        question = secondcolumns.pairs(self._relation, self._parts, self._habits.batch)
        emptying = secondcolumns.empty(self._relation, self._parts)
        counts = Counts()
        while page < pages:
            place, end = b"(%d,0)" % page, b"(%d,0)" % (page + PAGES)
            while True:
                if self._habits.is_over():
                    raise Stopped(self._relation, page)
                rows = (await self._client.ask(question, (place, end))).rows
                places = await self._differing(rows)
                if places:
                    array = b"{%s}" % b",".join(b'"%s"' % one for one in places)
                    await self._client.ask(emptying, (array,))
                number += len(places)
                counts.rows += len(rows)
                if len(rows) < self._habits.batch:
                    break
                place = rows[-1][0] or b""
            page += PAGES
            self._habits.show(min(page, pages), pages, counts)
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
