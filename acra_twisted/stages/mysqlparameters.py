"""Values that are bound to prepared statements of MySQL which may concern protected columns:
encoded by what is known of the statement, or refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from acra_twisted.encryption.mysql import planner
from acra_twisted.encryption.mysql.encoding import Parameter
from acra_twisted.encryption.mysql.planner import Planner
from acra_twisted.exchange import Exchange, Parameters, Statement
from acra_twisted.pipeline.driver import then
from acra_twisted.pipeline.workers import Workers, uncollected
from acra_twisted.stages.bypassing import Bypasses, tell
from acra_twisted.stages.columnverdicts import (
    CHANGED,
    ENDED,
    ROTATED,
    UNSURE,
    outdated,
    refused,
)
from acra_twisted.stages.mysqlbindings import Binding, is_same, reading_of, refusal_of
from acra_twisted.stages.mysqlcolumns import MysqlColumns, MysqlKnown
from acra_twisted.stages.mysqlencoding import MysqlEncoder
from acra_twisted.stages.mysqlmeanings import MysqlSnapshot
from acra_twisted.stages.mysqlmodes import result_set_of
from acra_twisted.verdicts import PASS, Replace


class MysqlParameters:
    """Judges parameters; ``bypasses`` are those by which statements were prepared.  ``ask`` asks
    for what is not certain of a session, and judges with it: see `MysqlEncryptor`."""

    def __init__(
        self,
        columns: MysqlColumns,
        encoder: MysqlEncoder,
        workers: Workers,
        bypasses: Bypasses,
        ask: Callable[..., Any],
    ) -> None:
        self._ask = ask
        self._workers = workers
        self._columns = columns
        self._encoder = encoder
        self._bypasses = bypasses

    def judge(
        self,
        parameters: Parameters,
        exchange: Exchange,
        known: MysqlKnown,
        snapshot: MysqlSnapshot,
        certain: bool,
        looked: bool = False,
    ) -> Any:
        """Return the verdict on parameters, or a Deferred of it.  ``looked``: it was asked for the
        tables and routines that the statement gives values to.  Raises ValueRefusedError, or fails
        with it."""
        statement, session = parameters.statement, exchange.session
        binding = None if statement is None else statement.plan
        if statement is None or not isinstance(binding, Binding):
            return outdated(UNSURE)
        character_set = result_set_of(session)
        session.meaning = snapshot.meaning(None, character_set)
        if binding.snapshot is not snapshot:
            again = partial(self.judge, parameters, exchange, known, snapshot, certain, looked)
            by = snapshot.planner
            if binding.bypass is not None:
                by = snapshot.planner_without(binding.bypass.columns)
            renew: Callable[..., Any] = _renewed
            if len(binding.text) > planner.LONG:
                renew = partial(self._workers.run, uncollected, _renewed)
            found = renew(binding, snapshot, by)
            return then(found, partial(_again, statement, again))
        plan = binding.planned.plan
        refusal = refusal_of(plan, exchange)
        if refusal is not None:
            return refused(refusal)
        if binding.bypass is not None:
            if not self._bypasses.is_in_force(binding.bypass, session.identity.client_id):
                return refused(ENDED)
            tell(exchange, binding.bypass)
        if plan.targets and not looked:
            # A table that it was prepared for may be gone, and another program's view be there.
            database = binding.read.database or ""
            targets = [one.within(database) for one in plan.targets if one.name]
            if self._columns.is_strange(session, known, targets, binding.read.database):
                again = partial(self.judge, parameters, exchange, looked=True)
                return self._ask(session, known, again, targets)
        self._columns.watch(known, exchange, plan, binding.moves)
        statement.meanings = snapshot.meanings(plan, character_set)
        if not plan.parts:
            return PASS
        mark = self._encoder.mark(plan, binding.literals, exchange)
        return then(mark, partial(self._marked, parameters, exchange, binding))

    def _marked(
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
        reading = reading_of(exchange.session, binding.read.mode)
        sent = self._encoder.parameters(
            *(binding.planned.plan, binding.sent, given, binding.wanted, reading, exchange)
        )
        return then(sent, partial(_bound, parameters))


def _again(statement: Statement, judge: Callable[[], Any], renewed: Binding | None) -> Any:
    """Judge values by a binding that was renewed."""
    if renewed is None:
        return outdated(CHANGED)
    statement.plan = renewed
    return judge()


def _renewed(binding: Binding, snapshot: MysqlSnapshot, by: Planner) -> Binding | None:
    """A binding by another reading of the schema, None if it is not as it was.  Names mean what
    they meant when the statement was prepared."""
    planned = by.plan(binding.text, *binding.read)
    if not is_same(planned, binding.planned):
        return None
    return binding._replace(snapshot=snapshot, planned=planned)


def _bound(parameters: Parameters, sent: Sequence[Parameter]) -> Replace[Parameters]:
    return Replace(
        Parameters(
            [one.value for one in sent],
            [one.form for one in sent],
            parameters.statement,
            [one.kind for one in sent],
        )
    )
