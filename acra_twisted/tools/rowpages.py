"""Goes through the rows of a table in the order of their places, page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Final, NamedTuple

from acra_twisted.encryption.postgresql import moving
from acra_twisted.encryption.postgresql.schema import Relation
from acra_twisted.errors import AcraError
from acra_twisted.tools.databaseclient import DatabaseClient

#: Pages whose rows are asked for at a time.
PAGES: Final = 64
#: Refusals that are told one by one.
TOLD: Final = 20
#: A row as it was read: its place is its first cell.
Row = Sequence[bytes | None]


class MigrationError(AcraError):
    """The rows cannot be changed.  The text has no value."""


class Stopped(MigrationError):
    """Somebody wants it to stop.  ``page``: the pages before it are done in this pass."""

    def __init__(self, relation: Relation, page: int) -> None:
        super().__init__(
            f"stopped; everything written so far stays; to go on where it has stopped, add "
            f"--resume='{moving.label(relation)} {page}'"
        )
        self.page = page


class Counts:
    """Numbers of values: ``changed`` ones, or those to be changed in a dry run; ``left`` because
    somebody held their row or changed it; ``refused`` ones, of which ``told`` names the first."""

    def __init__(self) -> None:
        self.rows = self.changed = self.left = self.refused = 0
        self.told: list[str] = []

    def refuse(self, where: str, why: object) -> None:
        """Count a value that stays as it is."""
        self.refused += 1
        if len(self.told) < TOLD:
            self.told.append(f"{where}: {why}")


class Habits(NamedTuple):
    """How the work is done: ``batch`` rows in a transaction; ``pause`` is awaited after each with
    the number of its rows; ``is_over`` tells whether to stop; ``show`` is told the page, the number
    of pages and the counts."""

    batch: int
    dry: bool
    pause: Callable[[int], Awaitable[None]]
    is_over: Callable[[], bool]
    show: Callable[[int, int, Counts], None]


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
                raise Stopped(relation, page)
            rows = (await client.ask(question, (place, end))).rows
            yield rows
            if len(rows) < habits.batch:
                break
            place = rows[-1][0] or b""
        page += PAGES
        habits.show(min(page, pages), pages, counts)
