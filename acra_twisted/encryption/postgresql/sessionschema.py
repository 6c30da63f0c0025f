"""The schema as one session has it: its own search path, and what it has changed itself.

A definition inside a transaction is seen by that session alone until the transaction ends: the
others must not be planned by it, since it may be rolled back.  A transaction may also see tables as
they were when it began, while the database runs its statements by the tables as they are.  So an
answer that comes inside a transaction is for that session alone, and only if nobody else has
changed tables since, or if the transaction sees them as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from acra_twisted.encryption.postgresql import catalog, keeper
from acra_twisted.encryption.postgresql.keeper import SchemaKeeper
from acra_twisted.encryption.postgresql.naming import SearchPath
from acra_twisted.encryption.postgresql.protection import Protection
from acra_twisted.encryption.postgresql.question import path_question
from acra_twisted.encryption.postgresql.targets import UNREAD
from acra_twisted.encryption.settings import EncryptionSettings

_UNKNOWN: Final = SearchPath()
#: Words of the settings, in SET and RESET, that decide how bare names are looked up; a name may be
#: written with escapes.
_PATH_WORDS: Final = (b"search_path", b"schema", b"role", b"authorization", b"all", b"u&")
#: Words by which a query can change them.
_CALLS: Final = (b"set_config", b"pg_settings", b'u&"')
#: Tags of statements that may change them whatever their text.
_CODE: Final = frozenset((b"DO", b"CALL", b"DISCARD ALL", b"DISCARD TEMP"))
_SCHEMAS: Final = frozenset((b"CREATE SCHEMA", b"ALTER SCHEMA", b"DROP SCHEMA"))
#: Tags of statements by which roles may come to see other schemas, or have other names.
_RIGHTS: Final = frozenset((b"GRANT", b"REVOKE"))
_ROLES: Final = frozenset((b"GRANT ROLE", b"REVOKE ROLE"))
_NEVER: Final = -1
_ROLLBACK: Final = b"ROLLBACK"
#: Tags of statements behind which definitions are everybody's, even if another transaction is open.
_ENDS: Final = frozenset((b"COMMIT", b"PREPARE TRANSACTION"))


class SessionSchema:
    """Follows one session.  ``shared`` is the keeper of its database; ``settings`` are those that
    its statements are planned by."""

    def __init__(
        self, shared: SchemaKeeper, settings: EncryptionSettings, numbers: Iterator[int]
    ) -> None:
        self._shared = shared
        self.settings = settings
        self._numbers = numbers
        self._own: SchemaKeeper | None = None
        # How often others had changed tables when the transaction's last statement came; None
        # before its first one.
        self._changes: int | None = None
        self._is_old = False
        # The effect of the open transaction on what everybody knows.
        self._at_end = keeper.NONE
        self._path: SearchPath | None = None
        self._is_path_moved = False
        # How often the schema had been read when the path was asked for, and is now to be answered:
        # schemas, and rights on them, change past the session, too.
        self._path_reading = self._asked_reading = 0

    def reconfigure(self, shared: SchemaKeeper, settings: EncryptionSettings) -> None:
        """Follow the session by other settings; ``shared`` is the keeper that goes with them."""
        self._shared, self.settings = shared, settings
        self._changes = None
        if self._own is not None:
            self._own = SchemaKeeper(settings, self._numbers, True)
        # It tells of temporary tables that have a protected name.
        self._path = None

    @property
    def keeper(self) -> SchemaKeeper:
        """The keeper that this session's statements are planned by."""
        return self._own or self._shared

    def is_due(self, now: float, in_transaction: bool) -> bool:
        """Tell whether the question should be asked now, on this session's connection, for the
        keeper that `keeper` then is."""
        if not in_transaction:
            if self._own is not None or self._at_end or self._is_path_moved:
                self._end()
            self._changes, self._is_old = None, False
            return self.keeper.is_due(now)
        changes = self._shared.changes
        if self._changes is not None and changes != self._changes:
            self._is_old = True
            if self._own is not None:
                self._own.told(keeper.STALE)
        self._changes = changes
        if self._own is None:
            if self._shared.protection(now) is not None:
                return False
            self._own = self._shared.forked()
        return self.keeper.is_due(now)

    def certain(self, now: float, in_transaction: bool) -> Protection | None:
        """Return the protected columns that this session's statements are planned by; None if they
        are not known, or a question is due."""
        if in_transaction or self._own is not None or self._at_end or self._is_path_moved:
            # First: it decides whose keeper counts.
            is_due = self.is_due(now, in_transaction)
            return None if is_due else self.keeper.protection(now)
        # As `is_due` does; nearly every statement comes here.
        self._changes, self._is_old = None, False
        return self._shared.certain(now)

    def strange(self, names: Sequence[str]) -> Sequence[str]:
        """See `SchemaKeeper.strange`."""
        own = self._own
        if own is None:
            return self._shared.strange(names)
        if own.forgets != self._shared.forgets:
            # Other sessions have changed tables; of which names is not known here.
            own.forget((UNREAD,))
            own.forgets = self._shared.forgets
        return own.strange(names)

    def forget(self, names: Sequence[str]) -> None:
        """See `SchemaKeeper.forget`."""
        self._shared.forget(names)
        if self._own is not None:
            self._own.forget(names)

    def apart(self) -> SchemaKeeper:
        """Return the keeper for what is read inside the open transaction, which is for this session
        alone."""
        if self._own is None:
            self._own = self._shared.forked()
        return self._own

    @property
    def may_be_old(self) -> bool:
        """Tell whether others have changed tables since the transaction began, as it may not see
        them."""
        return self._is_old

    @property
    def path(self) -> SearchPath:
        """The search path, as far as it is known while `is_path_due`."""
        return self._path or _UNKNOWN

    @property
    def is_path_due(self) -> bool:
        """Tell whether the path should be asked for, before a bare name is resolved."""
        return self._path is None or self._path_reading != self._shared.readings

    def doubt_path(self) -> bool:
        """Have the path asked for again before a definition, for any function may have made a
        temporary table.  Where nobody can be asked, the path that is known counts, with that doubt;
        return False if none is."""
        if self._path is None:
            return False
        self._path = self._path.doubted()
        self._path_reading = _NEVER
        return True

    def path_question(self, protection: Protection) -> bytes:
        """The text to ask for the path."""
        self._asked_reading = self._shared.readings
        return path_question(protection.names)

    def path_answered(self, cells: Sequence[bytes]) -> None:
        """Take in the answer.  Raises SchemaError."""
        found = catalog.read_path(cells)
        if found != self._path:
            self._path = found
        self._path_reading = self._asked_reading

    def path_reported(self) -> None:
        """Note that the database reports another search_path, as PostgreSQL 18 does."""
        self._path = None

    def completed(self, tag: bytes, text: bytes, is_named: bool, in_transaction: bool) -> None:
        """Take in a statement that the database has completed.

        ``text`` is what the client sent, ``is_named`` as for `keeper.effect`; ``in_transaction``: a
        transaction is open now, be it another one than the statement was in.
        """
        lowered = text.lower()
        if _moves_path(tag, lowered, is_named):
            self._path = None
            self._is_path_moved = True
        what = keeper.effect(tag, is_named)
        if _opens_schemas(tag, lowered) or is_named and _keeps_rows(tag, lowered):
            what = keeper.STALE
        if tag == _ROLLBACK:
            # To a savepoint, where the transaction goes on.
            self._path = None if self._is_path_moved else self._path
            what = keeper.STALE if self._own is not None else what
        if what and (in_transaction or self._own is not None):
            self._at_end = keeper.severest(what, self._at_end)
        # It may have been completed before the transaction that is open now has begun.
        self._tell_all(what)
        if self._own is not None:
            self._own.told(what)
        elif what in (keeper.CODE, keeper.STALE) and in_transaction:
            self._own = self._shared.forked()
        if not in_transaction or tag in _ENDS:
            self._end()

    def failed(self, sqlstate: bytes, in_transaction: bool) -> None:
        """Take in an error of the database."""
        self.keeper.told(keeper.effect_of_error(sqlstate))
        if not in_transaction:
            self._end()

    def settled(self) -> None:
        """Note that no transaction is open."""
        self._end()

    def lost(self) -> None:
        """Note that the connection is gone, and nobody knows what its last statement did."""
        self._shared.told(keeper.STALE)

    def _end(self) -> None:
        """A transaction has ended: everybody sees what it has changed, or nobody."""
        self._own = None
        self._tell_all(self._at_end)
        self._at_end = keeper.NONE
        if self._is_path_moved:
            # It may have been rolled back, or have been local.
            self._is_path_moved = False
            self._path = None

    def _tell_all(self, what: str) -> None:
        """Tell everybody of an effect of this session's own."""
        before = self._shared.changes
        self._shared.told(what)
        if self._changes == before:
            self._changes = self._shared.changes


def _moves_path(tag: bytes, text: bytes, is_named: bool) -> bool:
    """Tell whether bare names may mean other relations after a statement.  ``text`` is in lower
    case."""
    if tag in _CODE or tag in _SCHEMAS:
        return True
    if tag in (b"SET", b"RESET"):
        return any(word in text for word in _PATH_WORDS)
    if is_named and (keeper.defines(tag) or b"temp" in text):
        return True
    return any(word in text for word in _CALLS)


def _keeps_rows(tag: bytes, text: bytes) -> bool:
    """Tell whether a statement may have made a materialized view, which its tag does not say: it is
    that of a query.  ``text`` is in lower case."""
    place = text.find(b"materialized")
    return place >= 0 and text.find(b"view", place) >= 0 and not keeper.defines(tag)


def _opens_schemas(tag: bytes, text: bytes) -> bool:
    """Tell whether roles may see other schemas behind a statement.  ``text`` is in lower case."""
    if tag in _ROLES or (tag in _RIGHTS and b"schema" in text):
        return True
    return tag == b"ALTER ROLE" and (b"superuser" in text or b"rename" in text)
