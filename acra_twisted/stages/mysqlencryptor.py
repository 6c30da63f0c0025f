"""Encrypts the values that statements write to protected columns of MySQL and MariaDB, makes
comparisons with them into comparisons with what is stored, and gives the columns of results their
types.

A statement that is not understood in all that concerns a protected column is refused.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from zope.interface import implementer

from acra_twisted.encryption.facts import NOTHING, Wanted
from acra_twisted.encryption.mysql import encoding
from acra_twisted.encryption.mysql.encoding import Parameter, Reading
from acra_twisted.encryption.mysql.filling import Filled, Sent
from acra_twisted.encryption.mysql.plan import Plan, Planned
from acra_twisted.encryption.mysql.question import SchemaError
from acra_twisted.encryption.plan import Refusal
from acra_twisted.encryption.postgresql import refusals
from acra_twisted.encryption.postgresql.statementpattern import MYSQL
from acra_twisted.encryption.settings import Bypass, EncryptionSettings
from acra_twisted.errors import QuestionError
from acra_twisted.exchange import Exchange, Parameters, Statement, ToldType
from acra_twisted.interfaces import IParameterStage, IReloadable, IResultStage, IStatementStage
from acra_twisted.pipeline.driver import then
from acra_twisted.pipeline.workers import Workers
from acra_twisted.results import Columns
from acra_twisted.session import Session
from acra_twisted.sql.languages import Mode
from acra_twisted.stages import containers
from acra_twisted.stages.bypassing import tell
from acra_twisted.stages.cellclosing import CellClosing
from acra_twisted.stages.cellreading import CellReading, OutdatedReading
from acra_twisted.stages.columnkeys import is_reader
from acra_twisted.stages.columnmakers import ColumnMakers
from acra_twisted.stages.columnstage import ColumnStage
from acra_twisted.stages.columnverdicts import (
    CHANGED,
    ENDED,
    ROTATED,
    STAGE,
    UNSURE,
    guarded,
    outdated,
    refused,
    unreadable,
)
from acra_twisted.stages.keymarks import KeyMarks
from acra_twisted.stages.mysqlcells import MysqlCells
from acra_twisted.stages.mysqlcolumns import MysqlColumns, MysqlKnown, MysqlWatch
from acra_twisted.stages.mysqlencoding import MysqlEncoder
from acra_twisted.stages.mysqlmeanings import MysqlMeaning, MysqlSnapshot
from acra_twisted.stages.mysqlmodes import (
    character_set_of,
    database_of,
    encoding_of,
    is_moving,
    may_move,
    mode_of,
)
from acra_twisted.tokens.tokenizer import Tokenizer
from acra_twisted.verdicts import PASS, Deny, Replace

_CELLS: Final = MysqlCells()
#: Longer texts are planned by a worker.
_LONG: Final = 16 * 1024


class _Read(NamedTuple):
    """The way in which a text is read: its mode, and the database of names without one."""

    mode: Mode
    database: str | None


class Binding(NamedTuple):
    """Facts about a prepared statement, kept for the values that are bound to it.

    ``text``, read as ``read`` says, is what was planned by ``snapshot``, and ``planned`` what came
    of it.  ``sent`` are the parameters of the text that the database got, ``wanted`` the columns
    of their values, ``mark`` is that of the keys by which the text was encoded, ``literals``
    decide it; ``bypass`` lets it pass.  ``moves``: it may make another database the session's.
    """

    text: bytes
    read: _Read
    snapshot: MysqlSnapshot
    planned: Planned
    moves: bool
    bypass: Bypass | None = None
    sent: Sequence[Sent] = ()
    wanted: Wanted = NOTHING
    literals: encoding.Plaintexts = {}
    mark: bytes = b""


class _Judged(NamedTuple):
    """A statement that is judged, and all that is known about it."""

    statement: Statement
    exchange: Exchange
    known: MysqlKnown
    snapshot: MysqlSnapshot
    read: _Read
    moves: bool


@implementer(IStatementStage, IParameterStage, IResultStage, IReloadable)
class MysqlEncryptor(ColumnStage):
    """See ColumnStage; without ``read`` the settings never change."""

    def __init__(
        self,
        settings: EncryptionSettings,
        keys: Any,
        workers: Workers,
        seconds: Callable[[], float],
        tokenizer: Tokenizer | None = None,
        *,
        read: Callable[[], EncryptionSettings] | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._columns = MysqlColumns(settings, seconds)
        super().__init__(
            *(settings, self._columns, keys, workers, seconds, tokenizer),
            *(read or (lambda: settings), now, MYSQL),
        )
        makers = ColumnMakers(self._keys, self._tokens, KeyMarks(keys))
        self._encoder = MysqlEncoder(makers, workers)

    def on_statement(self, statement: Statement, exchange: Exchange) -> Any:
        """See IStatementStage."""
        session = exchange.session
        known = _known(session)
        moves = may_move(statement.text)
        snapshot = self._columns.snapshot(session, known, _may_ask(statement.text))
        if snapshot is None:
            return self._learned(session, known, partial(self._plan, statement, exchange, moves))
        return guarded(self._plan, statement, exchange, moves, known, snapshot, False)

    def on_parameters(self, parameters: Parameters, exchange: Exchange) -> Any:
        """See IParameterStage."""
        session = exchange.session
        known = _known(session)
        snapshot = self._columns.snapshot(session, known, False)
        if snapshot is None:
            return self._learned(session, known, partial(self._bind, parameters, exchange))
        return guarded(self._bind, parameters, exchange, known, snapshot, False)

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

    def _learned(self, session: Session, known: MysqlKnown, decide: Callable[..., Any]) -> Any:
        """Decide once what is not certain has been asked for."""
        learning = Deferred.fromCoroutine(self._columns.learn(session, known))
        return learning.addCallbacks(
            lambda snapshot: guarded(decide, known, snapshot, True), _unknown
        )

    # -- texts ------------------------------------------------------------------------------------

    def _plan(
        self,
        statement: Statement,
        exchange: Exchange,
        moves: bool,
        known: MysqlKnown,
        snapshot: MysqlSnapshot,
        certain: bool,
    ) -> Any:
        """Judge a statement by a snapshot.  ``certain``: all that was sent before is answered."""
        session = exchange.session
        session.meaning = snapshot.meaning(None, character_set_of(session))
        moved = known.is_moved or (not certain and is_moving(session))
        database = None if moved else database_of(session)
        read = _Read(mode_of(session, certain), database)
        judged = _Judged(statement, exchange, known, snapshot, read, moves)
        planned = self._planned(snapshot.planner, judged)
        return then(planned, partial(self._judge, judged, certain))

    def _planned(self, planner: Any, judged: _Judged) -> Any:
        """Return the `Planned` of a text, or a Deferred of it."""
        text, (mode, database) = judged.statement.text, judged.read
        if len(text) > _LONG:
            return self._workers.run(planner.plan, text, mode, database)
        return planner.plan(text, mode, database)

    def _judge(self, judged: _Judged, certain: bool, planned: Planned) -> Any:
        plan = planned.plan
        statement, exchange, known = judged.statement, judged.exchange, judged.known
        if plan.refusal is not None and not certain and _is_uncertain(judged):
            # With the answer to all that was sent before, it may be understood.
            moves = judged.moves
            again = partial(self._plan, statement, exchange, moves)
            return self._learned(exchange.session, known, again)
        refusal = _refusal(plan, exchange)
        bypass = None
        if refusal is not None:
            bypass = self._bypass(judged)
            if bypass is None:
                return refused(refusal)
            tell(exchange, bypass)
            without = judged.snapshot.planner_without(bypass.columns)
            passed = self._planned(without, judged)
            return then(passed, partial(self._passed, judged, bypass, refusal))
        return self._written(judged, planned, None)

    def _bypass(self, judged: _Judged) -> Bypass | None:
        client = judged.exchange.session.identity.client_id
        if not self._bypasses.has_any(client):
            return None
        return self._bypasses.find(client, judged.statement.text, judged.read.mode)

    def _passed(self, judged: _Judged, bypass: Bypass, refusal: Refusal, planned: Planned) -> Any:
        """Go on with a statement that a bypass lets pass, unless it concerns other columns."""
        if _refusal(planned.plan, judged.exchange) is not None:
            return refused(refusal)
        return self._written(judged, planned, bypass)

    def _written(self, judged: _Judged, planned: Planned, bypass: Bypass | None) -> Any:
        """Write a statement that is not refused for what it names."""
        statement, exchange, known, snapshot, read, moves = judged
        plan = planned.plan
        is_prepared = statement.prepared_name is not None
        if not is_prepared:
            self._watch(exchange, known, plan, moves, bool(plan.values or any(plan.results)))
        made = Statement(statement.text, statement.prepared_name)
        made.meanings = snapshot.meanings(plan, character_set_of(exchange.session)) or None
        binding = Binding(statement.text, read, snapshot, planned, moves, bypass)
        if not plan.parts:
            statement.meanings = made.meanings
            statement.plan = binding if is_prepared else None
            return PASS
        reading = _reading(exchange.session, read.mode)
        literals = encoding.of_literals(plan, planned.literals, reading)
        wanted = Wanted([one.use for one in plan.values], plan.matched)
        finish = partial(_replaced, made, binding._replace(wanted=wanted, literals=literals))
        written = self._encoder.text(planned, wanted, literals, exchange)
        if not is_prepared:
            return then(written, lambda filled: finish(filled, None))
        marked = then(written, partial(self._marked, plan, literals, exchange))
        return then(marked, lambda both: finish(*both))

    def _marked(
        self, plan: Plan, literals: encoding.Plaintexts, exchange: Exchange, filled: Filled
    ) -> Any:
        mark = self._encoder.mark(plan, literals, exchange)
        return then(mark, lambda found: (filled, found))

    def _watch(
        self, exchange: Exchange, known: MysqlKnown, plan: Plan, moves: bool, concerns: bool
    ) -> None:
        if plan.renews or moves or concerns:
            exchange.watch = MysqlWatch(self._columns, known, renews=plan.renews, moves=moves)

    # -- parameters -------------------------------------------------------------------------------

    def _bind(
        self,
        parameters: Parameters,
        exchange: Exchange,
        known: MysqlKnown,
        snapshot: MysqlSnapshot,
        certain: bool,
    ) -> Any:
        """Judge the values of an execution by a snapshot."""
        statement, session = parameters.statement, exchange.session
        binding = None if statement is None else statement.plan
        if statement is None or not isinstance(binding, Binding):
            return outdated(UNSURE)
        session.meaning = snapshot.meaning(None, character_set_of(session))
        if binding.snapshot is not snapshot:
            # Names mean what they meant when it was prepared.
            planner = snapshot.planner
            if binding.bypass is not None:
                planner = snapshot.planner_without(binding.bypass.columns)
            planned = planner.plan(binding.text, *binding.read)
            if not _is_same(planned, binding.planned):
                return outdated(CHANGED)
            binding = statement.plan = binding._replace(snapshot=snapshot, planned=planned)
        refusal = _refusal(binding.planned.plan, exchange)
        if refusal is not None:
            return refused(refusal)
        if binding.bypass is not None:
            if not self._bypasses.is_in_force(binding.bypass, session.identity.client_id):
                return refused(ENDED)
            tell(exchange, binding.bypass)
        plan = binding.planned.plan
        self._watch(exchange, known, plan, binding.moves, bool(plan.values or any(plan.results)))
        statement.meanings = snapshot.meanings(plan, character_set_of(session)) or None
        if not plan.parts:
            return PASS
        mark = self._encoder.mark(plan, binding.literals, exchange)
        return then(mark, partial(self._encode, parameters, exchange, binding))

    def _encode(
        self, parameters: Parameters, exchange: Exchange, binding: Binding, mark: bytes
    ) -> Any:
        if mark != binding.mark:
            return outdated(ROTATED)
        given = [
            Parameter(kind, value, form)
            for kind, value, form in zip(
                parameters.types or (), parameters.values, parameters.formats, strict=True
            )
        ]
        reading = _reading(exchange.session, binding.read.mode)
        sent = self._encoder.parameters(
            *(binding.planned.plan, binding.sent, given, binding.wanted, reading, exchange)
        )
        return then(sent, partial(_bound, parameters))


def _known(session: Session) -> MysqlKnown:
    known: MysqlKnown | None = session.notes.get(STAGE)
    if known is None:
        known = session.notes[STAGE] = MysqlKnown()
    return known


#: Words of texts that show what the statement before them has left: a question would replace it.
_SHOWING: Final = (b"warning", b"error", b"row_count", b"found_rows", b"diagnostics")


def _may_ask(text: bytes) -> bool:
    """Tell whether a question may be put before a text without need."""
    lower = text.lower()
    return not any(word in lower for word in _SHOWING)


def _is_uncertain(judged: _Judged) -> bool:
    """Tell whether something that a text is read by is not known, and can be asked for."""
    return judged.read.database is None or judged.exchange.session.in_flight


def _refusal(plan: Plan, exchange: Exchange) -> Refusal | None:
    """Return the reason for which a text must not be sent for a client; None if it may be."""
    if plan.refusal is not None:
        return plan.refusal
    client = exchange.session.identity.client_id
    for asked in plan.asked:
        if not is_reader(asked, client):
            return unreadable(asked)
    return None


def _reading(session: Session, mode: Mode) -> Reading:
    return Reading(encoding_of(session), mode.backslash is not False)


def _replaced(
    made: Statement, binding: Binding, filled: Filled, mark: bytes | None
) -> Replace[Statement]:
    made.text = filled.text
    if mark is not None:
        made.plan = binding._replace(sent=filled.parameters, mark=mark)
        made.told = _told(filled.parameters)
    return Replace(made)


def _told(sent: Sequence[Sent]) -> list[ToldType]:
    """The client's own parameters, each by one that is sent in its place."""
    first: dict[int, int] = {}
    for at, one in enumerate(sent, 1):
        first.setdefault(one.parameter, at)
    return [ToldType(first.get(number, 0)) for number in range(1, max(first, default=0) + 1)]


def _is_same(one: Planned, other: Planned) -> bool:
    """Tell whether a text is the same by two readings of a schema, and shows the same."""
    return one.plan._replace(schema=0) == other.plan._replace(schema=0)


def _bound(parameters: Parameters, sent: Sequence[Parameter]) -> Replace[Parameters]:
    return Replace(
        Parameters(
            [one.value for one in sent],
            [one.form for one in sent],
            parameters.statement,
            [one.kind for one in sent],
        )
    )


def _unknown(failure: Failure) -> Deny:
    """The verdict where the database does not tell its tables."""
    failure.trap(QuestionError, SchemaError)
    return refused(
        Refusal(
            refusals.SCHEMA_UNKNOWN,
            "",
            f"AcraServer does not know the tables of the database: {failure.value}",
            "try again",
        )
    )
