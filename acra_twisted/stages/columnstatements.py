"""Statements that may concern protected columns: planned, and written with their values encoded, or
refused."""

from __future__ import annotations

from functools import partial
from typing import Any

from acra_twisted.encryption.postgresql import writing
from acra_twisted.encryption.postgresql.planner import Planned
from acra_twisted.encryption.postgresql.writing import Written
from acra_twisted.encryption.settings import Bypass
from acra_twisted.exchange import Exchange, Statement
from acra_twisted.pipeline.driver import then
from acra_twisted.pipeline.workers import Workers
from acra_twisted.sql.languages import Mode
from acra_twisted.stages.bypassing import Bypasses, tell
from acra_twisted.stages.columnbindings import Binding, mode_of, names_of, plans_of
from acra_twisted.stages.columncopies import copies_of
from acra_twisted.stages.columnencoding import Encoder
from acra_twisted.stages.columnmeanings import Snapshot
from acra_twisted.stages.columnverdicts import first_refusal, refused
from acra_twisted.stages.sessioncolumns import SessionColumns
from acra_twisted.stages.sessionknown import Known
from acra_twisted.stages.statementwords import may_change
from acra_twisted.verdicts import PASS, Pass, Replace


class ColumnStatements:
    """Judges statements; ``columns`` follows those that may change tables, ``bypasses`` let some
    pass that are refused."""

    def __init__(
        self, columns: SessionColumns, encoder: Encoder, workers: Workers, bypasses: Bypasses
    ) -> None:
        self._bypasses = bypasses
        self._columns = columns
        self._encoder = encoder
        self._workers = workers

    def judge(
        self, statement: Statement, exchange: Exchange, known: Known, snapshot: Snapshot
    ) -> Any:
        """Return the verdict on a statement, or a Deferred of it.  Raises ValueRefusedError, or
        fails with it."""
        if statement.prepared_name and known.prepared:
            known.forget_prepared(statement.prepared_name)
        mode = mode_of(known, exchange.session, statement)
        planned = plans_of(statement.text, mode, known, snapshot, self._workers)
        return then(planned, partial(self._planned, statement, exchange, known, snapshot, mode))

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
        client = exchange.session.identity.client_id
        refusal = None if plans is None else known.unfit or first_refusal(plans, client)
        bypass: Bypass | None = None
        if refusal is not None:
            passed = self._bypasses.passed(statement.text, mode, client, known, snapshot)
            if passed is None:
                return refused(refusal)
            bypass, planned = passed
            plans = planned.statements
            tell(exchange, bypass)
        is_watched = may_change(statement.text)
        is_named = plans is not None or bypass is not None
        is_prepared = statement.prepared_name is not None
        prepares = [plan.prepares for plan in plans or () if plan.prepares is not None]
        if is_watched and not is_prepared:
            self._columns.watch(known, exchange, statement.text, is_named, prepares)
        if plans is None:
            if is_prepared:
                names = names_of(known, snapshot, is_watched)
                statement.plan = Binding(
                    statement.text, mode, names, (), (), is_watched, is_named, (), bypass
                )
            return PASS
        exchange.add_attribute("acra.plan", "hit" if planned.hit else "miss")
        uses = [one for plan in plans for one in plan.parameters]
        matched = [setting for plan in plans for setting in plan.matched]
        made = Statement(statement.text, statement.prepared_name)
        made.meanings = [snapshot.meaning_of(plan.results) for plan in plans]
        made.copies = copies_of(plans, self._encoder, exchange)
        if is_prepared:
            names = names_of(known, snapshot, is_watched)
            made.plan = Binding(
                statement.text, mode, names, uses, matched, is_watched, True, prepares, bypass
            )
            if uses:
                made.types = writing.declared(uses, statement.types or ())
                made.told = writing.told(uses)
        written = self._encoder.literals(planned, matched, statement.conforming, exchange)
        return then(written, partial(_verdict, statement, made))


def _verdict(statement: Statement, made: Statement, written: Written) -> Pass | Replace[Statement]:
    if written.text == statement.text and not made.told:
        statement.meanings, statement.plan = made.meanings, made.plan
        statement.copies = made.copies
        return PASS
    made.text = written.text
    return Replace(made)
