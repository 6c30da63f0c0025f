"""The protected columns of a MySQL server as its sessions see them, kept until they may be
others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Final

from zope.interface import implementer

from acra_twisted.encryption.mysql.findings import findings
from acra_twisted.encryption.mysql.keeper import Asked, SchemaKeeper
from acra_twisted.encryption.mysql.lookup import lookup_question, read_lookup
from acra_twisted.encryption.mysql.plan import Plan
from acra_twisted.encryption.mysql.protection import Protection
from acra_twisted.encryption.mysql.question import SchemaError, database_question, read_database
from acra_twisted.encryption.mysql.targets import Target
from acra_twisted.encryption.settings import EncryptionSettings
from acra_twisted.errors import QuestionError
from acra_twisted.exchange import Exchange
from acra_twisted.interfaces import IWatch
from acra_twisted.session import Session
from acra_twisted.stages.columnfindings import ColumnFindings
from acra_twisted.stages.mysqlbindings import ReadBy
from acra_twisted.stages.mysqlmeanings import MysqlSnapshot
from acra_twisted.stages.mysqlmodes import DATABASE, RIGHTS, ROLE, TABLES, database_of, is_moving
from acra_twisted.stages.mysqlprepared import SqlPrepared
from acra_twisted.stages.mysqltemporary import TemporaryTables, may_end

#: Users whose view of the schema is kept.
_USERS: Final = 64
#: Asks nothing: what was sent before has been answered when its answer comes.
_NOTHING: Final = b"DO 0"


class MysqlKnown:
    """Facts about one session.  ``open`` is the number of its statements that are watched and not
    answered; ``is_moved``: its database may be another than the one that it was known to have;
    ``snapshot`` is the one that its last statement was decided by.  ``keeper`` is the session's
    own if its role may be another than those of its user's other sessions; ``kept`` is the number
    of the session's resets, and the state of all tables, that it is for.  ``prepared`` are its
    statements by SQL's PREPARE, and ``temporary`` the tables that it alone has, None if it has
    none."""

    __slots__ = ("open", "is_moved", "snapshot", "keeper", "kept", "prepared", "temporary")

    def __init__(self) -> None:
        self.prepared: SqlPrepared | None = None
        self.temporary: TemporaryTables | None = None
        self.keeper: SchemaKeeper | None = None
        self.kept = (0, 0)
        self.open = 0
        self.is_moved = False
        self.snapshot: MysqlSnapshot | None = None

    def keep_prepared(self, session: Session, text: bytes, read: ReadBy) -> None:
        """Take in a text that prepares a statement by SQL."""
        if self.prepared is None or self.prepared.resets != session.resets:
            self.prepared = SqlPrepared(session.resets)
        self.prepared.keep(text, read)

    def sent(self, session: Session, text: bytes, is_prepared: bool) -> None:
        """Take in a text that leaves for the database, and may end such tables."""
        if may_end(text):
            self.temporaries(session).ended(is_prepared)

    def temporaries(self, session: Session) -> TemporaryTables:
        """Return what remembers the tables that the session alone has."""
        if self.temporary is None or self.temporary.resets != session.resets:
            self.temporary = TemporaryTables(session.resets)
        return self.temporary


class MysqlColumns:
    """The protected columns of the server of a daemon's listener, by the users of its sessions: a
    server shows each what it may see.  ``seconds`` is a monotonic clock."""

    def __init__(self, settings: EncryptionSettings, seconds: Callable[[], float]) -> None:
        self.settings = settings
        self._seconds = seconds
        self._numbers = count(1)
        self._keepers: dict[bytes, SchemaKeeper] = {}
        self._snapshots: dict[int, MysqlSnapshot] = {}
        self._findings = ColumnFindings(findings)
        self._changes = 0

    def use(self, settings: EncryptionSettings) -> None:
        """Decide by other settings from now on, also in sessions that have begun.  Tables are read
        anew."""
        self.changed()
        if not settings.is_same(self.settings):
            self._keepers.clear()
            self._snapshots.clear()
            self._findings.forget()
        self.settings = settings

    def changed(self) -> None:
        """Note that the schema may be another."""
        self._changes += 1
        for keeper in self._keepers.values():
            keeper.changed()

    def tables_ended(self) -> None:
        """Note that tables may be gone, or have other names: what has these now is asked for."""
        self._changes += 1
        for keeper in self._keepers.values():
            keeper.forget_tables()

    def failed_with(self, session: Session, known: MysqlKnown, number: str) -> None:
        """Note an error that the server has given to a statement."""
        self._keeper(session, known).failed_with(number)

    def is_outdated(self, session: Session, known: MysqlKnown) -> bool:
        """Tell whether it may be asked now if the schema is another, for a statement that does not
        fit it."""
        keeper = self._keeper(session, known)
        keeper.suspect()
        return keeper.is_due(self._seconds())

    def cast(self, session: Session, known: MysqlKnown) -> None:
        """Note that a session's role may be another: it may see other tables and code."""
        known.keeper = SchemaKeeper(self.settings, self._numbers)
        known.kept = (session.resets, self._changes)

    def snapshot(self, session: Session, known: MysqlKnown, due: bool) -> MysqlSnapshot | None:
        """The protected columns as they are now; None if `learn` must be waited for.  ``due``: it
        may be asked now what is not quite certain."""
        if known.open or (known.keeper is not None and is_moving(session)):
            return None
        keeper, now = self._keeper(session, known), self._seconds()
        protection = keeper.protection(now)
        if protection is None or (due and keeper.is_due(now)):
            return None
        return self._of(session, known, protection)

    def watch(
        self,
        known: MysqlKnown,
        exchange: Exchange,
        plan: Plan,
        moves: int,
        done: Callable[[], None] | None = None,
    ) -> None:
        """Follow a request whose text has this plan, if it may change what is known; ``moves`` is
        what it may change of what the session sees, of `mysqlmodes`, and ``done`` is called if it
        succeeds.  Each is followed once, however often its values are judged."""
        renews = plan.renews or bool(moves & RIGHTS)
        if exchange.watch is None and (renews or moves or done or not plan.is_untouched):
            exchange.watch = MysqlWatch(self, known, renews=renews, moves=moves, done=done)

    def is_strange(
        self, session: Session, known: MysqlKnown, targets: Sequence[Target], database: str | None
    ) -> bool:
        """Tell whether some of the tables and routines that a text gives values to may have been
        made since the schema was read; ``database`` is that of names without one, None if it is
        not known."""
        if database is None:
            return True
        return bool(self._strange(session, known, targets, database))

    def _strange(
        self, session: Session, known: MysqlKnown, targets: Sequence[Target], database: str
    ) -> Sequence[Target]:
        own, snapshot = known.temporary, known.snapshot
        if own is not None and own.resets == session.resets and snapshot is not None:
            if not snapshot.may_end_temporary:
                targets = own.others(targets, database)
        return self._keeper(session, known).strange(targets, database)

    async def learn(
        self, session: Session, known: MysqlKnown, targets: Sequence[Target] = ()
    ) -> MysqlSnapshot:
        """Ask for what is not certain of a session, and of tables and routines that a text gives
        values to, and return the protected columns.  Raises QuestionError, SchemaError."""
        if known.open or session.in_flight or is_moving(session):
            await session.ask(_NOTHING)
            if known.open:
                raise QuestionError("a statement before it may have changed the tables")
        keeper, now = self._keeper(session, known), self._seconds()
        protection = keeper.protection(now)
        if protection is None or keeper.is_due(now):
            protection = await self._read(session, keeper, protection)
        if known.is_moved:
            session.database = read_database(await session.ask(database_question()))
            known.is_moved = False
        strange = self._strange(session, known, targets, database_of(session) or "")
        if strange:
            protection = await self._look_up(session, keeper, protection, strange)
        return self._of(session, known, protection)

    async def _look_up(
        self,
        session: Session,
        keeper: SchemaKeeper,
        protection: Protection,
        strange: Sequence[Target],
    ) -> Protection:
        """The protected columns, when it is known what some tables and routines are."""
        named = [one for one in strange if one.database]
        if named:
            keeper.told(read_lookup(await session.ask(lookup_question(named))))
        if len(named) < len(strange) or keeper.protection(self._seconds()) is None:
            return await self._read(session, keeper, None)
        return protection

    async def _read(
        self, session: Session, keeper: SchemaKeeper, before: Protection | None
    ) -> Protection:
        asked = keeper.asked(self._seconds())
        try:
            held = await self._look(session, keeper, asked)
            if held is not None:
                return held
            found = keeper.answered(asked, await session.ask(keeper.question))
        except (QuestionError, SchemaError):
            if before is None:
                raise
            return before
        if found is not before and self._keepers.get(session.user) is keeper:
            self._findings.tell(session.user, found, "user")
        return found

    async def _look(
        self, session: Session, keeper: SchemaKeeper, asked: Asked
    ) -> Protection | None:
        """The protected columns, if they are what they were; None if the question is to be
        asked."""
        look = keeper.look
        if look is None:
            return None
        try:
            return keeper.looked(asked, await session.ask(look))
        except QuestionError:
            # Some servers have no such counts.
            return None

    def _keeper(self, session: Session, known: MysqlKnown) -> SchemaKeeper:
        if known.keeper is not None and known.kept[0] != session.resets:
            # The role is the one that the user begins with.
            known.keeper = None
        if known.keeper is not None:
            if known.kept[1] != self._changes:
                self.cast(session, known)
            return known.keeper
        keeper = self._keepers.get(session.user)
        if keeper is None:
            if len(self._keepers) >= _USERS:
                self._keepers.clear()
                self._snapshots.clear()
            keeper = self._keepers[session.user] = SchemaKeeper(self.settings, self._numbers)
        return keeper

    def _of(self, session: Session, known: MysqlKnown, protection: Protection) -> MysqlSnapshot:
        """The snapshot of a reading of a schema, the same for the same reading."""
        found = known.snapshot
        if found is not None and found.protection is protection:
            return found
        number = protection.schema.number
        found = self._snapshots.get(number)
        if found is None or found.protection is not protection:
            if len(self._snapshots) >= _USERS:
                self._snapshots.clear()
            found = self._snapshots[number] = MysqlSnapshot(protection, self.changed)
        known.snapshot = found
        return found


@implementer(IWatch)
class MysqlWatch:
    """Follows a statement that may change tables (``renews``) or what the session sees
    (``moves``), or whose errors may tell that tables have changed.  ``done`` is called if it
    succeeds."""

    def __init__(
        self,
        columns: MysqlColumns,
        known: MysqlKnown,
        *,
        renews: bool = False,
        moves: int = 0,
        done: Callable[[], None] | None = None,
    ) -> None:
        self._done = done
        self._columns = columns
        self._known = known
        self._renews = renews
        self._moves = moves
        if renews or moves:
            known.open += 1
        if renews:
            columns.changed()

    def completed(self, tag: bytes) -> None:
        """See IWatch."""

    def executed(self, exchange: Exchange) -> bool:
        """See IWatch."""
        return False

    def ended(self, exchange: Exchange) -> None:
        """See IWatch."""
        if self._renews or self._moves:
            self._known.open -= 1
        if self._renews:
            self._columns.changed()
        if self._moves & DATABASE:
            self._known.is_moved = True
        if self._moves & TABLES:
            self._columns.tables_ended()
        if self._moves & ROLE:
            self._columns.cast(exchange.session, self._known)
        if self._done is not None and exchange.outcome == "ok":
            self._done()
        if exchange.outcome == "error":
            self._columns.failed_with(exchange.session, self._known, exchange.status_code)
