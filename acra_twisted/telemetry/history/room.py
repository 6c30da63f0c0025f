"""Room in a history: the oldest is given up, so that the files stay within their bounds.

The bytes of each shelf are counted in the transactions that change it.  When the file is full, the
shelf gives up its oldest that has most of its share: a flood of sampled requests takes nothing from
those that were refused.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from acra_twisted.telemetry.history import pieces
from acra_twisted.telemetry.history.schema import PAGE, SHELF_BITS

#: Bytes of a row beside what it holds, with its places in the indexes.
ROW: Final = 250
#: Rows that are given up in one transaction.
_TOGETHER: Final = 64
#: Shares of the bound: that of the tables, and that of the log of changes that are not in them yet.
_TABLES: Final = 0.75
_LOG: Final = 0.25
#: The share of the tables that is free before something is written.
_FREE: Final = 1 / 8
#: Transactions of one call that give up what is too old; the rest has time.
_ROUNDS: Final = 16
#: Pages of the tables at least.
_LEAST: Final = 64


class Crowded(Exception):
    """Raised where readers keep the log of changes from being emptied: it must not grow on."""


class Bounds(NamedTuple):
    """Bytes of all files together, and nanoseconds."""

    bytes: int
    age: int


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit what is done inside, or nothing of it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # SQLite itself has rolled back after some errors.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def count(connection: sqlite3.Connection, shelf: int, count: int, size: int) -> None:
    """Note what a shelf has got, or lost."""
    connection.execute(
        "UPDATE shelf SET pieces = pieces + ?, bytes = bytes + ? WHERE number = ?",
        (count, size, shelf),
    )


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    [value] = connection.execute(f"PRAGMA {name}").fetchone()
    return int(value)


def used_pages(connection: sqlite3.Connection) -> int:
    """Return the pages of the tables that hold something."""
    return _pragma(connection, "page_count") - _pragma(connection, "freelist_count")


def log_of(connection: sqlite3.Connection) -> str:
    """Return the path of the log of changes."""
    _, _, path = connection.execute("PRAGMA database_list").fetchone()
    return f"{path}-wal"


def _bytes_of(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def size_of(connection: sqlite3.Connection, log: str) -> int:
    """Return the bytes of the tables and of the log of changes."""
    return _pragma(connection, "page_count") * PAGE + _bytes_of(log)


def pages_at_most(bounds: Bounds) -> int:
    """Return the pages that the tables may have."""
    return max(int(bounds.bytes * _TABLES) // PAGE, _LEAST)


def bytes_together(bounds: Bounds) -> int:
    """Return the bytes at which a transaction is full.  Twice as many, with all the pages that they
    need, fit into what is free."""
    return int(pages_at_most(bounds) * PAGE * _FREE) // 4


def empty_log(connection: sqlite3.Connection, bounds: Bounds, log: str) -> None:
    """Empty the log of changes if it has grown.  Raises Crowded if it must not grow on."""
    limit = int(bounds.bytes * _LOG)
    if _bytes_of(log) * 2 > limit:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        if _bytes_of(log) * 2 > limit:
            raise Crowded


def make_room(connection: sqlite3.Connection, bounds: Bounds, log: str) -> int:
    """Give up pieces until there is room for a transaction; return how many they were.  Raises
    sqlite3.Error and Crowded."""
    most = int(pages_at_most(bounds) * (1 - _FREE))
    given_up = 0
    while used_pages(connection) > most:
        empty_log(connection, bounds, log)
        found = 0
        for shelf in _fullest_first(connection):
            found = _give_up(connection, _oldest(connection, shelf))
            if found:
                break
        if not found:
            break
        given_up += found
    return given_up


def _fullest_first(connection: sqlite3.Connection) -> list[int]:
    rows = connection.execute("SELECT number, bytes FROM shelf WHERE pieces > 0").fetchall()
    rows = [row for row in rows if 0 <= row[0] < len(pieces.SHARES)]
    return [number for number, _ in sorted(rows, key=lambda r: -r[1] / pieces.SHARES[r[0]])]


_Doomed = tuple[str, list[Any]]


def _oldest(connection: sqlite3.Connection, shelf: int) -> _Doomed:
    """Return the table of a shelf, and the keys of the first that came: those of
    minutes before those of hours."""
    if shelf == pieces.EVENTS:
        rows = connection.execute("SELECT id FROM event ORDER BY id LIMIT ?", (_TOGETHER,))
        return "event", [row[0] for row in rows.fetchall()]
    if shelf == pieces.FIGURES:
        rows = connection.execute(
            "SELECT width, start, key, run FROM figure ORDER BY width, start LIMIT ?", (_TOGETHER,)
        )
        return "figure", rows.fetchall()
    rows = connection.execute(
        "SELECT id FROM piece WHERE id >= ? AND id < ? ORDER BY id LIMIT ?",
        (shelf << SHELF_BITS, (shelf + 1) << SHELF_BITS, _TOGETHER),
    )
    return "piece", [row[0] for row in rows.fetchall()]


def give_up_older(connection: sqlite3.Connection, before: int) -> int:
    """Give up some of those that had ended before a time; return how many they were."""
    given_up = 0
    for _ in range(_ROUNDS):
        found = 0
        for table, text, limit in _TOO_OLD:
            rows = connection.execute(text, (before // limit, _TOGETHER)).fetchall()
            keys = rows if table == "figure" else [row[0] for row in rows]
            found += _give_up(connection, (table, keys))
        if not found:
            break
        given_up += found
    return given_up


#: Tables, those of their rows that are too old, and the unit of their times.
_TOO_OLD: Final = (
    ("piece", "SELECT id FROM piece WHERE ended < ? ORDER BY ended LIMIT ?", 1),
    ("event", "SELECT id FROM event WHERE last < ? ORDER BY last LIMIT ?", 1),
    (
        "figure",
        "SELECT width, start, key, run FROM figure WHERE start < ? ORDER BY start LIMIT ?",
        10**9,
    ),
)


def _give_up(connection: sqlite3.Connection, doomed: _Doomed) -> int:
    table, keys = doomed
    if not keys:
        return 0
    with transaction(connection):
        if table == "figure":
            give_up_figures(connection, keys)
        elif table == "event":
            _give_up_events(connection, keys)
        else:
            _give_up_pieces(connection, keys)
    return len(keys)


def _give_up_pieces(connection: sqlite3.Connection, numbers: Sequence[int]) -> None:
    for number in numbers:
        row = connection.execute("SELECT size, shape FROM piece WHERE id = ?", (number,)).fetchone()
        connection.execute("DELETE FROM piece WHERE id = ?", (number,))
        count(connection, number >> SHELF_BITS, -1, -row[0])
        connection.execute("UPDATE shape SET uses = uses - 1 WHERE id = ?", (row[1],))
        connection.execute("DELETE FROM shape WHERE id = ? AND uses < 1", (row[1],))


def _give_up_events(connection: sqlite3.Connection, numbers: Sequence[int]) -> None:
    for number in numbers:
        [size] = connection.execute("SELECT size FROM event WHERE id = ?", (number,)).fetchone()
        connection.execute("DELETE FROM event WHERE id = ?", (number,))
        count(connection, pieces.EVENTS, -1, -size)


def give_up_figures(connection: sqlite3.Connection, keys: Iterable[tuple[Any, ...]]) -> None:
    """Give up those that are there."""
    where = "WHERE width = ? AND start = ? AND key = ? AND run = ?"
    for key in keys:
        row = connection.execute(f"SELECT length(data) FROM figure {where}", key).fetchone()  # noqa: S608
        if row is not None:
            connection.execute(f"DELETE FROM figure {where}", key)  # noqa: S608
            count(connection, pieces.FIGURES, -1, -ROW - row[0])
