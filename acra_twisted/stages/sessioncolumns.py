"""The protected columns of a session's database, kept for all sessions of the database until they
may be others: see `columnlearning`.

A statement is decided by certain facts alone: one before it that may have changed a table, or the
meaning of a name, has to be answered first.  Every statement passes through here.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Final

from acra_twisted.encryption import refusals
from acra_twisted.encryption.plan import Refusal
from acra_twisted.encryption.postgresql.keeper import DOUBT, SchemaKeeper
from acra_twisted.encryption.postgresql.protection import Protection
from acra_twisted.encryption.postgresql.sessionschema import SessionSchema
from acra_twisted.encryption.settings import EncryptionSettings
from acra_twisted.session import IDLE, Session
from acra_twisted.stages.columnfindings import ColumnFindings
from acra_twisted.stages.columnmeanings import Snapshot
from acra_twisted.stages.sessionknown import Known

#: Schemas whose plans are kept.
_SNAPSHOTS: Final = 16


class SessionColumns:
    """The protected columns of every database that sessions of a daemon are connected to.

    ``seconds`` is a monotonic clock.
    """

    def __init__(self, settings: EncryptionSettings, seconds: Callable[[], float]) -> None:
        self.settings = settings
        self.seconds = seconds
        self._numbers = count(1)
        self._keepers: dict[bytes, SchemaKeeper] = {}
        self._snapshots: dict[int, Snapshot] = {}
        self._findings = ColumnFindings()

    def use(self, settings: EncryptionSettings) -> None:
        """Decide by other settings from now on, also in sessions that have begun.  Tables are read
        anew."""
        if settings.is_same(self.settings):
            for keeper in self._keepers.values():
                keeper.told(DOUBT)
            return
        self.settings = settings
        self._keepers.clear()
        self._snapshots.clear()
        self._findings.forget()

    def begin(self, session: Session) -> Known:
        """Begin to follow a session."""
        schema = SessionSchema(self._keeper(session), self.settings, self._numbers)
        return Known(schema, _unfit(session))

    def _keeper(self, session: Session) -> SchemaKeeper:
        """The keeper of a session's database."""
        keeper = self._keepers.get(session.database)
        if keeper is None:
            keeper = SchemaKeeper(self.settings, self._numbers)
            self._keepers[session.database] = keeper
        return keeper

    def snapshot(self, session: Session, known: Known) -> Snapshot | None:
        """The protected columns as they are now; None if `columnlearning.learn` must be waited
        for."""
        if known.schema.settings is not self.settings:
            known.schema.reconfigure(self._keeper(session), self.settings)
        parameters = session.parameters
        if parameters is not known.reported_by:
            known.reported_by = parameters
            reported = parameters.get(b"search_path")
            if reported != known.reported_path:
                known.reported_path = reported
                known.schema.path_reported()
        if known.open:
            return None
        # First: it follows transactions.
        protection = known.schema.certain(self.seconds(), in_transaction(session, known))
        if protection is None or known.schema.is_path_due:
            return None
        found = known.snapshot
        if found is None or found.protection is not protection:
            found = known.snapshot = self.of(known.schema.keeper, protection)
        return found

    def found(self, session: Session, keeper: SchemaKeeper, protection: Protection) -> None:
        """Tell the operator what is remarkable about tables that have just been read."""
        if self._keepers.get(session.database) is keeper:
            self._findings.tell(session.database, protection)

    def of(self, keeper: SchemaKeeper, protection: Protection) -> Snapshot:
        """Return the snapshot of a reading of a schema, the same for the same reading."""
        number = protection.schema.number
        found = self._snapshots.get(number)
        if found is None or found.protection is not protection:
            if len(self._snapshots) >= _SNAPSHOTS:
                self._snapshots.clear()
            found = self._snapshots[number] = Snapshot(protection, keeper.told)
        return found


def in_transaction(session: Session, known: Known) -> bool:
    """Tell whether a transaction is open, be it that of a batch whose end has not come."""
    return known.is_dirty or session.transaction != IDLE


def _unfit(session: Session) -> Refusal | None:
    """Return the refusal for a database with another encoding: sealed texts, and the names of its
    columns, are taken for UTF-8."""
    if session.parameters.get(b"server_encoding", b"UTF8").upper() == b"UTF8":
        return None
    return Refusal(
        refusals.SCHEMA_UNKNOWN,
        "",
        "AcraServer protects columns of databases in UTF8 alone, and server_encoding is another",
    )
