"""Changes the protected columns of a table's rows, page by page, while others use the table.

The rows themselves say what is left to do, so that a run can end anywhere.  A pass goes through all
pages of the table.  A row that somebody holds is left to the next pass, and one that somebody
changes moves to another page, perhaps behind the pass.  So the last pass sees the table as it was
at one moment: it is the last one if every row that it has found could be written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.postgresql import moving
from acra_twisted.encryption.postgresql.moving import Part, Values
from acra_twisted.encryption.postgresql.schema import Relation
from acra_twisted.errors import AcraError
from acra_twisted.tools.columnchanges import Changed, ColumnChange, Written
from acra_twisted.tools.databaseclient import DatabaseClient, DatabaseError
from acra_twisted.tools.rowpages import Counts, Habits, MigrationError, Row, batches

#: Parameters of one statement.
_PARAMETERS: Final = 60_000


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


#: A row as it was read, which has its place, its writer, and a text for each part; and what is to
#: be written into it.
Due = tuple[Row, Values]


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
        most = _PARAMETERS // (2 + len(parts))
        self._habits = habits._replace(batch=min(habits.batch, most))
        self._changes, self._words = changes, words
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
        client, relation, most = self._client, self._relation, self._habits.batch
        question = moving.read(relation, self._parts, most)
        whole = True
        due: list[Due] = []
        if looks:
            await client.ask(self._words.look)
        counts = self._counts
        async for rows in batches(client, relation, question, self._habits, counts, page):
            due += await self._judged(rows)
            if due and (not looks or len(due) >= most):
                if looks:
                    whole = False
                    await client.ask(self._words.end)
                await self._write_all(due)
                due = []
                if looks:
                    await client.ask(self._words.look)
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
        for begin in range(0, len(due), self._habits.batch):
            batch = due[begin : begin + self._habits.batch]
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
