"""Changes the protected columns of a table's rows, page by page, while others use the table.

The rows themselves say what is left to do, so that a run can end anywhere.  A pass goes through all
pages of the table.  A row that somebody holds is left to the next pass, and one that somebody
changes moves to another page, perhaps behind the pass.  So the last pass sees the table as it was
at one moment: it is the last one if every row that it has found could be written.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple

from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.postgresql import moving
from acra_twisted.encryption.postgresql.moving import Part, Values
from acra_twisted.encryption.postgresql.schema import Relation
from acra_twisted.errors import AcraError
from acra_twisted.tools.columnchanges import Changed, ColumnChange, Written
from acra_twisted.tools.databaseclient import DatabaseClient, DatabaseError

#: Pages whose rows are asked for at a time.
PAGES: Final = 64
#: Parameters of one statement.
_PARAMETERS: Final = 60_000
#: Refusals that are told one by one.
TOLD: Final = 20


class Words(NamedTuple):
    """The statements around one that writes; and ``look``, which begins to look at the table as it
    is at one moment, empty where nobody else can write."""

    look: str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    begin: str = "BEGIN"
    end: str = "COMMIT"
    undo: str = "ROLLBACK"


#: Those for a transaction for each batch, and those inside a transaction.
ALONE: Final = Words()
WITHIN: Final = Words("", "SAVEPOINT acra", "RELEASE SAVEPOINT acra", "ROLLBACK TO SAVEPOINT acra")


#: A row as it was read: its place, its writer, and a text for each part.
Row = Sequence[bytes | None]
#: A row, and what is to be written into it.
Due = tuple[Row, Values]


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


class RowMover:
    """Changes the rows of one table.  ``changes`` has one for each of ``parts``."""

    def __init__(
        self,
        client: DatabaseClient,
        relation: Relation,
        parts: Sequence[Part],
        changes: Sequence[ColumnChange],
        habits: Habits,
        words: Words = ALONE,
    ) -> None:
        self._client, self._relation, self._parts = client, relation, parts
        self._changes, self._habits, self._words = changes, habits, words
        most = _PARAMETERS // (2 + len(parts))
        self._batch = min(habits.batch, most)
        self._counts = Counts()

    async def run(self, page: int, passes: int) -> Counts:
        """Change all rows, beginning with a page, and return the counts of all passes.  Raises
        MigrationError if ``passes`` are not enough, Stopped, DatabaseError, KeyStoreError,
        TokenStoreError."""
        changed = 0
        for number in range(passes):
            counts = self._counts = Counts()
            looks = bool(self._words.look) and number > 0
            whole = await self._go_through(page, looks)
            changed += counts.changed
            if looks or self._habits.dry:
                is_last = whole
            else:
                is_last = not (self._words.look or page or counts.changed)
            if self._habits.dry or (is_last and not counts.left):
                counts.changed = changed
                return counts
            page = 0
            if not counts.changed:
                # Somebody may hold rows.
                await self._habits.pause(0)
        raise MigrationError(
            f"table {moving.label(self._relation)}: after {passes} passes rows are still written "
            "as they were, or held by others; run it again later"
        )

    async def _go_through(self, page: int, looks: bool) -> bool:
        """Make one pass.  ``looks``: rows are written once the whole table has been looked at as it
        was at one moment; False if there were too many of them to wait for that."""
        [[cell]] = (await self._client.ask(moving.size(self._relation))).rows
        pages = int(cell or b"0")
        question = moving.read(self._relation, self._parts, self._batch)
        whole = True
        due: list[Due] = []
        if looks:
            await self._client.ask(self._words.look)
        while page < pages:
            place, end = b"(%d,0)" % page, b"(%d,0)" % (page + PAGES)
            while True:
                if self._habits.is_over():
                    raise Stopped(self._relation, page)
                rows = (await self._client.ask(question, (place, end))).rows
                due += await self._judged(rows)
                if due and (not looks or len(due) >= self._batch):
                    if looks:
                        whole = False
                        await self._client.ask(self._words.end)
                    await self._write_all(due)
                    due = []
                    if looks:
                        await self._client.ask(self._words.look)
                if len(rows) < self._batch:
                    break
                place = rows[-1][0] or b""
            page += PAGES
            self._habits.show(min(page, pages), pages, self._counts)
        if looks:
            await self._client.ask(self._words.end)
            await self._write_all(due)
        return whole

    async def _judged(self, rows: Sequence[Row]) -> Sequence[Due]:
        """Return what is to be written into some rows; nothing of it in a dry run."""
        if not rows:
            return []
        columns: list[Sequence[Changed]] = []
        for at, change in enumerate(self._changes):
            columns.append(await change.changed([row[2 + at] for row in rows], self._habits.dry))
        due: list[Due] = []
        for number, row in enumerate(rows):
            values: list[bytes | None] = []
            for at, column in enumerate(columns):
                value = column[number]
                if isinstance(value, AcraError):
                    self._counts.refuse(self._where(row[0], at), value)
                    value = None
                values.append(value)
            if any(value is not None for value in values):
                due.append((row, Values(row[0] or b"", row[1] or b"", values)))
        self._counts.rows += len(rows)
        if not self._habits.dry:
            return due
        self._counts.changed += sum(map(_number, due))
        return []

    async def _write_all(self, due: Sequence[Due]) -> None:
        for begin in range(0, len(due), self._batch):
            batch = due[begin : begin + self._batch]
            await self._write(batch)
            await self._habits.pause(len(batch))

    async def _write(self, due: Sequence[Due]) -> None:
        """Write rows in one transaction; one by one if the database refuses a value."""
        words = self._words
        await self._client.ask(words.begin)
        try:
            written = await self._written(due)
        except BaseException as error:
            await self._client.ask(words.undo)
            if not isinstance(error, DatabaseError):
                raise
            if error.is_passing:
                self._counts.left += len(due)
            elif not error.is_about_a_value:
                raise
            elif len(due) == 1:
                self._counts.refuse(f"{self._where(due[0][0][0])}", error)
            else:
                for one in due:
                    await self._write([one])
            return
        await self._client.ask(words.end)
        self._counts.changed += written
        self._counts.left += sum(map(_number, due)) - written

    async def _written(self, due: Sequence[Due]) -> int:
        """Write rows, and look at what the database has now.  Returns the number of values."""
        update = moving.write(self._relation, self._parts, [values for _, values in due])
        answer = await self._client.ask(update.text, update.values, update.types, update.formats)
        number = 0
        for place, at in enumerate(update.parts):
            written: list[Written] = []
            of: list[bytes | None] = []
            for found, *cells in answer.rows:
                row, values = due[int(found or b"0")]
                sent, text = values.values[at], row[2 + at]
                if sent is not None and text is not None:
                    written.append(Written(text, sent, cells[place] or b""))
                    of.append(row[0])
            number += len(written)
            try:
                wrong = await self._changes[at].wrong(written)
                why = "the database holds another value than was written; a trigger may change it"
            except ValueRefusedError as error:
                wrong, why = 0, f"what was written cannot be read again: {error}"
            if wrong >= 0:
                raise MigrationError(f"{self._where(of[wrong], at)}: {why}; nothing of it stays")
        return number

    def _where(self, place: bytes | None, at: int | None = None) -> str:
        """The name of a row, or of a value in it: no key is shown."""
        column = "" if at is None else f"column {self._parts[at].source.name}, "
        row = (place or b"").decode()
        return f"table {moving.label(self._relation)}, {column}row with ctid {row}"


def _number(due: Due) -> int:
    return sum(value is not None for value in due[1].values)
