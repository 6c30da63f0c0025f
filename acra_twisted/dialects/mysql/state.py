"""A session's state as its MySQL database tells it: how its texts are read, and its transaction.

Two bits of MariaDB's status tell whether a backslash escapes and whether double quotes enclose
names; MySQL has the first of them.  They are true behind a login and behind a plain SET.  A routine
that changes the modes for itself leaves them wrong: a change that comes with any other reply makes
them unknown, until they are set.

The character set is told by the tracking of variables alone, which a client, a routine or another
session can switch off.  Behind a statement that may have changed it, and of which nothing is told
then, it is unknown.  That of results is told likewise; empty is the one in which characters are
stored.  What is told between the results of one reply need not hold at its end.  A
statement that fails may have done a part of what it was to do.
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
    Reply,
)
from acra_twisted.question import Question
from acra_twisted.session import IDLE, IN_TRANSACTION
from acra_twisted.sql.mysqltokens import ANSI_MODES, UNSAFE_CHARSETS
from acra_twisted.wire.mysql.okpackets import (
    ANSI_QUOTES,
    IN_TRANS,
    MORE_RESULTS,
    NO_BACKSLASH_ESCAPES,
    SCHEMA,
)
from acra_twisted.wire.mysql.types import character_set

if TYPE_CHECKING:
    from acra_twisted.session import Session

_MODE: Final = b"sql_mode"
_CHARACTER_SET: Final = b"character_set_client"
_RESULTS: Final = b"character_set_results"
_ANSI: Final = frozenset(name.encode() for name in ANSI_MODES)
_UNSAFE: Final = frozenset(name.encode() for name in UNSAFE_CHARSETS)
#: In place of a value that nobody knows, and behind a mode of which nobody knows if it is set.
UNKNOWN: Final = b"?"
# What the database has told of in a reply.
_CHARSET_TOLD: Final = 1
_MODES_TOLD: Final = 2
_RESULTS_TOLD: Final = 4


class MysqlState:
    """The last words of a session's database.  One serves both flows.

    ``mariadb``: the database is one; ``collation`` is the one that the client has logged in with.

    ``status`` has the flags as they were reported last, at first by the OK of the login.
    ``changing``: so many requests are unanswered that may change how texts are read.  ``upload``:
    the number that the next packet of a file has for the database, which has asked for it; -1 if it
    has asked for none, or has all of it.  ``refusal`` is the error that the client gets in place of
    the reply to a file, empty if no part of it was refused.  ``following``: the number behind the
    client's last packet in the middle of a reply; -1 if the database has spoken since.
    ``is_unsure``: it is not known how texts are read, or the characters of results; ``question``:
    the one of ours about that which the text at hand waits for (see `modequestions`).
    """

    __slots__ = (
        *("_session", "_mariadb", "_charset", "_results", "_told", "is_unsure", "question"),
        *("_backslash", "_ansi", "collation", "status", "changing", "upload", "following"),
        "refusal",
    )

    def __init__(self, session: Session, *, mariadb: bool, status: int, collation: int) -> None:
        self._session = session
        self._mariadb = mariadb
        self.collation = collation
        # Empty while it is not known.
        self._charset = character_set(collation, mariadb=mariadb)
        self._results = self._charset or UNKNOWN
        self._told = 0
        # A backslash escapes; double quotes enclose names.  None: nobody knows.
        self._backslash: bool | None = None
        self._ansi: bool | None = None
        self.status = status
        self.changing = 0
        self.upload = -1
        self.refusal = b""
        self.following = -1
        self.is_unsure = True
        self.question: Question | None = None
        self._believe()
        self._tell()

    @property
    def lacks_characters(self) -> bool:
        """The character set of texts and values is not known, or that of results."""
        return self._charset == b"" or self._results == UNKNOWN

    # -- told by the flows ------------------------------------------------------------------------

    def sent(self, reply: Reply) -> None:
        """Take note of a request that leaves for the database."""
        if reply.changes != KEEPS:
            self.changing += 1

    def reported(self, status: int, reply: Reply) -> None:
        """Take the status at the end of a result."""
        if self._told and status & MORE_RESULTS:
            self._forget()
        if status == self.status:
            return
        before, self.status = self.status, status
        self._session.now_in(IN_TRANSACTION if status & IN_TRANS else IDLE)
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
            self._told |= _CHARSET_TOLD
            self._tell()
        elif name == _RESULTS:
            self._results = value.lower()
            self._told |= _RESULTS_TOLD
            self._tell()
        elif name == _MODE and not self._mariadb:
            self._read(value)
            self._told |= _MODES_TOLD
            self._tell()

    def answered(self, modes: bytes, charset: bytes, results: bytes) -> None:
        """Take the session's variables as the database has answered them, behind all that was sent
        to it."""
        self._read(modes)
        self._charset = charset.lower()
        self._results = results.lower()
        self._tell()

    def logged_in(self, changes: Sequence[tuple[bytes, bytes]]) -> None:
        """Take the changes that the database tells of at the end of the login: as `tracked`."""
        for name, value in changes:
            self.tracked(name, value)
        self._told = 0

    def ended(self, reply: Reply, *, failed: bool) -> None:
        """Take note of a reply's end; ``failed``: with an error, of which nothing is told."""
        if reply.schema is not None and not failed:
            self._session.database = reply.schema
        told, changes = self._told, reply.changes
        self._told = 0
        if changes == KEEPS:
            return
        self.changing -= 1
        if failed:
            self._failed(changes)
        else:
            self._succeeded(reply, changes, told)
        self._tell()

    def _succeeded(self, reply: Reply, changes: int, told: int) -> None:
        if changes & RESETS:
            self._charset = character_set(reply.collation, mariadb=self._mariadb)
            self._results = self._charset or UNKNOWN
        elif changes & RENAMES and not told & _CHARSET_TOLD:
            self._charset = b""
            if not told & _RESULTS_TOLD:
                self._results = UNKNOWN
        if not told & _MODES_TOLD:
            if changes & (SETS | RESETS) and not changes & MAY_CHANGE:
                self._believe()
            elif not self._mariadb and changes != RENAMES:
                self._ansi = None

    def _failed(self, changes: int) -> None:
        """Nobody is told how much of it was done."""
        if changes & (RENAMES | MAY_CHANGE | RESETS):
            self._charset = b""
            self._results = UNKNOWN
        if changes & (SETS | MAY_CHANGE | RESETS):
            self._backslash = self._ansi = None

    def _forget(self) -> None:
        """Take back the values of a result that is not its reply's last one."""
        if self._told & _CHARSET_TOLD:
            self._charset = b""
        if self._told & _RESULTS_TOLD:
            self._results = UNKNOWN
        if self._told & _MODES_TOLD:
            self._backslash = self._ansi = None
        self._told = 0
        self._tell()

    # -- how texts are read -----------------------------------------------------------------------

    def _believe(self) -> None:
        """Take the modes from the status."""
        self._backslash = not self.status & NO_BACKSLASH_ESCAPES
        self._ansi = bool(self.status & ANSI_QUOTES) if self._mariadb else None

    def _read(self, value: bytes) -> None:
        """Take the modes from the value of their variable."""
        modes = {mode.strip() for mode in value.upper().split(b",")}
        self._backslash = b"NO_BACKSLASH_ESCAPES" not in modes
        self._ansi = not _ANSI.isdisjoint(modes)

    def _tell(self) -> None:
        """Say how texts are read, as the session's parameters."""
        known = self._backslash is not None and self._ansi is not None
        self.is_unsure = not known or self.lacks_characters or self.question is not None
        modes = []
        if self._backslash is not True:
            modes.append(_told(b"NO_BACKSLASH_ESCAPES", self._backslash is False))
        if self._ansi is not False:
            modes.append(_told(b"ANSI_QUOTES", self._ansi is True))
        session = self._session
        parameters = {
            _MODE: b",".join(modes),
            _CHARACTER_SET: self._charset or UNKNOWN,
            _RESULTS: self._results,
        }
        if parameters != session.parameters:
            session.parameters = parameters
        if self._backslash is None or not self._charset or self._charset in _UNSAFE:
            session.conforming = None
        else:
            session.conforming = not self._backslash


def _told(mode: bytes, certain: bool) -> bytes:
    return mode if certain else mode + UNKNOWN
