"""Goes through the rows of a table in the order of their places, page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final

from acra_twisted.encryption.postgresql import moving
from acra_twisted.encryption.postgresql.schema import Relation
from acra_twisted.tools.databaseclient import DatabaseClient
from acra_twisted.tools.rowwork import Counts, Habits, Stopped

#: Pages whose rows are asked for at a time.
PAGES: Final = 64
#: A row as it was read: its place is its first cell.
Row = Sequence[bytes | None]


async def batches(
    client: DatabaseClient,
    relation: Relation,
    question: bytes,
    habits: Habits,
    counts: Counts,
    page: int = 0,
) -> AsyncIterator[Sequence[Row]]:
    """Yield the rows of a table from a page on, at most ``habits.batch`` at a time.

    ``question`` asks for so many rows between two places, $1 and $2.  ``counts`` are shown when the
    rows of some pages have been taken.  Raises Stopped, DatabaseError.
    """
    [[cell]] = (await client.ask(moving.size(relation))).rows
    pages = int(cell or b"0")
    while page < pages:
        place, end = b"(%d,0)" % page, b"(%d,0)" % (page + PAGES)
        while True:
            if habits.is_over():
                raise Stopped(moving.label(relation), page)
            rows = (await client.ask(question, (place, end))).rows
            yield rows
            if len(rows) < habits.batch:
                break
            place = rows[-1][0] or b""
        page += PAGES
        habits.show(min(page, pages), pages, counts)
