"""The rows of a table of PostgreSQL whose second columns are compared with the first ones."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from acra_twisted.encryption.postgresql import secondcolumns
from acra_twisted.encryption.postgresql.moving import Part
from acra_twisted.encryption.postgresql.schema import Relation
from acra_twisted.tools.databaseclient import DatabaseClient
from acra_twisted.tools.rowcomparing import PairedRow
from acra_twisted.tools.rowpages import batches
from acra_twisted.tools.rowwork import Counts, Habits


class PostgresqlPairs:
    """See `rowcomparing.PairedTable`.  ``parts`` all have a second column; ``since`` is as in
    `secondcolumns.pairs`."""

    def __init__(
        self,
        client: DatabaseClient,
        relation: Relation,
        parts: Sequence[Part],
        since: int | None = None,
    ) -> None:
        self._client, self._relation, self._parts = client, relation, parts
        self._since = since

    async def pairs(self, habits: Habits, counts: Counts) -> AsyncIterator[Sequence[PairedRow]]:
        """See PairedTable."""
        client, relation = self._client, self._relation
        question = secondcolumns.pairs(relation, self._parts, habits.batch, self._since)
        async for rows in batches(client, relation, question, habits, counts):
            yield [PairedRow(place or b"", cells) for place, *cells in rows]

    async def empty(self, places: Sequence[bytes]) -> None:
        """See PairedTable."""
        array = b"{%s}" % b",".join(b'"%s"' % one for one in places)
        await self._client.ask(secondcolumns.empty(self._relation, self._parts), (array,))
