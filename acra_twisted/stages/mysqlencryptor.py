"""Encrypts the values that statements write to protected columns of MySQL and MariaDB, makes
comparisons with them into comparisons with what is stored, and gives the columns of results their
types.

A statement that is not understood in all that concerns a protected column is refused.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from zope.interface import implementer

from acra_twisted import events
from acra_twisted.encryption import refusals
from acra_twisted.encryption.mysql import expired
from acra_twisted.encryption.mysql.question import SchemaError
from acra_twisted.encryption.mysql.targets import Target, begins_giving
from acra_twisted.encryption.settings import EncryptionSettings
from acra_twisted.encryption.statementpattern import MYSQL
from acra_twisted.errors import QuestionError
from acra_twisted.exchange import Exchange, Parameters, Statement
from acra_twisted.interfaces import (
    IParameterStage,
    IReloadable,
    IResultStage,
    ISelectiveStatementStage,
)
from acra_twisted.pipeline.workers import Workers
from acra_twisted.results import Columns
from acra_twisted.session import Session
from acra_twisted.sql.mysqlleft import shows_before
from acra_twisted.stages import containers
from acra_twisted.stages.cellclosing import CellClosing
from acra_twisted.stages.cellreading import CellReading, OutdatedReading
from acra_twisted.stages.columnmakers import ColumnMakers
from acra_twisted.stages.columnstage import ColumnStage, NeedTokens, no_tokens
from acra_twisted.stages.columnverdicts import STAGE, guarded, refused, untold
from acra_twisted.stages.keymarks import KeyMarks
from acra_twisted.stages.mysqlcells import MysqlCells
from acra_twisted.stages.mysqlcolumns import MysqlColumns, MysqlKnown
from acra_twisted.stages.mysqlencoding import MysqlEncoder
from acra_twisted.stages.mysqlmeanings import MysqlMeaning
from acra_twisted.stages.mysqlparameters import MysqlParameters
from acra_twisted.stages.mysqlstatements import MysqlStatements, may_pass_by, passes_by
from acra_twisted.stages.rowloads import RowEncoder
from acra_twisted.verdicts import PASS, Deny, Pass

_CELLS: Final = MysqlCells()


@implementer(ISelectiveStatementStage, IParameterStage, IResultStage, IReloadable)
class MysqlEncryptor(ColumnStage):
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
        self._columns = MysqlColumns(settings, seconds)
        super().__init__(
            *(settings, self._columns, keys, workers, seconds, tokenizer),
            *(read or (lambda: settings), now, MYSQL),
        )
        encoder = MysqlEncoder(
            ColumnMakers(self._keys, self._tokens, KeyMarks(keys)),
            workers,
            RowEncoder(self._keys, self._tokens, workers),
        )
        self._statements = MysqlStatements(
            *(self._columns, encoder, workers, self._bypasses, self._ask)
        )
        self._parameters = MysqlParameters(
            *(self._columns, encoder, workers, self._bypasses, self._ask)
        )

    def on_statement(self, statement: Statement, exchange: Exchange) -> Any:
        """See IStatementStage."""
        decide = partial(self._statements.judge, statement, exchange)
        may_ask = not shows_before(statement.text)
        return self._informed(exchange.session, decide, may_ask, statement)

    def judges(self, statement: Statement, exchange: Exchange) -> bool:
        """See ISelectiveStatementStage."""
        text, session = statement.text, exchange.session
        if begins_giving(text):
            return True
        known: MysqlKnown | None = session.notes.get(STAGE)
        if known is None or not may_pass_by(text, known):
            return True
        # All that is asked here is asked again of a text that is judged: first by what tells most.
        before = known.snapshot
        snapshot = self._columns.snapshot(session, known, not shows_before(text))
        if snapshot is None or snapshot is not before:
            return True
        return not passes_by(text, session, snapshot)

    def on_parameters(self, parameters: Parameters, exchange: Exchange) -> Any:
        """See IParameterStage."""
        decide = partial(self._parameters.judge, parameters, exchange)
        return self._informed(exchange.session, decide, True)

    def plan_result(self, columns: Columns) -> CellReading | CellClosing | OutdatedReading | None:
        """See IResultStage."""
        meaning: MysqlMeaning | None = columns.meaning
        if meaning is None:
            return None
        settings = meaning.settings(columns)
        if settings is None:
            return OutdatedReading()
        closing = None
        if meaning.readers and containers.can_hold(columns):
            closing = CellClosing(columns, settings, meaning.readers)
        if not any(settings):
            return closing
        return CellReading(
            *(columns, settings, self._keys, self._tokens, self._workers, closing, _CELLS)
        )

    def _informed(
        self,
        session: Session,
        decide: Callable[..., Any],
        may_ask: bool,
        statement: Statement | None = None,
    ) -> Any:
        """Decide by what is certain of the session's tables; ask for it, if it is not.
        ``may_ask``: it may be asked also without need."""
        known: MysqlKnown | None = session.notes.get(STAGE)
        if known is None:
            known = session.notes[STAGE] = MysqlKnown()
        snapshot = self._columns.snapshot(session, known, may_ask)
        if snapshot is None:
            return self._ask(session, known, decide, (), statement)
        return guarded(decide, known, snapshot, False)

    def _ask(
        self,
        session: Session,
        known: MysqlKnown,
        decide: Callable[..., Any],
        targets: Sequence[Target] = (),
        statement: Statement | None = None,
    ) -> Any:
        """Decide once all that was sent before is answered, and what is not certain was asked, also
        of tables and routines that a text gives values to."""
        learning = Deferred.fromCoroutine(self._columns.learn(session, known, targets))
        return learning.addCallbacks(
            lambda snapshot: guarded(decide, known, snapshot, True), partial(_unknown, statement)
        )


def _unknown(statement: Statement | None, failure: Failure) -> Pass | Deny:
    """The verdict where the database does not tell its tables."""
    failure.trap(QuestionError, SchemaError)
    error = failure.value
    if isinstance(error, QuestionError) and error.number == expired.NUMBER:
        return _expired(statement)
    return refused(untold(failure.value))


def _expired(statement: Statement | None) -> Pass | Deny:
    """The verdict where the user's password has expired: clients know the server's error."""
    if statement is not None and statement.prepared_name is None:
        if expired.may_pass(statement.text):
            return PASS
    return Deny(
        expired.TEXT,
        sqlstate=expired.SQLSTATE,
        errno=expired.NUMBER,
        rule=refusals.SCHEMA_UNKNOWN,
        code=events.COLUMN_REFUSED,
        column="",
    )
