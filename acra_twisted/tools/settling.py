"""Switches a table to its second columns: these are brought up to date while nobody else has the
table, and then take the names of the first ones."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from acra_twisted.encryption.secondnames import LEFT
from acra_twisted.tools.migrationjob import MigrationJob
from acra_twisted.tools.rowcomparing import PairedTable, RowComparer
from acra_twisted.tools.rowwork import WITHIN, MigrationError, MovedTable, Stopped


async def switch(
    job: MigrationJob,
    name: str,
    carry_out: Callable[[], Awaitable[None]],
    keep: Callable[[], Awaitable[None]],
    undo: Callable[[], Awaitable[None]],
) -> None:
    """Switch the table of a name, and tell of it: ``carry_out`` does it, ``keep`` makes it hold,
    and ``undo`` leaves the table as it was, whatever has failed.  Raises what ``carry_out`` does,
    MigrationError in place of Stopped."""
    try:
        await carry_out()
    except BaseException as error:
        await undo()
        if isinstance(error, Stopped):
            raise MigrationError(f"stopped; table {name} is as it was before the switch") from None
        raise
    await keep()
    job.tell(
        f"{name}: switched; the former columns are named NAME{LEFT[job.given.command]}, and "
        "nothing is lost until you drop them"
    )


def comparer(job: MigrationJob, table: MovedTable, paired: PairedTable) -> RowComparer:
    """Return the comparison of the parts of a table, which all have a second column.  Raises
    ConfigError, KeyStoreError."""
    changes = [job.second_change(part) for part in table.parts]
    return RowComparer(paired, changes, job.habits(table.label))


async def settle(job: MigrationJob, table: MovedTable, paired: PairedTable) -> None:
    """Fill second columns and compare them; fill anew those that differ, and compare once more.

    The table is locked by a transaction that has begun.  Raises MigrationError if a value cannot be
    changed, or if rows differ again; Stopped, DatabaseError, KeyStoreError, TokenStoreError.
    """
    number = await _filled(job, table, paired)
    if not number:
        return
    name = table.label
    job.tell(
        f"{name}: {number} rows had other values in their second columns than in the first "
        "ones; they are filled anew"
    )
    number = await _filled(job, table, paired)
    if number:
        raise MigrationError(
            f"table {name}: {number} rows have other values in their second columns as soon as "
            "these are filled; a trigger may change them; the table is as it was before the "
            "switch"
        )


async def _filled(job: MigrationJob, table: MovedTable, paired: PairedTable) -> int:
    """Fill second columns, empty those that differ, and return the number of their rows."""
    counts = await job.moved(table, 0, WITHIN)
    if counts.refused:
        raise MigrationError("\n".join(counts.told))
    try:
        return await comparer(job, table, paired).run()
    finally:
        job.end_progress()
