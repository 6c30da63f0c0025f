"""Encrypts the values that statements write to protected columns, makes comparisons with them into
comparisons with what is stored, and gives the columns of results their types.

A statement that is not understood in all that concerns a protected column is refused.  The stage
stands between the censor, which sees the client's own text, and the decryptor, which opens the
containers of the values that this one types.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

from twisted.internet.defer import Deferred
from zope.interface import implementer

from acra_twisted.encryption.plan import STORE, ParameterUse, Prepared, Refusal, Use
from acra_twisted.encryption.postgresql import planner, refusals, writing
from acra_twisted.encryption.postgresql.naming import SearchPath
from acra_twisted.encryption.postgresql.planner import Planned
from acra_twisted.encryption.postgresql.schema import SchemaError
from acra_twisted.encryption.postgresql.writing import Bound, Tools, Written
from acra_twisted.encryption.randomness import RandomSupply
from acra_twisted.encryption.settings import ColumnSetting, EncryptionSettings
from acra_twisted.errors import QuestionError
from acra_twisted.exchange import Exchange, Parameters, Statement
from acra_twisted.interfaces import IParameterStage, IResultStage, IStatementStage
from acra_twisted.pipeline.driver import then
from acra_twisted.pipeline.workers import Workers
from acra_twisted.results import Columns
from acra_twisted.session import Session
from acra_twisted.sql.languages import LANGUAGES, Mode
from acra_twisted.stages.cellreading import CellReading
from acra_twisted.stages.columnkeys import ColumnKeys, Makers
from acra_twisted.stages.columnverdicts import CHANGED, UNSURE, first_refusal, guarded, refused
from acra_twisted.stages.sessioncolumns import (
    NAME_SIZE,
    Known,
    Meaning,
    SessionColumns,
    Snapshot,
    is_control,
    may_change,
)
from acra_twisted.verdicts import PASS, Pass, Replace

#: Values that are encrypted without leaving the reactor.
INLINE: Final = 32
#: Random bytes of a value: those of an AcraBlock, and a few more.
_RANDOM: Final = 128

_NAME: Final = "encryptor"


class Names(NamedTuple):
    """All that the names in a statement mean: tables, where bare names are looked up, and how often
    the session's statements by SQL's PREPARE have changed (0 where that does not matter)."""

    snapshot: Snapshot
    path: SearchPath
    prepared: int


class Binding(NamedTuple):
    """Facts about a prepared statement, kept for the values that are bound to it.

    ``text``, read by ``mode``, is what was planned, and ``names`` are what it was planned by.
    ``matched`` are its columns that are compared with each other, ``prepares`` the statements that
    it prepares by SQL.  ``is_watched``: its execution may change tables; ``is_named``: it names
    something protected."""

    text: bytes
    mode: Mode
    names: Names
    uses: Sequence[ParameterUse]
    matched: Sequence[ColumnSetting]
    is_watched: bool
    is_named: bool
    prepares: Sequence[Prepared] = ()


@implementer(IStatementStage, IParameterStage, IResultStage)
class Encryptor:
    """``keys`` is an IKeys; ``seconds`` a monotonic clock."""

    name = _NAME

    def __init__(
        self,
        settings: EncryptionSettings,
        keys: Any,
        workers: Workers,
        seconds: Callable[[], float],
    ) -> None:
        self._columns = SessionColumns(settings, seconds)
        self._keys = ColumnKeys(keys)
        self._workers = workers

    def stop(self) -> None:
        """Nothing of its own."""

    # -- statements -------------------------------------------------------------------------------

    def on_statement(self, statement: Statement, exchange: Exchange) -> Any:
        """See IStatementStage."""
        if is_control(statement.text):
            statement.plan = _CONTROL
            if statement.prepared_name is None:
                self._follow(statement, exchange)
            return PASS
        return self._informed(exchange.session, partial(self._plan, statement, exchange))

    def _follow(self, statement: Statement, exchange: Exchange) -> None:
        """Look at the end of a transaction that may have changed tables."""
        known: Known | None = exchange.session.notes.get(_NAME)
        if known is not None and known.is_dirty:
            self._columns.watch(known, exchange, statement.text, False)

    def _informed(self, session: Session, decide: Callable[[Known, Snapshot], Any]) -> Any:
        """Decide by what is certain of the session's database; ask for it, if it is not."""
        known: Known | None = session.notes.get(_NAME)
        if known is None:
            known = session.notes[_NAME] = self._columns.begin(session)
        snapshot = self._columns.snapshot(session, known)
        if snapshot is not None:
            session.meaning = snapshot.meaning
            return guarded(decide, known, snapshot)
        return Deferred.fromCoroutine(self._ask(session, known, decide))

    async def _ask(
        self, session: Session, known: Known, decide: Callable[[Known, Snapshot], Any]
    ) -> Any:
        try:
            snapshot = await self._columns.learn(session, known)
        except (QuestionError, SchemaError) as error:
            return refused(
                Refusal(
                    refusals.SCHEMA_UNKNOWN,
                    "",
                    "AcraServer does not know the tables of the database: " + str(error),
                    "try again",
                )
            )
        session.meaning = snapshot.meaning
        decision = guarded(decide, known, snapshot)
        return await decision if isinstance(decision, Deferred) else decision

    def _plan(
        self, statement: Statement, exchange: Exchange, known: Known, snapshot: Snapshot
    ) -> Any:
        text, session = statement.text, exchange.session
        if statement.prepared_name and known.prepared:
            known.forget_prepared(statement.prepared_name)
        mode = _mode(known, session, statement)
        planned = self._read(text, mode, known, snapshot)
        return then(planned, partial(self._planned, statement, exchange, known, snapshot, mode))

    def _read(self, text: bytes, mode: Mode, known: Known, snapshot: Snapshot) -> Any:
        """The plans of a text, or a Deferred of them."""
        path = known.schema.path
        plan = snapshot.planner.plan
        if len(text) <= planner.LONG:
            return plan(text, mode, path, known.prepared)
        found = snapshot.planner.known(text, mode, path)
        return found or self._workers.run(plan, text, mode, path, dict(known.prepared))

    def _planned(
        self,
        statement: Statement,
        exchange: Exchange,
        known: Known,
        snapshot: Snapshot,
        mode: Mode,
        planned: Planned,
    ) -> Any:
        plans = planned.statements
        refusal = None if plans is None else known.unfit or first_refusal(plans)
        if refusal is not None:
            return refused(refusal)
        is_watched = may_change(statement.text)
        is_named = plans is not None
        is_prepared = statement.prepared_name is not None
        prepares = [plan.prepares for plan in plans or () if plan.prepares is not None]
        if is_watched and not is_prepared:
            self._columns.watch(known, exchange, statement.text, is_named, prepares)
        if plans is None:
            if is_prepared:
                names = _names(known, snapshot, is_watched)
                statement.plan = Binding(statement.text, mode, names, (), (), is_watched, False)
            return PASS
        exchange.add_attribute("acra.plan", "hit" if planned.hit else "miss")
        uses = [one for plan in plans for one in plan.parameters]
        matched = [setting for plan in plans for setting in plan.matched]
        made = Statement(statement.text, statement.prepared_name)
        made.meanings = [snapshot.meaning_of(plan.results) for plan in plans]
        if is_prepared:
            names = _names(known, snapshot, is_watched)
            made.plan = Binding(
                statement.text, mode, names, uses, matched, is_watched, True, prepares
            )
            if uses:
                made.types = writing.declared(uses, statement.types or ())
                made.told = writing.told(uses)
        literals = list(writing.uses_of(plans))
        makers = self._makers(literals, matched, exchange) if literals or matched else _NO_MAKERS
        return then(makers, partial(self._write, statement, exchange, made, planned))

    def _makers(
        self, uses: Sequence[Use], matched: Sequence[ColumnSetting], exchange: Exchange
    ) -> Any:
        """The Makers for some uses; searches in columns of other owners are shown on the span."""
        client = exchange.session.identity.client_id
        columns = {use.column for use in uses if use.role != STORE}
        foreign = {one.label for one in columns if one.owner not in ("", client)}
        if foreign:
            exchange.add_attribute("acra.search_foreign_owner", ", ".join(sorted(foreign)))
        return self._keys.makers(uses, client, matched)

    def _write(
        self,
        statement: Statement,
        exchange: Exchange,
        made: Statement,
        planned: Planned,
        makers: Makers,
    ) -> Any:
        plans = planned.statements or ()
        values = sum(len(plan.literals) for plan in plans)
        tools = _tools(exchange.session, makers, values, statement.conforming)
        if values > INLINE:
            written: Any = self._workers.run(writing.write_text, plans, planned.literals, tools)
        else:
            written = writing.write_text(plans, planned.literals, tools)
        return then(written, partial(self._written, statement, exchange, made))

    def _written(
        self, statement: Statement, exchange: Exchange, made: Statement, written: Written
    ) -> Pass | Replace[Statement]:
        _show(exchange, written.counts)
        if written.text == statement.text and not made.told:
            statement.meanings, statement.plan = made.meanings, made.plan
            return PASS
        made.text = written.text
        return Replace(made)

    # -- parameters -------------------------------------------------------------------------------

    def on_parameters(self, parameters: Parameters, exchange: Exchange) -> Any:
        """See IParameterStage."""
        statement = parameters.statement
        if statement is not None and parameters.is_meant and statement.plan is _CONTROL:
            self._follow(statement, exchange)
            return PASS
        return self._informed(exchange.session, partial(self._bind, parameters, exchange))

    def _bind(
        self, parameters: Parameters, exchange: Exchange, known: Known, snapshot: Snapshot
    ) -> Any:
        statement = parameters.statement
        if statement is None or not parameters.is_meant:
            return refused(UNSURE)
        name = (statement.prepared_name or b"")[:NAME_SIZE].decode("utf-8", "replace")
        if name in known.prepared:
            return refused(UNSURE)
        binding: Binding | None = statement.plan
        if binding is None:
            return refused(UNSURE)
        names = _names(known, snapshot, binding.is_watched)
        if binding.names == names:
            return self._bind_planned(parameters, exchange, known, binding)
        if binding.is_named:
            return refused(CHANGED)
        # It named nothing protected; the same names may mean others now.
        current = binding._replace(names=names)
        decide = partial(self._planned_anew, parameters, exchange, known, current)
        return then(self._read(binding.text, binding.mode, known, snapshot), decide)

    def _planned_anew(
        self,
        parameters: Parameters,
        exchange: Exchange,
        known: Known,
        binding: Binding,
        planned: Planned,
    ) -> Any:
        if planned.statements is not None:
            return refused(CHANGED)
        if parameters.statement is not None:
            parameters.statement.plan = binding
        return self._bind_planned(parameters, exchange, known, binding)

    def _bind_planned(
        self, parameters: Parameters, exchange: Exchange, known: Known, binding: Binding
    ) -> Any:
        if binding.is_watched:
            self._columns.watch(known, exchange, binding.text, binding.is_named, binding.prepares)
        uses = binding.uses
        if not uses:
            if not binding.matched:
                return PASS
            return then(self._makers((), binding.matched, exchange), lambda _: PASS)
        kinds = parameters.types
        needed = max(one.source for one in uses)
        if kinds is None or not needed == len(kinds) == len(parameters.values):
            return refused(UNSURE)
        own = [one.use for one in uses if one.use is not None]
        makers = self._makers(own, binding.matched, exchange)
        return then(makers, partial(self._encode, parameters, exchange, uses))

    def _encode(
        self,
        parameters: Parameters,
        exchange: Exchange,
        uses: Sequence[ParameterUse],
        makers: Makers,
    ) -> Any:
        tools = _tools(exchange.session, makers, len(uses), True)
        kinds = parameters.types or ()
        arguments = (uses, parameters.values, parameters.formats, kinds, tools)
        if len(uses) > INLINE:
            bound: Any = self._workers.run(writing.write_parameters, *arguments)
        else:
            bound = writing.write_parameters(*arguments)
        return then(bound, partial(self._bound, parameters, exchange))

    def _bound(
        self, parameters: Parameters, exchange: Exchange, bound: Bound
    ) -> Replace[Parameters]:
        _show(exchange, bound.counts)
        return Replace(Parameters(bound.values, bound.formats, parameters.statement))

    # -- results ----------------------------------------------------------------------------------

    def plan_result(self, columns: Columns) -> CellReading | None:
        """See IResultStage."""
        meaning: Meaning | None = columns.meaning
        if meaning is None or columns.layout:
            return None
        settings = meaning.settings(columns)
        if not any(settings):
            return None
        return CellReading(columns, settings, self._keys, self._workers)


_NO_MAKERS: Final = Makers({}, {})

#: The plan of a statement that controls a transaction.
_CONTROL: Final = "control"


def _tools(session: Session, makers: Makers, count: int, conforming: bool | None) -> Tools:
    encoding = session.parameters.get(b"client_encoding", b"UTF8").decode("latin-1")
    supply = RandomSupply(os.urandom, _RANDOM, max(count, 1))
    return Tools(makers.sealers, supply, encoding, conforming is True, makers.searchers)


def _names(known: Known, snapshot: Snapshot, may_execute: bool) -> Names:
    """The meaning of names now.  ``may_execute``: a statement that is watched may be EXECUTE."""
    return Names(snapshot, known.schema.path, known.prepared_changes if may_execute else 0)


def _mode(known: Known, session: Session, statement: Statement) -> Mode:
    """Return the mode in which a statement is read, by the settings that the database has reported
    last."""
    parameters = session.parameters
    mode: Mode | None = known.mode if known.parameters is parameters else None
    if mode is None:
        language = LANGUAGES[session.language]
        read = {
            name: parameters.get(name.encode(), default.encode()).decode("latin-1")
            for name, default in language.read_by
        }
        mode = known.mode = language.mode_of(read)
        known.parameters = parameters
    if session.in_flight or statement.conforming is None:
        return Mode(None, mode.ansi, mode.encoding, False, mode.names, mode.whole)
    return mode


def _show(exchange: Exchange, counts: Mapping[tuple[ColumnSetting, str], int]) -> None:
    """Put on the span how many values were encrypted, passed as they are, and searched for."""
    totals: dict[str, int] = {}
    for (_, what), number in counts.items():
        totals[what] = totals.get(what, 0) + number
    for what, number in totals.items():
        exchange.add_attribute(f"acra.columns_{what}", number)
