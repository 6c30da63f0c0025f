"""Questions to a session's database about the protected columns, asked on the session's own
connection where a statement cannot be decided without the answers."""

from __future__ import annotations

from collections.abc import Sequence

from acra_twisted.encryption.postgresql.catalog import Lookup, read_lookup
from acra_twisted.encryption.postgresql.keeper import SchemaKeeper
from acra_twisted.encryption.postgresql.namechanges import NOTHING, Wanted
from acra_twisted.encryption.postgresql.protection import Protection
from acra_twisted.encryption.postgresql.question import (
    CURRENT,
    isolation_question,
    lookup_question,
)
from acra_twisted.encryption.postgresql.schema import SchemaError
from acra_twisted.encryption.postgresql.targets import UNREAD
from acra_twisted.errors import QuestionError
from acra_twisted.session import Session
from acra_twisted.stages.columnmeanings import Snapshot
from acra_twisted.stages.sessioncolumns import SessionColumns, in_transaction
from acra_twisted.stages.sessionknown import Known


async def learn(
    columns: SessionColumns, session: Session, known: Known, wanted: Wanted = NOTHING
) -> Snapshot:
    """Ask for the facts that are not certain, also of names that a text needs, and return the
    protected columns.  Raises QuestionError, SchemaError."""
    if wanted.is_fresh:
        known.schema.forget(wanted.names)
        known.schema.doubt_path()
    if known.open or session.in_flight:
        # What was sent before must be answered first: it may also begin a transaction.
        await session.ask(b"SELECT")
        if known.open:
            raise QuestionError("a statement before it may have changed the tables")
    now = columns.seconds()
    is_due = known.schema.is_due(now, in_transaction(session, known))
    keeper = known.schema.keeper
    protection = keeper.protection(now)
    if is_due or protection is None:
        if known.schema.may_be_old:
            await _check_isolation(session)
        protection = await _read(columns, session, keeper, protection)
    if known.schema.strange(wanted.names):
        protection = await _look_up(columns, session, known, protection, wanted)
        keeper = known.schema.keeper
    if known.schema.is_path_due:
        await _ask_path(session, known, protection)
        if wanted.is_fresh and session.runs_before():
            known.schema.doubt_path()
    return columns.of(keeper, protection)


async def _ask_path(session: Session, known: Known, protection: Protection) -> None:
    """Ask where the session looks bare names up; what was known counts if nobody can be asked."""
    try:
        answer = await session.ask(known.schema.path_question(protection))
    except QuestionError:
        if not known.schema.doubt_path():
            raise
        return
    known.schema.path_answered(_cells(answer))


async def look_up(
    columns: SessionColumns,
    session: Session,
    known: Known,
    snapshot: Snapshot,
    wanted: Wanted,
) -> Snapshot:
    """Return the protected columns, when it is known what the names are that a text needs.
    ``snapshot`` is all that is known, and counts where nobody can ask.  Raises SchemaError."""
    try:
        return await learn(columns, session, known, wanted)
    except QuestionError:
        # A batch has begun, or the transaction has failed.
        return snapshot


async def _look_up(
    columns: SessionColumns,
    session: Session,
    known: Known,
    protection: Protection,
    wanted: Wanted,
) -> Protection:
    """The protected columns, when it is known what some names mean."""
    is_apart = in_transaction(session, known)
    keeper = known.schema.apart() if is_apart else known.schema.keeper
    strange = keeper.strange(wanted.names)
    named = [one for one in strange if one != UNREAD]
    told = Lookup()
    if named:
        try:
            told = read_lookup(_cells(await session.ask(lookup_question(named))))
        except QuestionError:
            # A batch has begun, or the transaction has failed: what is known counts.
            return protection
    found = told.found
    missing = [one for one in keeper.strange(wanted.targets) if one not in found]
    if is_apart and (missing or not told.made.isdisjoint(wanted.targets)):
        # It may have been made since the transaction began, or what it shows.
        await _check_isolation(session)
    if len(named) < len(strange) or not all(found.values()):
        protection = await _read(columns, session, keeper, protection, is_needed=True)
    for name in wanted.targets:
        if not protection.names.isdisjoint(told.behind.get(name, ())):
            raise SchemaError(
                "a statement writes to something temporary that shows or inherits protected columns"
            )
    keeper.looked_up(name for name in found if name not in told.behind)
    if (wanted.is_several or session.runs_before()) and UNREAD not in strange:
        if not set(missing).issubset(wanted.words):
            raise SchemaError(
                "a statement writes to one that is not there before the text or the batch; send "
                "the statements one by one"
            )
    return protection


async def _check_isolation(session: Session) -> None:
    """Raise SchemaError if the transaction sees tables as they were when it began: the database
    runs its statements by the tables as they are."""
    if _cells(await session.ask(isolation_question())) not in ([one] for one in CURRENT):
        raise SchemaError(
            "they have changed since the transaction began, which cannot see that; end it, and "
            "begin another"
        )


async def _read(
    columns: SessionColumns,
    session: Session,
    keeper: SchemaKeeper,
    before: Protection | None,
    is_needed: bool = False,
) -> Protection:
    """The protected columns as they are now, or as they were known, ``before``, if that still holds
    and nobody can be asked.  ``is_needed``: it does not hold."""
    asked = keeper.asked(columns.seconds())
    look = keeper.look
    try:
        found = None
        if look is not None:
            found = keeper.looked(asked, _cells(await session.ask(look)))
        if found is None:
            found = keeper.answered(asked, _cells(await session.ask(keeper.question)))
    except QuestionError:
        keeper.failed(asked)
        known = keeper.protection(columns.seconds())
        if is_needed:
            raise SchemaError(
                "what a statement writes to is new, and cannot be looked up"
            ) from None
        if before is None or known is None:
            raise
        found = known
    if found is not before:
        columns.found(session, keeper, found)
    return found


def _cells(rows: Sequence[Sequence[bytes | None]]) -> list[bytes]:
    """The only cell of each row.  Raises SchemaError."""
    found = []
    for row in rows:
        if len(row) != 1 or row[0] is None:
            raise SchemaError("the database's answer about its schema is not understood")
        found.append(row[0])
    return found
