"""Encrypts the values that statements write to protected columns, makes comparisons with them into
comparisons with what is stored, and gives the columns of results their types.

A statement that is not understood in all that concerns a protected column is refused.  The stage
stands between the censor, which sees the client's own text, and the decryptor, which opens the
containers of the values that this one types.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from zope.interface import classImplements

from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.postgresql import encodings, namechanges, targets
from acra_twisted.encryption.postgresql.namechanges import Wanted
from acra_twisted.encryption.postgresql.planmemory import Planned
from acra_twisted.encryption.postgresql.schema import SchemaError
from acra_twisted.encryption.postgresql.statementwords import is_control
from acra_twisted.encryption.postgresql.unconcerned import GIVING, NOT_CERTAIN
from acra_twisted.encryption.settings import ColumnSetting, EncryptionSettings
from acra_twisted.encryption.statementpattern import LANGUAGE
from acra_twisted.errors import QuestionError
from acra_twisted.exchange import Exchange, Parameters, Statement
from acra_twisted.interfaces import (
    IReloadable,
    IResultStage,
    ISelectiveParameterStage,
    ISelectiveStatementStage,
)
from acra_twisted.pipeline.driver import then
from acra_twisted.pipeline.workers import Workers
from acra_twisted.results import Columns
from acra_twisted.session import Session
from acra_twisted.stages import containers, cursors, sqlprepared
from acra_twisted.stages.cellclosing import CellClosing
from acra_twisted.stages.cellreading import CellReading, OutdatedReading
from acra_twisted.stages.columnbindings import Binding, is_untouched, known_plans, readable
from acra_twisted.stages.columnencoding import Encoder
from acra_twisted.stages.columnlearning import learn, look_up
from acra_twisted.stages.columnmeanings import Meaning, Snapshot
from acra_twisted.stages.columnparameters import ColumnParameters, control
from acra_twisted.stages.columnstage import ColumnStage, NeedTokens, no_tokens
from acra_twisted.stages.columnstatements import ColumnStatements
from acra_twisted.stages.columnverdicts import (
    STAGE,
    guarded,
    outdated,
    settled,
    untold,
    value_refused,
)
from acra_twisted.stages.keymarks import KeyMarks
from acra_twisted.stages.sessioncolumns import SessionColumns
from acra_twisted.stages.sessionknown import Known
from acra_twisted.stages.shortcuts import LONGEST, Shortcut, Shortcuts
from acra_twisted.stages.statementwatch import watch
from acra_twisted.verdicts import PASS, Deny

#: Returns a verdict by what is certain of a session, or a Deferred of one.
_Decide = Callable[[Known, Snapshot], Any]

#: The plan of a statement that controls a transaction.
_CONTROL: Final = "control"


class Encryptor(ColumnStage):
    """See ColumnStage; without ``read`` the settings never change."""

    def __init__(
        self,
        settings: EncryptionSettings,
        keys: Any,
        workers: Workers,
        seconds: Callable[[], float],
        tokenizer: NeedTokens = no_tokens,
        *,
        read: Callable[[], EncryptionSettings] | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._columns = SessionColumns(settings, seconds)
        super().__init__(
            settings,
            self._columns,
            keys,
            workers,
            seconds,
            tokenizer,
            read or (lambda: settings),
            now,
            LANGUAGE,
        )
        encoder = Encoder(self._keys, self._tokens, KeyMarks(keys), workers)
        self._shortcuts = Shortcuts(self._keys, encoder.supply, seconds, STAGE)
        self._statements = ColumnStatements(encoder, workers, self._bypasses)
        self._parameters = ColumnParameters(encoder, workers, self._bypasses)

    def on_statement(self, statement: Statement, exchange: Exchange) -> Any:
        """See IStatementStage."""
        session = exchange.session
        known: Known | None = session.notes.get(STAGE)
        snapshot = self._columns.snapshot(session, known) if known is not None else None
        planned: Planned | None = None
        names = _targets(statement, session, known)
        if known is not None and snapshot is not None:
            if snapshot.protection.apart and _needs_path(known, snapshot, statement.text):
                snapshot = None
        if known is not None and snapshot is not None:
            if names and known.schema.strange(names):
                decide = partial(self._statements.judge, statement, exchange, None)
                wanted = _wanted(statement, names, session, known)
                return self._informed(session, known, snapshot, decide, wanted)
            planned = known_plans(statement, session, known, snapshot)
            if planned is not None and planned.statements is None and planned.quiet:
                if statement.prepared_name is None and not known.cursors.are_known:
                    session.meaning = snapshot.meaning
                    return PASS
        if (planned is None or not planned.quiet) and is_control(statement.text):
            statement.plan = _CONTROL
            if statement.prepared_name is None:
                self._follow(statement, exchange)
            return PASS
        wanted = namechanges.NOTHING
        if planned is None or not planned.quiet:
            wanted = _wanted(statement, names, session, known)
        if known is not None and snapshot is not None and not wanted.is_fresh:
            session.meaning = snapshot.meaning
            # As `guarded` does, by a call that needs no tuple.
            try:
                verdict = self._statements.judge(statement, exchange, planned, known, snapshot)
            except ValueRefusedError as error:
                return value_refused(error)
            if planned is not None and statement.prepared_name is None:
                self._shortcuts.learn(statement, planned, names, snapshot)
            return settled(verdict)
        # What is planned may be another by what is learned.
        decide = partial(self._statements.judge, statement, exchange, None)
        return self._informed(session, known, snapshot, decide, wanted)

    def judges(self, statement: Statement, exchange: Exchange) -> bool:
        """See ISelectiveStatementStage."""
        session = exchange.session
        known: Known | None = session.notes.get(STAGE)
        if known is None or known.cursors.are_known:
            return True
        snapshot = self._columns.snapshot(session, known)
        if snapshot is None:
            return True
        text = statement.text
        beginning: int = snapshot.beginning(text)
        if beginning == NOT_CERTAIN:
            if len(text) > LONGEST:
                return True
            shortcut: Shortcut | None = snapshot.beginnings.find(text)
            if shortcut is None:
                return True
            return not self._shortcuts.go(shortcut, statement, exchange, known, snapshot)
        if beginning >= GIVING:
            names = targets.of_one(text, statement.conforming)
            if names and known.schema.strange(names):
                return True
        session.meaning = snapshot.meaning
        return False

    def on_parameters(self, parameters: Parameters, exchange: Exchange) -> Any:
        """See IParameterStage."""
        statement = parameters.statement
        if statement is not None and statement.plan is _CONTROL:
            follow = partial(self._controlled, statement, exchange)
            return then(control(parameters, exchange), follow)
        decide = partial(self._parameters.judge, parameters, exchange)
        session = exchange.session
        known: Known | None = session.notes.get(STAGE)
        snapshot = self._columns.snapshot(session, known) if known is not None else None
        binding = None if statement is None else statement.plan
        wanted = namechanges.NOTHING
        if known is not None and snapshot is not None and isinstance(binding, Binding):
            if snapshot.protection.apart and _needs_path(known, snapshot, binding.text):
                snapshot = None
        if isinstance(binding, Binding) and binding.is_watched:
            # A definition is read by the database when it is executed.
            backslash = binding.mode.backslash
            conforming = None if backslash is None else not backslash
            text = encodings.readable(binding.text, binding.mode)
            wanted = namechanges.wanted(text, (), conforming)
        return self._informed(session, known, snapshot, decide, wanted)

    def looks_at(self, statement: Statement, session: Session) -> bool:
        """See ISelectiveParameterStage."""
        known: Known | None = session.notes.get(STAGE)
        binding = statement.plan
        if known is None or not isinstance(binding, Binding):
            return True
        snapshot = self._columns.snapshot(session, known)
        if snapshot is None or not is_untouched(binding, known, snapshot):
            return True
        session.meaning = snapshot.meaning
        return False

    def plan_result(self, columns: Columns) -> CellReading | CellClosing | OutdatedReading | None:
        """See IResultStage."""
        meaning: Meaning | None = columns.meaning
        if meaning is None:
            return None
        nothing: list[ColumnSetting | None] = [None] * len(columns)
        settings = nothing if columns.layout else meaning.settings(columns)
        if settings is None:
            return OutdatedReading()
        readers = meaning.protection.readers
        closing = None
        if readers and containers.can_hold(columns):
            closing = CellClosing(columns, settings, readers)
        if not any(settings):
            return closing
        return CellReading(columns, settings, self._keys, self._tokens, self._workers, closing)

    def _controlled(self, statement: Statement, exchange: Exchange, verdict: Any) -> Any:
        if verdict is PASS:
            self._follow(statement, exchange)
        return verdict

    def _follow(self, statement: Statement, exchange: Exchange) -> None:
        """Look at the end of a transaction that may have changed tables."""
        known: Known | None = exchange.session.notes.get(STAGE)
        if known is not None and known.is_dirty:
            watch(known, exchange, statement.text, False)

    def _informed(
        self,
        session: Session,
        known: Known | None,
        snapshot: Snapshot | None,
        decide: _Decide,
        wanted: Wanted,
    ) -> Any:
        """Decide by what is certain of the session's database; ask for it, if it is not, and for
        the names that a text needs."""
        if known is None:
            known = session.notes[STAGE] = self._columns.begin(session)
            session.cursor_meanings = partial(cursors.described, known)
            session.parameters_of_sql = partial(sqlprepared.told, known)
            snapshot = self._columns.snapshot(session, known)
        is_fresh = wanted.is_fresh or bool(known.schema.strange(wanted.targets))
        if snapshot is not None and not is_fresh:
            session.meaning = snapshot.meaning
            return guarded(decide, known, snapshot)
        asking = (
            learn(self._columns, session, known, wanted)
            if snapshot is None
            else look_up(self._columns, session, known, snapshot, wanted)
        )
        learning = Deferred.fromCoroutine(asking)
        return learning.addCallbacks(partial(self._learned, session, known, decide), _unknown)

    def _learned(self, session: Session, known: Known, decide: _Decide, snapshot: Snapshot) -> Any:
        known.snapshot = snapshot
        session.meaning = snapshot.meaning
        return guarded(decide, known, snapshot)


def _targets(statement: Statement, session: Session, known: Known | None) -> Sequence[str]:
    """The names of the tables that a text gives values to: see `targets.of`."""
    names = targets.of(statement.text, statement.conforming)
    for one in names:
        # Nearly none: read anew in the session's encoding.
        if one == targets.UNREAD or not one.isascii():
            return targets.of(readable(statement, session, known), statement.conforming)
    return names


def _wanted(
    statement: Statement, names: Sequence[str], session: Session, known: Known | None
) -> Wanted:
    """The names that have to be looked up for a text: see `namechanges.wanted`."""
    return namechanges.wanted(readable(statement, session, known), names, statement.conforming)


def _needs_path(known: Known, snapshot: Snapshot, text: bytes) -> bool:
    """Have the search path asked for before a text whose names may mean relations that are
    protected differently, if the database does not report it: any function may have set it."""
    if known.reported_path is not None:
        return False
    lowered = text.lower()
    executes = bool(known.prepared) and b"execute" in lowered
    if not executes and b'u&"' not in lowered:
        if not any(name in lowered for name in snapshot.protection.apart):
            return False
    return known.schema.doubt_path()


def _unknown(failure: Failure) -> Deny:
    """The verdict where the database does not tell its tables."""
    failure.trap(QuestionError, SchemaError)
    # Where a batch has begun nobody can ask: a driver that prepares anew begins another.
    return outdated(untold(failure.value))


# Not as a decorator: compiled classes have none.
classImplements(
    Encryptor, ISelectiveStatementStage, ISelectiveParameterStage, IResultStage, IReloadable
)
