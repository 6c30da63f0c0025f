"""Results that are read through cursors.

FETCH says nothing of the columns that it shows.  They mean what they meant to the statement that
the cursor was declared for, or that the protocol bound to a portal: a table may be one that was
made past this server, and the database names no table for the column of a UNION.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from acra_twisted.encryption import refusals
from acra_twisted.encryption.plan import Refusal, StatementPlan
from acra_twisted.encryption.postgresql import planner
from acra_twisted.encryption.postgresql.cursorcommands import (
    CLOSE,
    FETCH,
    CursorCommand,
    may_command,
)
from acra_twisted.encryption.postgresql.planner import Planner
from acra_twisted.encryption.refusals import StatementRefusedError
from acra_twisted.exchange import Exchange
from acra_twisted.pipeline.workers import Workers, uncollected
from acra_twisted.sql.languages import Mode
from acra_twisted.stages.columnmeanings import Meaning, Snapshot
from acra_twisted.stages.columnverdicts import hidden, is_hidden
from acra_twisted.stages.opencursors import NAME_SIZE, Results
from acra_twisted.stages.sessionknown import Known
from acra_twisted.stages.statementwatch import NOT_APART

#: The commands of a text, one for each of its statements.
Commands = Sequence[CursorCommand | None]

_UNKNOWN: Final = Refusal(
    refusals.EXPRESSION,
    "",
    "the statement may read a cursor that shows columns which AcraServer protects, and it is not "
    "known which one",
    "send FETCH alone, and name cursors and portals in ASCII",
)
_AWAITED: Final = Refusal(
    refusals.EXPRESSION,
    "",
    "a FETCH that was bound before would read columns which AcraServer protects by this name",
    "close the portal of FETCH, or use another name",
)


def concerns(text: bytes, plans: Sequence[StatementPlan] | None, known: Known) -> bool:
    """Tell whether a text may read or change a cursor that shows protected columns."""
    if not known.cursors.are_known and not any(plan.declares for plan in plans or ()):
        return False
    return may_command(text)


def commands(text: bytes, mode: Mode, snapshot: Snapshot, workers: Workers) -> Any:
    """Return the Commands of a text, None if it cannot be read, or a Deferred of them."""
    if len(text) <= planner.LONG:
        return _read(snapshot.planner, text, mode)
    return workers.run(uncollected, _read, snapshot.planner, text, mode)


def _read(planner: Planner, text: bytes, mode: Mode) -> Commands | None:
    try:
        return planner.commands(text, mode)
    except StatementRefusedError:
        return None


class Request(NamedTuple):
    """A text with its plans, None if it names nothing protected; ``mode`` is how it is read.
    ``portal`` is the name of the portal that runs it, empty for a simple query; None if it is only
    prepared.  ``by_portal``: it is bound, and not run before it is executed."""

    plans: Sequence[StatementPlan] | None
    mode: Mode
    exchange: Exchange
    portal: bytes | None = b""
    by_portal: bool = False


class Followed(NamedTuple):
    """The effect of a text's commands: ``meanings`` are those of its results, ``shown`` are the
    columns that the last FETCH shows, None if none is protected."""

    meanings: Sequence[Meaning]
    shown: Results | None


def follow(
    request: Request, found: Commands | None, known: Known, snapshot: Snapshot
) -> Followed | Refusal:
    """Take in the commands of a request; return the refusal if it must not be sent."""
    if found is None:
        return _UNKNOWN
    plans, exchange = request.plans, request.exchange
    cursors = known.cursors
    meanings = [snapshot.meaning] * len(found) if plans is None else snapshot.meanings_of(plans)
    shown: Results | None = None
    known.follow(exchange.session)
    for at, command in enumerate(found):
        if command is None:
            continue
        name = None if command.name is None else command.name.encode()
        if name is not None and command.kind == FETCH:
            try:
                shown = cursors.results(name)
            except KeyError:
                return _UNKNOWN
            client, readers = exchange.session.identity.client_id, snapshot.protection.readers
            refusal = hidden(shown, client, readers)
            if refusal is not None:
                return refusal
            meanings[at] = snapshot.meaning_of(shown)
            continue
        if request.portal is None:
            continue
        if request.by_portal and exchange.watch is None:
            exchange.watch = NOT_APART
        if name is None or command.kind == CLOSE:
            cursors.closed(name, exchange, request.by_portal)
        else:
            results = None if plans is None else plans[at].declares
            refusal = _opened(name, results, request, known, snapshot, command)
            if refusal is not None:
                return refusal
    return Followed(meanings, shown)


def described(known: Known, name: bytes) -> Sequence[Meaning] | None:
    """Return the meanings of what the protocol describes by the name of a cursor of SQL; None if
    it is not known to show protected columns."""
    snapshot = known.snapshot
    if snapshot is None:
        return None
    try:
        shown = known.cursors.results(name)
    except KeyError:
        return None
    return None if shown is None else [snapshot.meaning_of(shown)]


def bound(
    request: Request, shown: Results | None, known: Known, snapshot: Snapshot
) -> Refusal | None:
    """Note the portal of a request, which has a name and shows these columns; return the refusal if
    it must not be bound."""
    exchange = request.exchange
    client, readers = exchange.session.identity.client_id, snapshot.protection.readers
    if exchange.watch is None and is_hidden(shown, client, readers):
        exchange.watch = NOT_APART
    return _opened(request.portal or b"", shown, request, known, snapshot)


def _opened(
    name: bytes,
    results: Results | None,
    request: Request,
    known: Known,
    snapshot: Snapshot,
    command: CursorCommand | None = None,
) -> Refusal | None:
    """Note a cursor with these results, which a command declares, or binding a portal makes.  A
    FETCH that a portal is about to run must not read it: its own rows have another meaning by
    then."""
    if results is not None and not any(one.setting for one in results):
        results = None
    session = request.exchange.session
    if results is not None:
        cut = name[:NAME_SIZE]
        for statement in session.prepared.executable(request.portal or b""):
            if not may_command(statement.text):
                continue
            if len(statement.text) > planner.LONG:
                # Everybody would wait while it is read.
                return _AWAITED
            found = _read(snapshot.planner, statement.text, request.mode)
            if found is None or any(_may_read(command, cut) for command in found):
                return _AWAITED
    if results is not None or known.cursors.are_known:
        is_held = command is not None and command.is_held
        by_portal = command is not None and request.by_portal
        known.cursors.opened(name, results, request.exchange, is_held, by_portal)
        known.follow(session)
    return None


def _may_read(command: CursorCommand | None, name: bytes) -> bool:
    """Tell whether a command may read the cursor of a name that is cut.  A client may have written
    the same name in another encoding."""
    if command is None or command.kind != FETCH or command.name is None:
        return False
    read = command.name.encode()[:NAME_SIZE]
    return read == name or not (read.isascii() or name.isascii())
