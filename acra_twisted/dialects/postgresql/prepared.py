"""Prepared statements and portals of one session, and what is known of their columns.

An entry is provisional from Parse on and holds once ParseComplete has come, so that a pipelined
Bind finds it and an error leaves nothing behind.  Behind the Sync of its batch it is doubted until
then if another one may have its name: should its Parse fail, a Bind means that one.

Names are the client's, and SQL can give them to other things: ``DEALLOCATE s; PREPARE s AS ...``,
``CLOSE p; DECLARE p CURSOR ...``, or code of ``DO``.  Requests are read before it is known what
those before them did.  So what was described holds for an *era*: columns count when the first row
comes, if nothing has happened since that may have given the name away.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

from acra_twisted.dialects.postgresql.values import VALUES
from acra_twisted.errors import WireError
from acra_twisted.exchange import Parameters, Statement
from acra_twisted.results import UNKNOWN_FORMAT, Columns
from acra_twisted.wire.postgres import frontend

_DEALLOCATE: Final = re.compile(
    rb'\s*deallocate\s+(?:prepare\s+)?("(?:[^"]|"")+"|[a-z_][\w$]*)\s*+(?:;\s*+)?', re.I
)


#: What a prepared statement yields stays what it was described as ("cached plan must not change
#: result type"), but not where it only runs something else that has a name: FETCH, EXECUTE, CALL.
#: Comments in comments are not read.
_FIXED: Final = re.compile(
    rb"(?:[\s(]++|--[^\n\r]*+[\n\r]|/\*(?:[^*/]++|\*(?!/)|/(?!\*)|(?!))*+\*/|(?!))*+"
    rb"(?:select|with|insert|update|delete|merge|values|table)\b",
    re.I,
)
#: Tags of commands that may give the names of statements, and of portals, to others.
_STATEMENT_NAMES: Final = (b"PREPARE", b"DEALLOCATE", b"DISCARD", b"DO", b"CALL")
_PORTAL_NAMES: Final = (b"DECLARE", b"CLOSE", b"DO", b"CALL")
#: Bytes of a name that count for PostgreSQL.
_NAME_SIZE: Final = 63
#: In place of the number of the batch in which a Describe was sent.
_ANSWERED: Final = -1
#: Commands to be told of: see `Prepared.command_complete`.
RENAMING: Final = (b"PREPARE", b"DEALLOCATE", b"DISCARD", *_PORTAL_NAMES)


class Portal:
    """A bound statement; ``results`` are the result formats of its Bind, as on the wire.

    ``columns``: what a Describe of this very portal said; ``is_described``: the number of the batch
    in which one has been sent last.  ``era``, ``statement_era`` and ``executions`` tell when it was
    bound; ``told`` counts executions up to when its columns were told, and its own since then.
    ``meanings`` are those that its statement had at the Bind: they hold whatever the statement is
    bound to later.  ``origin`` is the trace context that its first execution goes on with, until it
    is executed; ``changes`` what an execution sets (see `contextsettings`).  ``watch`` is that of
    its Bind's exchange: an IWatch of a stage that follows its executions, or None.  ``before`` had
    its name, if it has one, until the database has bound it in the same transaction.
    """

    __slots__ = (
        "name",
        "before",
        "watch",
        "statement",
        "meanings",
        "results",
        "columns",
        "is_described",
        "era",
        "statement_era",
        "executions",
        "told",
        "origin",
        "changes",
    )

    def __init__(
        self, name: bytes = b"", statement: Statement | None = None, results: bytes = b"\0\0"
    ) -> None:
        self.name = name
        self.statement = statement
        self.meanings: Sequence[Any] | None = None if statement is None else statement.meanings
        self.results = results
        self.columns: Columns | None = None
        self.is_described = 0
        self.era = -1
        self.statement_era = -1
        self.executions = self.told = -1
        self.origin: Any = None
        self.changes: Any = None
        self.watch: Any = None
        self.before: Portal | None = None

    def become(self, other: Portal) -> None:
        """Stand for another one, which the name means."""
        self.statement, self.meanings, self.results = other.statement, other.meanings, other.results
        self.columns, self.is_described = other.columns, other.is_described
        self.era, self.statement_era = other.era, other.statement_era
        self.executions, self.watch, self.before = other.executions, other.watch, other.before
        self.told = other.told


class Prepared:
    """``limit`` bounds statements and portals together; see `full`."""

    __slots__ = (
        "limit",
        "_confirmed",
        "_pending",
        "unsynced",
        "batch",
        "_portals",
        "_statement_era",
        "_portal_era",
        "_executions",
    )

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._confirmed: dict[bytes, Statement] = {}
        # By name, in the order in which they were sent.
        self._pending: dict[bytes, list[Statement]] = {}
        #: Names of those that no Sync has been sent behind.
        self.unsynced: set[bytes] = set()
        #: The number of the batch at hand, which a Sync ends: an error skips the rest of it.
        self.batch = 1
        self._portals: dict[bytes, Portal] = {}
        self._statement_era = 0
        self._portal_era = 0
        self._executions = 0

    @property
    def full(self) -> bool:
        """True if no further name may be taken."""
        return len(self._confirmed) + len(self._pending) + len(self._portals) >= self.limit

    def names(self) -> set[bytes]:
        """Names of confirmed statements, as pg_prepared_statements lists them."""
        return {name for name in self._confirmed if name}

    def parse_sent(self, statement: Statement) -> None:
        """A Parse goes to the database."""
        name = _key(statement)
        self._pending.setdefault(name, []).append(statement)
        self.unsynced.add(name)
        statement.types_era = statement.name_era = self._statement_era

    def sync_sent(self) -> None:
        """A Sync ends a batch: what comes behind it is done, also if a Parse before it fails."""
        self.batch += 1
        for name in self.unsynced:
            last = self._pending[name][-1]
            if self.may_be_another(last):
                last.types_era = last.name_era = -1
        self.unsynced.clear()

    def may_be_another(self, statement: Statement) -> bool:
        """Return True if another statement may have the name of one whose Parse has been sent,
        should that fail."""
        name = _key(statement)
        if name in self._confirmed or len(self._pending[name]) > 1:
            return True
        return bool(name) and self._statement_era > 0

    def parse_complete(self, statement: Statement) -> None:
        """The database has prepared it."""
        self._confirmed[_key(statement)] = statement
        statement.types_era = statement.name_era = self._statement_era
        self.forget_pending(statement)

    def forget_pending(self, statement: Statement) -> None:
        """It was never prepared, or no longer is pending."""
        name = _key(statement)
        pending = self._pending.get(name, [])
        if statement in pending:
            pending.remove(statement)
            if not pending:
                del self._pending[name]
                self.unsynced.discard(name)

    def statement(self, name: bytes) -> Statement | None:
        """Return the statement that a Bind or Describe sent now means by ``name``."""
        key = name[:_NAME_SIZE]
        pending = self._pending.get(key)
        return self._confirmed.get(key) if pending is None else pending[-1]

    def bind_sent(self, portal: Portal) -> None:
        """A Bind goes to the database."""
        name = portal.name[:_NAME_SIZE]
        if name:
            portal.before = self._portals.get(name)
        self._portals[name] = portal

    def portal(self, name: bytes) -> Portal:
        """Find what is bound to a name; a portal of its own if nothing is known to be."""
        found = self._portals.get(name[:_NAME_SIZE])
        return Portal(name) if found is None else found

    def executable(self, but: bytes) -> Iterator[Statement]:
        """The statements that portals run, apart from the portal of one name."""
        for name, portal in self._portals.items():
            if name != but[:_NAME_SIZE] and portal.statement is not None:
                yield portal.statement

    def bind_complete(self, portal: Portal) -> None:
        """The database has bound it."""
        portal.before = None
        portal.era = self._portal_era
        portal.statement_era = self._statement_era
        portal.executions = self._executions

    def is_certain(self, portal: Portal, columns: Columns) -> bool:
        """Return True if they were said of this very portal, and nothing has run since it was
        bound."""
        return columns is portal.columns and portal.executions == self._executions

    def execution_ended(self, portal: Portal | None = None) -> None:
        """Something has run: whatever it was, or a portal, which keeps its name meanwhile."""
        if portal is not None and portal.told == self._executions:
            portal.told += 1
        self._executions += 1

    def bind_failed(self, portal: Portal) -> None:
        """It was never bound: what was bound to its name before may still be, and is what was
        executed by it."""
        name, before = portal.name[:_NAME_SIZE], portal.before
        if self._portals.get(name) is portal:
            if before is None:
                del self._portals[name]
            else:
                self._portals[name] = before
        portal.become(Portal() if before is None else before)

    def describe_answered(self, statement: Statement) -> None:
        """The database has answered a Describe of a statement, also if it has no columns."""
        if statement.is_described > 0:
            statement.is_described = _ANSWERED

    def described(self, statement: Statement | None) -> Statement | None:
        """Return the statement that a Describe of ``statement`` is answered for, None if it is not
        known: another one, if the Parse of that has failed."""
        return None if statement is None else self._confirmed.get(_key(statement))

    def statement_described(self, statement: Statement, columns: Columns) -> None:
        """RowDescription of a statement."""
        if statement.era != self._statement_era:
            statement.era = self._statement_era
            statement.columns = columns if _FIXED.match(statement.text) else None
        elif statement.columns is not None:
            statement.columns = columns

    def is_meant(self, statement: Statement | None) -> bool:
        """Return True if the name of a statement is certainly its own: it was prepared, or is in
        this batch, and no command that has ended since may have given the name to another one."""
        if statement is None or statement.name_era != self._statement_era:
            return False
        # The database reads and cuts a name in an encoding that the client may change.
        return statement.prepared_name is None or statement.prepared_name.isascii()

    def confirm(self, names: Collection[bytes], parameters: Parameters) -> None:
        """Take in the names of all statements that the protocol has made, as the database knows
        them now: each is still the one that was prepared last by its name, and all others are gone.
        ``parameters`` are then meant for theirs."""
        for name, statement in self._confirmed.items():
            if name in names:
                statement.name_era = statement.types_era = self._statement_era
            elif name:
                statement.name_era = statement.types_era = -1
        meant = parameters.statement
        parameters.is_meant = self.is_meant(meant)
        parameters.types = self.parameter_types(meant, len(parameters.values))

    def parameters_described(self, statement: Statement, types: list[int]) -> None:
        """The client is told these types of a statement's parameters."""
        statement.parameter_types = types
        statement.types_era = self._statement_era

    def parameter_types(self, statement: Statement | None, count: int) -> Sequence[int] | None:
        """The types of so many values for a statement, 0 where they are open; None if the name may
        have been given to another statement since they were told."""
        if statement is None or statement.types_era != self._statement_era:
            return None
        types = statement.parameter_types
        if types is None or len(types) > count:
            return None
        return [*types, *[0] * (count - len(types))]

    def execution_described(self, portal: Portal, columns: Columns) -> None:
        """RowDescription that we have asked for, of a portal that is executed next."""
        portal.era = self._portal_era
        self.portal_described(portal, columns)

    def portal_described(self, portal: Portal, columns: Columns) -> None:
        """RowDescription of a portal."""
        if portal.era == self._portal_era:
            portal.columns, portal.told = columns, self._executions
            if portal.statement is not None and portal.statement_era == self._statement_era:
                self.statement_described(portal.statement, columns)

    def is_told(self, portal: Portal) -> bool:
        """Return True if a portal's columns are known, but for what is still to be answered."""
        return portal.told == self._executions and portal.era == self._portal_era

    def will_be_described(self, portal: Portal) -> bool:
        """Return True if the columns of a portal that is executed now are known by then, whatever
        is still to be answered."""
        if portal.is_described == self.batch:
            return True
        statement = portal.statement
        if statement is None or statement.is_described not in (_ANSWERED, self.batch):
            return False
        return statement.era in (-1, self._statement_era) and bool(_FIXED.match(statement.text))

    def columns(self, portal: Portal, count: int) -> Columns:
        """The columns of a portal whose first row has come, with so many of them."""
        formats: list[int] | None = None
        if portal.era == self._portal_era:
            if portal.columns is not None:
                return portal.columns
            formats = _formats(portal.results, count)
            known = self._statement_columns(portal)
            if known is not None and len(known) == count:
                return known.in_formats(formats)
        return unknown(count, formats)

    def _statement_columns(self, portal: Portal) -> Columns | None:
        statement, era = portal.statement, self._statement_era
        if statement is None or statement.era != era or portal.statement_era != era:
            return None
        return statement.columns

    def close_complete(self, kind: bytes, name: bytes) -> None:
        """CloseComplete for a statement (``S``) or portal (``P``)."""
        (self._confirmed if kind == b"S" else self._portals).pop(name[:_NAME_SIZE], None)

    def may_have_run(self) -> None:
        """The database may have done something of which no reply is read."""
        self._statement_era += 1
        self._portal_era += 1

    def transaction_ended(self) -> None:
        """Portals live no longer than their transaction.  Those that the database has not bound yet
        belong to the next one."""
        self._portal_era += 1
        if self._portals:
            self._portals = {
                name: portal for name, portal in self._portals.items() if portal.era < 0
            }
            for portal in self._portals.values():
                last = portal
                while last.before is not None and last.before.era < 0:
                    last = last.before
                last.before = None

    def command_complete(self, tag: bytes, statement: Statement | None) -> None:
        """A command that may drop names, or give them to others, by its tag."""
        if tag == b"DEALLOCATE" and statement is not None and self._deallocated(statement.text):
            return
        if tag.startswith(_STATEMENT_NAMES):
            self._statement_era += 1
        if tag.startswith(_PORTAL_NAMES):
            self._portal_era += 1
        if tag in (b"DEALLOCATE ALL", b"DISCARD ALL"):
            self._confirmed.clear()

    def _deallocated(self, text: bytes) -> bool:
        """Drop the statement that a text deallocates.  Return False if that may be another one."""
        match = _DEALLOCATE.fullmatch(text)
        if match is None:
            return False
        name = _identifier(match[1])
        self._confirmed.pop(name[:_NAME_SIZE], None)
        return len(name) < _NAME_SIZE


def _key(statement: Statement) -> bytes:
    return (statement.prepared_name or b"")[:_NAME_SIZE]


def unknown(count: int, formats: list[int] | None = None) -> Columns:
    """So many columns of which nothing is known, or only their formats."""
    nothing = [0] * count
    formats = formats or [UNKNOWN_FORMAT] * count
    return Columns([b""] * count, nothing, nothing, formats, values=VALUES)


def _formats(results: bytes, count: int) -> list[int]:
    try:
        return frontend.decode_formats(results, count)
    except WireError:
        # Formats for another number of columns: the database would have refused this Bind.
        return [UNKNOWN_FORMAT] * count


def _identifier(text: bytes) -> bytes:
    if text.startswith(b'"'):
        return text[1:-1].replace(b'""', b'"')
    return text.lower()
