"""A token store in a file of SQLite, the default: nothing else has to run.

One connection in one thread asks and writes in order, and each change is one transaction that is on
the disk when its Deferred fires: a token without its record would be a value that is lost.  Other
processes may use the file at the same time; they wait for each other, and not for long.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from twisted.enterprise.adbapi import ConnectionPool
from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure
from zope.interface import implementer

from acra_twisted.errors import ConfigError, KeyStoreError, TokenStoreError
from acra_twisted.interfaces import ITokenStore
from acra_twisted.keystore.files import check_private
from acra_twisted.tokenentry import Entry

Result = TypeVar("Result")

#: Seconds for which a change waits for another process.
WAIT: Final = 5.0
#: "acrT": tells that a file is a token store.
_APPLICATION: Final = 0x61637254
_VERSION: Final = 1
#: How a connection is made: transactions are written out, the pool commits or rolls back; and the
#: pool closes the connection from the reactor's thread.
CONNECTION: Final[dict[str, Any]] = {"isolation_level": None, "check_same_thread": False}
_PAGE: Final = 1000
#: Keys of one SELECT: every SQLite takes so many.
_KEYS: Final = 500
_TABLE: Final = (
    "CREATE TABLE tokens (bucket BLOB NOT NULL, key BLOB NOT NULL, "
    "record BLOB NOT NULL, PRIMARY KEY (bucket, key)) WITHOUT ROWID"
)


#: What the commonest of SQLite's errors mean.
_MEANINGS: Final = {
    sqlite3.SQLITE_FULL: "its disk is full",
    sqlite3.SQLITE_BUSY: "another program has locked it",
    sqlite3.SQLITE_READONLY: "nothing can be written to it",
    sqlite3.SQLITE_CORRUPT: "it is damaged",
    sqlite3.SQLITE_NOTADB: "it is damaged",
    sqlite3.SQLITE_IOERR: "its disk cannot be read or written",
}


def _why(error: Any) -> str:
    """Return words for an error, and its name, which hold nothing of a statement."""
    name = getattr(error, "sqlite_errorname", "")
    meaning = _MEANINGS.get(getattr(error, "sqlite_errorcode", -1) & 0xFF, "")
    return f"{meaning} ({name})" if meaning else name or "it is closed"


@implementer(ITokenStore)
class SQLiteStore:
    """See ITokenStore.  ``path`` is for messages; ``pool`` has one connection to the file, which
    `prepare` has made fit, and has adbapi's ``runInteraction`` and ``close``.  ``check`` raises
    TokenStoreError if what is added would be lost; it is called in the pool's thread."""

    def __init__(self, path: str, pool: Any, check: Callable[[], None] = lambda: None) -> None:
        self._path = path
        self._pool = pool
        self._check = check

    def _run(self, function: Callable[..., Result], *given: Any) -> Deferred[Result]:
        running: Deferred[Result] = self._pool.runInteraction(function, *given)
        return running.addErrback(self._failed)

    def _failed(self, failure: Failure) -> Any:
        failure.trap(sqlite3.Error)
        raise TokenStoreError(
            f"the token store {self._path} cannot be used: {_why(failure.value)}"
        ) from None

    def page(
        self, after: tuple[bytes, bytes] | None = None
    ) -> Deferred[tuple[Sequence[Entry], tuple[bytes, bytes] | None]]:
        """See ITokenSource."""
        return self._run(_page, after or (b"", b""))

    def close(self) -> Deferred[None]:
        """See ITokenSource."""
        self._pool.close()
        return succeed(None)

    def get(self, bucket: bytes, keys: Sequence[bytes]) -> Deferred[Sequence[bytes | None]]:
        """See ITokenStore."""
        return self._run(_get, bucket, keys)

    def add(
        self, bucket: bytes, groups: Sequence[Sequence[tuple[bytes, bytes]]]
    ) -> Deferred[Sequence[bool]]:
        """See ITokenStore."""
        return self._run(_add, bucket, groups, self._check)

    def replace(self, changes: Sequence[tuple[Entry, bytes]]) -> Deferred[Sequence[bool]]:
        """See ITokenStore."""
        return self._run(_replace, changes)

    def remove(self, entries: Sequence[Entry]) -> Deferred[Sequence[bool]]:
        """See ITokenStore."""
        return self._run(_remove, entries)


def open_file(path: str, reactor: Any, wait: float = WAIT, *, create: bool = True) -> SQLiteStore:
    """Return the store in a file, which is made if there is none and ``create``, with mode 0600.
    Raises ConfigError if it is not this user's alone.  ``wait`` is in seconds."""
    opened = _check_private(path, create)

    def check() -> None:
        # A file that is removed or replaced goes on without its name, and is lost in the end.
        try:
            there = os.lstat(path)
        except OSError:
            there = None
        if there is None or not os.path.samestat(opened, there):
            raise TokenStoreError(f"the token store {path} is another file now: start anew")

    pool = ConnectionPool(
        "sqlite3",
        path,
        cp_min=1,
        cp_max=1,
        cp_reactor=reactor,
        cp_openfun=prepare,
        timeout=wait,
        **CONNECTION,
    )
    return SQLiteStore(path, pool, check)


def check_file(path: str) -> None:
    """Look at the file of a store, or at the folder where it is to be made; make and open nothing.
    Raises ConfigError."""
    if os.path.lexists(path):
        _check_private(path, create=False)
        return
    folder = os.path.dirname(path) or "."
    if not os.access(folder, os.W_OK | os.X_OK):
        why = "the folder cannot be written" if os.path.isdir(folder) else "there is no such folder"
        raise ConfigError(f"cannot make the token store {path}: {why}")


def _check_private(path: str, create: bool) -> os.stat_result:
    """Make the file if there is none.  Raises ConfigError if it is not this user's alone."""
    try:
        if create:
            try:
                os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            except FileExistsError:
                pass
        # It is not opened here: closing it would drop the locks of who uses it.
        state = os.lstat(path)
        if not stat.S_ISREG(state.st_mode):
            raise ConfigError(f"the token store {path} is no regular file")
        check_private(path, state, "the token store")
        return state
    except OSError as error:
        raise ConfigError(f"cannot open the token store {path}: {error.strerror}") from None
    except KeyStoreError as error:
        raise ConfigError(str(error)) from None


def prepare(connection: sqlite3.Connection) -> None:
    """Make a new connection fit, or close it.  Raises sqlite3.Error, TokenStoreError."""
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("BEGIN IMMEDIATE")
        [tables] = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if not tables:
            connection.execute(f"PRAGMA application_id = {_APPLICATION}")
            connection.execute(f"PRAGMA user_version = {_VERSION}")
            connection.execute(_TABLE)
        [application] = connection.execute("PRAGMA application_id").fetchone()
        [version] = connection.execute("PRAGMA user_version").fetchone()
        if (application, version) != (_APPLICATION, _VERSION):
            raise TokenStoreError("the file of the token store is another database of SQLite")
        connection.execute("COMMIT")
    except BaseException:
        connection.close()
        raise


def _page(
    cursor: Any, after: tuple[bytes, bytes]
) -> tuple[list[Entry], tuple[bytes, bytes] | None]:
    cursor.execute(
        "SELECT bucket, key, record FROM tokens WHERE (bucket, key) > (?, ?) "
        "ORDER BY bucket, key LIMIT ?",
        (*after, _PAGE),
    )
    found = [Entry(*row) for row in cursor.fetchall()]
    return found, found[-1][:2] if len(found) == _PAGE else None


def _get(cursor: Any, bucket: bytes, keys: Sequence[bytes]) -> list[bytes | None]:
    found: dict[bytes, bytes] = {}
    for start in range(0, len(keys), _KEYS):
        some = keys[start : start + _KEYS]
        places = ", ".join("?" * len(some))
        # Nothing but question marks comes into the text.
        cursor.execute(
            f"SELECT key, record FROM tokens WHERE bucket = ? AND key IN ({places})",  # noqa: S608
            (bucket, *some),
        )
        found.update(cursor.fetchall())
    return [found.get(key) for key in keys]


def _add(
    cursor: Any,
    bucket: bytes,
    groups: Sequence[Sequence[tuple[bytes, bytes]]],
    check: Callable[[], None],
) -> list[bool]:
    cursor.execute("BEGIN IMMEDIATE")
    check()
    return [_add_group(cursor, bucket, group) for group in groups]


def _add_group(cursor: Any, bucket: bytes, group: Sequence[tuple[bytes, bytes]]) -> bool:
    for done, (key, record) in enumerate(group):
        cursor.execute("INSERT OR IGNORE INTO tokens VALUES (?, ?, ?)", (bucket, key, record))
        if not cursor.rowcount:
            for other, _ in group[:done]:
                cursor.execute("DELETE FROM tokens WHERE bucket = ? AND key = ?", (bucket, other))
            return False
    return True


def _replace(cursor: Any, changes: Sequence[tuple[Entry, bytes]]) -> list[bool]:
    cursor.execute("BEGIN IMMEDIATE")
    return [
        _changed(
            cursor,
            "UPDATE tokens SET record = ? WHERE bucket = ? AND key = ? AND record = ?",
            (record, *entry),
        )
        for entry, record in changes
    ]


def _remove(cursor: Any, entries: Sequence[Entry]) -> list[bool]:
    cursor.execute("BEGIN IMMEDIATE")
    return [
        _changed(cursor, "DELETE FROM tokens WHERE bucket = ? AND key = ? AND record = ?", entry)
        for entry in entries
    ]


def _changed(cursor: Any, text: str, given: tuple[bytes, ...]) -> bool:
    cursor.execute(text, given)
    return bool(cursor.rowcount)
