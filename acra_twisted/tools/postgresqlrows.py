"""The rows of a table of PostgreSQL that are changed: found by their places, told by their
writers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final

from acra_twisted.encryption.postgresql import moving
from acra_twisted.encryption.postgresql.moving import Part, Values
from acra_twisted.encryption.postgresql.schema import Relation
from acra_twisted.tools.databaseclient import DatabaseClient
from acra_twisted.tools.rowpages import batches
from acra_twisted.tools.rowwork import Counts, Due, Found, Habits, MovedRow, Words

#: Parameters of one statement.
_PARAMETERS: Final = 60_000
#: Words for a transaction for each batch.
ALONE: Final = Words(
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "BEGIN", "COMMIT", "ROLLBACK"
)


class PostgresqlRows:
    """See `rowwork.MovedTable`."""

    def __init__(self, client: DatabaseClient, relation: Relation, parts: Sequence[Part]) -> None:
        self._client = client
        self.relation = relation
        self.parts = parts
        self.label = moving.label(relation)
        self.most = _PARAMETERS // (2 + len(parts))

    def only(self, parts: Sequence[Part]) -> PostgresqlRows:
        """The same rows, of which some parts are changed."""
        return PostgresqlRows(self._client, self.relation, parts)

    async def batches(
        self, habits: Habits, counts: Counts, page: int
    ) -> AsyncIterator[Sequence[MovedRow]]:
        """See MovedTable."""
        question = moving.read(self.relation, self.parts, habits.batch)
        async for rows in batches(self._client, self.relation, question, habits, counts, page):
            yield [
                MovedRow(place, version, f"ctid {(place or b'').decode()}", texts)
                for place, version, *texts in rows
            ]

    async def run(self, words: str) -> None:
        """See MovedTable."""
        await self._client.ask(words)

    async def write(self, due: Sequence[Due]) -> Sequence[Found]:
        """See MovedTable."""
        rows = [Values(one.row.key, one.row.version, one.values) for one in due]
        update = moving.write(self.relation, self.parts, rows)
        answer = await self._client.ask(update.text, update.values, update.types, update.formats)
        found: list[Found] = []
        for number, *cells in answer.rows:
            texts: list[bytes | None] = [None] * len(self.parts)
            for at, cell in zip(update.parts, cells, strict=True):
                texts[at] = cell
            found.append((int(number or b"0"), texts))
        return found
