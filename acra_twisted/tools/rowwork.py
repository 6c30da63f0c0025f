"""The rows of a table that are changed while others use it: what is told of the work, and what it
asks of a database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Final, NamedTuple, Protocol, Self, TypeVar

from acra_twisted.encryption.migrating import ENCRYPT
from acra_twisted.errors import AcraError

#: Refusals that are told one by one.
TOLD: Final = 20


class MigrationError(AcraError):
    """The rows cannot be changed.  The text has no value."""


class Stopped(MigrationError):
    """Somebody wants it to stop.  ``page``: the pages before it are done in this pass."""

    def __init__(self, label: str, page: int) -> None:
        super().__init__(
            f"stopped; everything written so far stays; to go on where it has stopped, add "
            f"--resume='{label} {page}'"
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


class Words(NamedTuple):
    """The statements around one that writes; and ``look``, which begins to look at the table as it
    is at one moment, empty where nobody else can write."""

    look: str
    begin: str
    end: str
    undo: str


#: Words inside a transaction, in which nobody else can write.
WITHIN: Final = Words("", "SAVEPOINT acra", "RELEASE SAVEPOINT acra", "ROLLBACK TO SAVEPOINT acra")


class MovedRow(NamedTuple):
    """A row as it was read: ``key`` and ``version`` are for its table alone, ``name`` is what
    messages call it, without a value, and ``texts`` has one for each part of the work, None for one
    that needs no change."""

    key: Any
    version: Any
    name: str
    texts: Sequence[bytes | None]


class Due(NamedTuple):
    """A row, and what is to be written into it: one value for each part, None for one that
    stays."""

    row: MovedRow
    values: Sequence[bytes | None]


#: The number of a Due among those that were to be written, and the texts of its parts now.
Found = tuple[int, Sequence[bytes | None]]


class MovedTable(Protocol):
    """A table whose rows are changed.  ``parts`` are its columns to change; ``most`` is the number
    of rows that can be written at a time.  Methods raise DatabaseError."""

    label: str
    parts: Sequence[Any]
    most: int

    def only(self, parts: Sequence[Any]) -> Self:
        """Return the same rows, of which some parts are changed."""

    def batches(
        self, habits: Habits, counts: Counts, page: int
    ) -> AsyncIterator[Sequence[MovedRow]]:
        """Yield the rows from a page on, at most ``habits.batch`` at a time.  Raises Stopped."""

    async def run(self, words: str) -> None:
        """Run one of `Words`."""

    async def write(self, due: Sequence[Due]) -> Sequence[Found]:
        """Write into the rows that are as they were read, and wait for nobody: rows that somebody
        else has changed or holds are not in the answer."""


_Table = TypeVar("_Table", bound=MovedTable)


def beside(work: Sequence[_Table]) -> Sequence[_Table]:
    """Return the second columns among what is to be changed."""
    found = [one.only([part for part in one.parts if part.beside]) for one in work]
    return [one for one in found if one.parts]


def due_now(
    work: Sequence[Sequence[_Table]], change: str
) -> tuple[Sequence[Sequence[_Table]], Sequence[str]]:
    """Return what is to be changed now, in the same groups, and the labels of columns that are
    left.  ``work`` is all of a run: its tables have one configuration.

    Second columns are filled before AcraServer has the configuration, and columns in place are
    encrypted after that, because applications read them meanwhile.  So while there are second ones,
    in whichever table, those in place are left.
    """
    second = [beside(some) for some in work] if change == ENCRYPT else []
    if not any(second):
        return work, ()
    tables = [one for some in work for one in some]
    left = [part.setting.label for one in tables for part in one.parts if not part.beside]
    return second, sorted(set(left))
