"""Values that are bound to prepared statements which may concern protected columns: encoded by what
is known of the statement, or refused."""

from __future__ import annotations

from functools import partial
from typing import Any

from acra_twisted.encryption.postgresql.planner import Planned
from acra_twisted.encryption.postgresql.writing import Bound
from acra_twisted.exchange import Exchange, Parameters, Statement
from acra_twisted.pipeline.driver import then
from acra_twisted.pipeline.workers import Workers
from acra_twisted.stages.bypassing import Bypasses, tell
from acra_twisted.stages.columnbindings import Binding, names_of, plans_of
from acra_twisted.stages.columnencoding import Encoder
from acra_twisted.stages.columnmeanings import Snapshot
from acra_twisted.stages.columnverdicts import CHANGED, ENDED, UNSURE, refused
from acra_twisted.stages.sessioncolumns import SessionColumns
from acra_twisted.stages.sessionknown import NAME_SIZE, Known
from acra_twisted.verdicts import PASS, Replace


class ColumnParameters:
    """Judges parameters; ``columns`` follows the statements that may change tables, ``bypasses``
    are those by which statements were prepared."""

    def __init__(
        self, columns: SessionColumns, encoder: Encoder, workers: Workers, bypasses: Bypasses
    ) -> None:
        self._bypasses = bypasses
        self._columns = columns
        self._encoder = encoder
        self._workers = workers

    def judge(
        self, parameters: Parameters, exchange: Exchange, known: Known, snapshot: Snapshot
    ) -> Any:
        """Return the verdict on parameters, or a Deferred of it.  Raises ValueRefusedError, or
        fails with it."""
        statement = parameters.statement
        if statement is None or not parameters.is_meant:
            return refused(UNSURE)
        name = (statement.prepared_name or b"")[:NAME_SIZE].decode("utf-8", "replace")
        if name in known.prepared:
            return refused(UNSURE)
        binding: Binding | None = statement.plan
        if binding is None:
            return refused(UNSURE)
        names = names_of(known, snapshot, binding.is_watched)
        if binding.names == names:
            return self._planned(parameters, exchange, known, binding)
        if binding.is_named:
            return refused(CHANGED)
        # It named nothing protected; the same names may mean others now.
        current = binding._replace(names=names)
        planned = plans_of(binding.text, binding.mode, known, snapshot, self._workers)
        decide = partial(self._planned_anew, parameters, exchange, known, statement, current)
        return then(planned, decide)

    def _planned_anew(
        self,
        parameters: Parameters,
        exchange: Exchange,
        known: Known,
        statement: Statement,
        binding: Binding,
        planned: Planned,
    ) -> Any:
        if planned.statements is not None:
            return refused(CHANGED)
        statement.plan = binding
        return self._planned(parameters, exchange, known, binding)

    def _planned(
        self, parameters: Parameters, exchange: Exchange, known: Known, binding: Binding
    ) -> Any:
        bypass = binding.bypass
        if bypass is not None:
            if not self._bypasses.is_in_force(bypass, exchange.session.identity.client_id):
                return refused(ENDED)
            tell(exchange, bypass)
        if binding.is_watched:
            self._columns.watch(known, exchange, binding.text, binding.is_named, binding.prepares)
        uses, matched = binding.uses, binding.matched
        if not uses:
            if not matched:
                return PASS
            checked = self._encoder.parameters(parameters, (), matched, exchange)
            return then(checked, lambda _: PASS)
        kinds = parameters.types
        needed = max(one.source for one in uses)
        if kinds is None or not needed == len(kinds) == len(parameters.values):
            return refused(UNSURE)
        bound = self._encoder.parameters(parameters, uses, matched, exchange)
        return then(bound, partial(_verdict, parameters))


def _verdict(parameters: Parameters, bound: Bound) -> Replace[Parameters]:
    return Replace(Parameters(bound.values, bound.formats, parameters.statement))
