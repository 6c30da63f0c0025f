"""Kinds of trouble with a history's file: what is to be done about each, and who is told."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any, Final

from acra_twisted import events
from acra_twisted.telemetry.history.room import Crowded
from acra_twisted.telemetry.history.schema import Foreign

LOCKED: Final = "locked"
FULL: Final = "full"
DISK: Final = "disk"
CROWDED: Final = "crowded"
DAMAGED: Final = "damaged"
GONE: Final = "gone"
FAULT: Final = "fault"

#: What is said of each.
TEXTS: Final = {
    LOCKED: "The history waits: another program has locked its file",
    FULL: "The history waits: its disk is full",
    DISK: "The history waits: its file cannot be used",
    CROWDED: "The history waits: programs that read it keep its log from being emptied",
    DAMAGED: "The history's file was damaged; a new one begins",
    GONE: "The history's file is gone, or another one; the one that is there goes on",
    FAULT: "A part of the history could not be written and is dropped",
}
#: Kinds after which the same is tried again.
PASSING: Final = frozenset((LOCKED, FULL, DISK, CROWDED))

_EVERY: Final = 3600.0
_BY_CODE: Final = {
    sqlite3.SQLITE_BUSY: LOCKED,
    sqlite3.SQLITE_LOCKED: LOCKED,
    sqlite3.SQLITE_PROTOCOL: LOCKED,
    sqlite3.SQLITE_FULL: FULL,
    sqlite3.SQLITE_IOERR: DISK,
    sqlite3.SQLITE_CANTOPEN: DISK,
    sqlite3.SQLITE_READONLY: DISK,
    sqlite3.SQLITE_PERM: DISK,
    sqlite3.SQLITE_NOMEM: DISK,
    sqlite3.SQLITE_INTERRUPT: LOCKED,
    sqlite3.SQLITE_CORRUPT: DAMAGED,
    sqlite3.SQLITE_NOTADB: DAMAGED,
    # Our statements are right: tables are missing, or others.
    sqlite3.SQLITE_ERROR: DAMAGED,
    sqlite3.SQLITE_SCHEMA: DAMAGED,
}


class Gone(Exception):
    """Raised where a file is not the one that was opened."""


def kind_of(error: BaseException) -> str:
    """Return the kind of trouble that an error means."""
    if isinstance(error, Crowded):
        return CROWDED
    if isinstance(error, Gone):
        return GONE
    # SQLite says what is wrong in bytes of the file, which may be no text.
    if isinstance(error, (Foreign, UnicodeDecodeError)):
        return DAMAGED
    if isinstance(error, sqlite3.Error):
        return _BY_CODE.get(getattr(error, "sqlite_errorcode", -1) & 0xFF, FAULT)
    return DISK if isinstance(error, OSError) else FAULT


def name_of(error: BaseException) -> str:
    """Return words for an error, which hold nothing of a statement."""
    if isinstance(error, Foreign):
        return str(error)
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return getattr(error, "sqlite_errorname", "") or type(error).__name__


class Troubles:
    """Counts troubles by kind, and says one of each kind an hour.  ``seconds`` gives the time;
    ``counts`` are for metrics."""

    def __init__(self, log: Any, path: str, seconds: Callable[[], float]) -> None:
        self._log = log
        self._path = path
        self._seconds = seconds
        self._said: dict[str, float] = {}
        self._unsaid: dict[str, int] = {}
        self.counts = dict.fromkeys(TEXTS, 0)

    def saw(self, kind: str, error: str, **fields: Any) -> None:
        """One has happened."""
        self.counts[kind] += 1
        now = self._seconds()
        if now - self._said.get(kind, now - _EVERY) < _EVERY:
            self._unsaid[kind] = self._unsaid.get(kind, 0) + 1
            return
        self._said[kind] = now
        unsaid = self._unsaid.pop(kind, 0)
        if unsaid:
            fields["times"] = unsaid + 1
        self._log.warn(
            "{event_text}",
            event_text=TEXTS[kind],
            code=events.HISTORY,
            error=error,
            file=self._path,
            **fields,
        )
