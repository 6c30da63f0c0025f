"""Changes the protected columns of a table's rows, page by page, while others use the table.

The rows themselves say what is left to do, so that a run can end anywhere.  A pass goes through all
pages of the table.  A row that somebody holds is left to the next pass, and one that somebody
changes moves to another page, perhaps behind the pass.  So the last pass sees the table as it was
at one moment: it is the last one if every row that it has found could be written.
"""

from __future__ import annotations

from collections.abc import Sequence

from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.errors import AcraError
from acra_twisted.tools.columnchanges import Changed, ColumnChange, Written
from acra_twisted.tools.databaseerror import DatabaseError
from acra_twisted.tools.rowwork import (
    Counts,
    Due,
    Habits,
    MigrationError,
    MovedRow,
    MovedTable,
    Words,
)


class RowMover:
    """Changes the rows of one table.  ``changes`` has one for each of its parts."""

    def __init__(
        self, table: MovedTable, changes: Sequence[ColumnChange], habits: Habits, words: Words
    ) -> None:
        self._table = table
        self._habits = habits._replace(batch=min(habits.batch, table.most))
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
            f"table {self._table.label}: after {passes} passes rows are still written "
            "as they were, or held by others; run it again later"
        )

    async def _go_through(self, page: int, looks: bool) -> bool:
        """Make one pass.  ``looks``: rows are written once the whole table has been looked at as it
        was at one moment; False if there were too many of them to wait for that."""
        table, most = self._table, self._habits.batch
        whole = True
        due: list[Due] = []
        if looks:
            await table.run(self._words.look)
        async for rows in table.batches(self._habits, self._counts, page):
            due += await self._judged(rows)
            if due and (not looks or len(due) >= most):
                if looks:
                    whole = False
                    await table.run(self._words.end)
                await self._write_all(due)
                due = []
                if looks:
                    await table.run(self._words.look)
        if looks:
            await table.run(self._words.end)
            await self._write_all(due)
        return whole

    async def _judged(self, rows: Sequence[MovedRow]) -> Sequence[Due]:
        """Return what is to be written into some rows; nothing of it in a dry run."""
        if not rows:
            return []
        columns: list[Sequence[Changed]] = []
        for at, change in enumerate(self._changes):
            columns.append(await change.changed([row.texts[at] for row in rows], self._habits.dry))
        due: list[Due] = []
        for number, row in enumerate(rows):
            values: list[bytes | None] = []
            for at, column in enumerate(columns):
                value = column[number]
                if isinstance(value, AcraError):
                    self._counts.refuse(self._where(row, at), value)
                    value = None
                values.append(value)
            if any(value is not None for value in values):
                due.append(Due(row, values))
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
        await self._table.run(words.begin)
        try:
            written = await self._written(due)
        except BaseException as error:
            await self._table.run(words.undo)
            if not isinstance(error, DatabaseError):
                raise
            if error.is_passing:
                self._counts.left += len(due)
            elif not error.is_about_a_value:
                raise
            elif len(due) == 1:
                self._counts.refuse(self._where(due[0].row), error)
            else:
                for one in due:
                    await self._write([one])
            return
        await self._table.run(words.end)
        self._counts.changed += written
        self._counts.left += sum(map(_number, due)) - written

    async def _written(self, due: Sequence[Due]) -> int:
        """Write rows, and look at what the database has now.  Returns the number of values."""
        found = await self._table.write(due)
        number = 0
        for at in range(len(self._changes)):
            written: list[Written] = []
            of: list[MovedRow] = []
            for place, cells in found:
                row, values = due[place]
                sent, text = values[at], row.texts[at]
                if sent is not None and text is not None:
                    written.append(Written(text, sent, cells[at] or b""))
                    of.append(row)
            if not written:
                continue
            number += len(written)
            try:
                wrong = await self._changes[at].wrong(written)
                why = "the database holds another value than was written; a trigger may change it"
            except ValueRefusedError as error:
                wrong, why = 0, f"what was written cannot be read again: {error}"
            if wrong >= 0:
                raise MigrationError(f"{self._where(of[wrong], at)}: {why}; nothing of it stays")
        return number

    def _where(self, row: MovedRow, at: int | None = None) -> str:
        """The name of a row, or of a value in it: no key is shown."""
        table = self._table
        column = "" if at is None else f"column {table.parts[at].source.name}, "
        return f"table {table.label}, {column}row with {row.name}"


def _number(due: Due) -> int:
    return sum(value is not None for value in due.values)
