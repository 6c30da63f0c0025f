"""A session's state as its MySQL database tells it: how its texts are read, and its transaction.

Two bits of MariaDB's status tell whether a backslash escapes and whether double quotes enclose
names; MySQL has the first of them.  They are true behind a login and behind a plain SET.  A routine
that changes the modes for itself leaves them wrong: a change that comes with any other reply makes
them unknown, until they are set.

The character set is told by the tracking of variables alone, which a client can switch off.  Behind
a statement that may have changed it, and of which nothing is told then, it is unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from acra_twisted.dialects.mysql.replies import (
    KEEPS,
    MAY_CHANGE,
    RENAMES,
    RESETS,
    SETS,
    UNTRACKS,
    Reply,
)
from acra_twisted.session import IDLE, IN_TRANSACTION
from acra_twisted.sql.mysqltokens import ANSI_MODES, UNSAFE_CHARSETS
from acra_twisted.wire.mysql.okpackets import (
    ANSI_QUOTES,
    IN_TRANS,
    NO_BACKSLASH_ESCAPES,
    SCHEMA,
)
from acra_twisted.wire.mysql.types import character_set

if TYPE_CHECKING:
    from acra_twisted.session import Session

_MODE: Final = b"sql_mode"
_CHARACTER_SET: Final = b"character_set_client"
_ANSI: Final = frozenset(name.encode() for name in ANSI_MODES)
_UNSAFE: Final = frozenset(name.encode() for name in UNSAFE_CHARSETS)
#: In place of a value that nobody knows, and behind a mode of which nobody knows if it is set.
UNKNOWN: Final = b"?"


class MysqlState:
    """The last words of a session's database.  One serves both flows.

    ``mariadb``: the database is one; ``collation`` is the one that the client has logged in with.

    ``status`` has the flags as they were reported last, at first by the OK of the login.
    ``changing``: so many requests are
    unanswered that may change how texts are read.  ``upload``: the number that the first packet of
    a file has for the database, which has asked for it; -1 if it has asked for none, or has all of
    it.
    """

    __slots__ = (
        *("_session", "_mariadb", "_charset", "_tracking"),
        *("_charset_told", "_modes_told"),
        *("_backslash", "_ansi", "status", "changing", "upload"),
    )

    def __init__(self, session: Session, *, mariadb: bool, status: int, collation: int) -> None:
        self._session = session
        self._mariadb = mariadb
        # Empty while it is not known.
        self._charset = character_set(collation, mariadb=mariadb)
        # Variables are tracked as far as anybody knows; what was told in this reply.
        self._tracking = True
        self._charset_told = self._modes_told = False
        # A backslash escapes; double quotes enclose names.  None: nobody knows.
        self._backslash: bool | None = None
        self._ansi: bool | None = None
        self.status = status
        self.changing = 0
        self.upload = -1
        self._believe()
        self._tell()

    # -- told by the flows ------------------------------------------------------------------------

    def sent(self, reply: Reply) -> None:
        """Take note of a request that leaves for the database."""
        if reply.changes != KEEPS:
            self.changing += 1

    def reported(self, status: int, reply: Reply) -> None:
        """Take the status at the end of a result."""
        if status == self.status:
            return
        before, self.status = self.status, status
        self._session.transaction = IN_TRANSACTION if status & IN_TRANS else IDLE
        changed = before ^ status
        if changed & NO_BACKSLASH_ESCAPES or (self._mariadb and changed & ANSI_QUOTES):
            if reply.changes & (SETS | RESETS) and not reply.changes & MAY_CHANGE:
                self._believe()
            else:
                self._backslash = self._ansi = None
            self._tell()

    def tracked(self, name: bytes, value: bytes) -> None:
        """Take a variable's new value, or the new schema under the name SCHEMA."""
        if name == SCHEMA:
            self._session.database = value
        elif name == _CHARACTER_SET:
            self._charset = value.lower()
            self._charset_told = True
            self._tell()
        elif name == _MODE and not self._mariadb:
            modes = {mode.strip() for mode in value.upper().split(b",")}
            self._backslash = b"NO_BACKSLASH_ESCAPES" not in modes
            self._ansi = not _ANSI.isdisjoint(modes)
            self._modes_told = True
            self._tell()

    def logged_in(self, changes: Sequence[tuple[bytes, bytes]]) -> None:
        """Take the changes that the database tells of at the end of the login: as `tracked`."""
        for name, value in changes:
            self.tracked(name, value)
        self._charset_told = self._modes_told = False

    def ended(self, reply: Reply, *, failed: bool) -> None:
        """Take note of a reply's end; ``failed``: with an error, of which nothing is told."""
        if reply.schema is not None and not failed:
            self._session.database = reply.schema
        changes = reply.changes
        if changes == KEEPS:
            return
        self.changing -= 1
        charset_told, self._charset_told = self._charset_told, False
        modes_told, self._modes_told = self._modes_told, False
        if changes & UNTRACKS:
            self._tracking = False
        if changes & RESETS and not failed:
            self._charset = character_set(reply.collation, mariadb=self._mariadb)
            self._tracking = True
        elif changes & RENAMES or (changes & MAY_CHANGE and not self._tracking):
            if not charset_told:
                self._charset = b""
        if not modes_told:
            if changes & (SETS | RESETS) and not changes & MAY_CHANGE and not failed:
                self._believe()
            elif not self._mariadb and changes != RENAMES:
                self._ansi = None
        self._tell()

    # -- how texts are read -----------------------------------------------------------------------

    def _believe(self) -> None:
        """Take the modes from the status."""
        self._backslash = not self.status & NO_BACKSLASH_ESCAPES
        self._ansi = bool(self.status & ANSI_QUOTES) if self._mariadb else None

    def _tell(self) -> None:
        """Say how texts are read, as the session's parameters."""
        modes = []
        if self._backslash is not True:
            modes.append(_told(b"NO_BACKSLASH_ESCAPES", self._backslash is False))
        if self._ansi is not False:
            modes.append(_told(b"ANSI_QUOTES", self._ansi is True))
        session = self._session
        parameters = {_MODE: b",".join(modes), _CHARACTER_SET: self._charset or UNKNOWN}
        if parameters != session.parameters:
            session.parameters = parameters
        if self._backslash is None or not self._charset or self._charset in _UNSAFE:
            session.conforming = None
        else:
            session.conforming = not self._backslash


def _told(mode: bytes, certain: bool) -> bytes:
    return mode if certain else mode + UNKNOWN
