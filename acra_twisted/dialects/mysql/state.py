"""A session's state as its MySQL database tells it: how its texts are read, and its transaction.

Two bits of the status tell whether a backslash escapes and whether double quotes enclose names.
They are true behind a login and behind a plain SET; a routine that changes them for itself leaves
them wrong.  So a change that comes with any other reply makes them unknown, until they are set.

The character set is told by the tracking of variables alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from acra_twisted.dialects.mysql.replies import KEEPS, RESETS, SETS, Reply
from acra_twisted.session import IDLE, IN_TRANSACTION
from acra_twisted.wire.mysql.types import character_set

if TYPE_CHECKING:
    from acra_twisted.session import Session

# Flags of the status.
IN_TRANS: Final = 0x0001
MORE_RESULTS: Final = 0x0008
CURSOR_EXISTS: Final = 0x0040
LAST_ROW_SENT: Final = 0x0080
NO_BACKSLASH_ESCAPES: Final = 0x0200
OUT_PARAMETERS: Final = 0x1000
STATE_CHANGED: Final = 0x4000
ANSI_QUOTES: Final = 0x8000
_READ_BY: Final = NO_BACKSLASH_ESCAPES | ANSI_QUOTES

_MODE: Final = b"sql_mode"
_CHARACTER_SET: Final = b"character_set_client"
#: Of a setting whose value nobody knows.
UNKNOWN: Final = b"?"


class MysqlState:
    """The last words of a session's database.  One serves both flows.

    ``mariadb``: the database is one; ``status`` is that of its greeting, ``collation`` the one that
    the client has logged in with.

    ``status`` has the flags as they were reported last.  ``changing``: so many requests are
    unanswered that may change how texts are read.  ``upload``: the number that the first packet of
    a file has for the database, which has asked for it; -1 if it has asked for none, or has all of
    it.
    """

    __slots__ = ("_session", "_mariadb", "_charset", "_certain", "status", "changing", "upload")

    def __init__(self, session: Session, *, mariadb: bool, status: int, collation: int) -> None:
        self._session = session
        self._mariadb = mariadb
        self._charset = character_set(collation, mariadb=mariadb)
        self._certain = True
        self.status = status
        self.changing = 0
        self.upload = -1
        self._tell()

    def sent(self, reply: Reply) -> None:
        """Take note of a request that leaves for the database."""
        if reply.changes != KEEPS:
            self.changing += 1

    def reported(self, status: int, reply: Reply) -> None:
        """Take the status that the reply to a request ends with, or one of its results."""
        if status == self.status:
            return
        before, self.status = self.status, status
        self._session.transaction = IN_TRANSACTION if status & IN_TRANS else IDLE
        if (before ^ status) & _READ_BY:
            self._certain = reply.changes in (SETS, RESETS)
            self._tell()

    def ended(self, reply: Reply) -> None:
        """Take note of a reply's end."""
        if reply.changes != KEEPS:
            self.changing -= 1

    def _tell(self) -> None:
        """Say how texts are read, as the session's parameters."""
        if not self._certain:
            mode = b"NO_BACKSLASH_ESCAPES?,ANSI_QUOTES?"
        else:
            flags = [b"NO_BACKSLASH_ESCAPES"] if self.status & NO_BACKSLASH_ESCAPES else []
            if self.status & ANSI_QUOTES:
                flags.append(b"ANSI_QUOTES")
            mode = b",".join(flags)
        self._session.parameters = {_MODE: mode, _CHARACTER_SET: self._charset or UNKNOWN}
        self._session.conforming = (
            bool(self.status & NO_BACKSLASH_ESCAPES) if self._certain and self._charset else None
        )
