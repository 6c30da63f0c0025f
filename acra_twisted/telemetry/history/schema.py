"""The tables of a history, and how those of an earlier release become ours.

The number of a piece has its shelf in its upper bits: what one shelf gives up lies together, and
so its pages become free.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

#: "acrH": tells that a file is a history.
APPLICATION: Final = 0x61637248
PAGE: Final = 4096
#: Bits of a piece's number below its shelf.
SHELF_BITS: Final = 56

#: How a connection is made: transactions are written out.
CONNECTION: Final[dict[str, Any]] = {"isolation_level": None, "check_same_thread": False}

#: Each turns a file of its place's number into one of the next: the first makes an empty one.
#: Their texts stay as they are, for those in files are compared with them.
MIGRATIONS: Final[Sequence[Sequence[str]]] = (
    (
        "CREATE TABLE shelf (number INTEGER PRIMARY KEY, next INTEGER NOT NULL DEFAULT 1, "
        "pieces INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0)",
        "INSERT INTO shelf (number) VALUES (0), (1), (2), (3), (4)",
        "CREATE TABLE shape (id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, "
        "uses INTEGER NOT NULL, name TEXT NOT NULL, text TEXT NOT NULL)",
        "CREATE TABLE piece (id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, trace BLOB NOT NULL, "
        "connection BLOB NOT NULL, start INTEGER NOT NULL, ended INTEGER NOT NULL, "
        "took INTEGER NOT NULL, verdict TEXT NOT NULL, error TEXT NOT NULL, "
        "event INTEGER NOT NULL, client TEXT NOT NULL, user TEXT NOT NULL, "
        "database TEXT NOT NULL, shape INTEGER NOT NULL, size INTEGER NOT NULL, "
        "spans BLOB NOT NULL)",
        "CREATE INDEX piece_ended ON piece (ended)",
        "CREATE INDEX piece_trace ON piece (trace)",
        "CREATE INDEX piece_shape ON piece (shape, ended)",
        "CREATE INDEX piece_client ON piece (client, ended)",
    ),
    (
        "CREATE INDEX piece_verdict ON piece (verdict, ended)",
        "CREATE INDEX piece_connection ON piece (connection, ended)",
        "CREATE INDEX piece_took ON piece (took)",
        "CREATE TABLE event (id INTEGER PRIMARY KEY, first INTEGER NOT NULL, "
        "last INTEGER NOT NULL, count INTEGER NOT NULL, code INTEGER NOT NULL, "
        "client TEXT NOT NULL, trace BLOB NOT NULL, size INTEGER NOT NULL, data BLOB NOT NULL)",
        "CREATE INDEX event_last ON event (last)",
        "CREATE INDEX event_code ON event (code, last)",
        "CREATE INDEX event_trace ON event (trace)",
        "CREATE TABLE figure (width INTEGER NOT NULL, start INTEGER NOT NULL, key TEXT NOT NULL, "
        "run INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (width, start, key, run)) "
        "WITHOUT ROWID",
        "CREATE INDEX figure_start ON figure (start)",
    ),
)
VERSION: Final = len(MIGRATIONS)
_OBJECTS: Final = "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL LIMIT 1000"


class Foreign(Exception):
    """Raised where a file is no history, or one of a later release; the text says which."""


def text_of(data: bytes) -> str:
    """Return a text of the file, whatever has become of it."""
    return data.decode("utf-8", "replace")


def prepare(connection: sqlite3.Connection) -> None:
    """Make a new connection fit for writing, and the file ours, or close it.  Raises sqlite3.Error
    and Foreign."""
    try:
        connection.text_factory = text_of
        connection.execute(f"PRAGMA page_size = {PAGE}")
        connection.execute("PRAGMA journal_mode = WAL")
        # Nothing is lost with the process; the last batches may be if the machine fails.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA wal_autocheckpoint = 1000")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cell_size_check = ON")
        connection.execute("BEGIN IMMEDIATE")
        migrate(connection)
        connection.execute("COMMIT")
    except BaseException:
        connection.close()
        raise


def migrate(connection: sqlite3.Connection, upto: int = VERSION) -> None:
    """Bring the tables up to date, in the transaction that the caller has begun.  Raises Foreign
    and sqlite3.Error."""
    version = version_of(connection)
    if version == 0:
        [tables] = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if tables:
            raise Foreign("it is another database of SQLite")
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
    for number in range(version, upto):
        for text in MIGRATIONS[number]:
            connection.execute(text)
        connection.execute(f"PRAGMA user_version = {number + 1}")


@lru_cache
def _ours() -> frozenset[tuple[Any, ...]]:
    """The kinds, names and texts of our tables and indices."""
    connection = sqlite3.connect(":memory:", **CONNECTION)
    try:
        migrate(connection)
        return frozenset(connection.execute(_OBJECTS))
    finally:
        connection.close()


def has_ours(connection: sqlite3.Connection) -> bool:
    """Return True if all tables and indices are there, just as we make them: no views, and nothing
    that is computed.  Raises sqlite3.Error."""
    return _ours() <= set(connection.execute(_OBJECTS))


def version_of(connection: sqlite3.Connection) -> int:
    """Return the version of the tables, 0 for an empty file.  Raises Foreign and sqlite3.Error."""
    [application] = connection.execute("PRAGMA application_id").fetchone()
    [version] = connection.execute("PRAGMA user_version").fetchone()
    if application not in (0, APPLICATION) or (application == 0) != (version == 0):
        raise Foreign("it is another database of SQLite")
    if version > VERSION:
        raise Foreign(f"it is of a later release (version {version}, ours is {VERSION})")
    return int(version)
