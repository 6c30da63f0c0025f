"""The stages of one daemon, and for each kind of work the hooks that judge it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from twisted.internet.defer import maybeDeferred

from acra_twisted.exchange import MESSAGES, PARAMETERS, ROWS, STATEMENT, Work
from acra_twisted.interfaces import (
    ILoadStage,
    IMessageStage,
    IParameterStage,
    IResultStage,
    IStatementStage,
)
from acra_twisted.pipeline import driver
from acra_twisted.pipeline.driver import Hook
from acra_twisted.pipeline.plans import Planner
from acra_twisted.results import Columns, Plan
from acra_twisted.verdicts import PASS


class Pipeline:
    """The configured stages as flat tuples of hooks, in the order in which they run.

    ``plan_rows`` gives the plan for a result's columns, ``plan_loads`` the one for rows that a
    client loads; None if no stage looks at them.
    """

    def __init__(self, stages: Sequence[Any] = (), lenient: Iterable[str] = ()) -> None:
        self.stages = tuple(stages)
        passes = frozenset(lenient)

        def hooks(interface: Any, method: str) -> tuple[Hook, ...]:
            return tuple(
                (stage.name, getattr(stage, method), stage.name in passes)
                for stage in self.stages
                if interface.providedBy(stage)
            )

        self.statement_hooks = hooks(IStatementStage, "on_statement")
        self.parameter_hooks = hooks(IParameterStage, "on_parameters")
        # Replies run the list backwards.
        result_hooks = hooks(IResultStage, "plan_result")[::-1]
        self.message_hooks = hooks(IMessageStage, "on_message")[::-1]
        self._results = Planner(result_hooks)
        self.plan_rows: Callable[[Columns], Plan] | None = (
            self._results.plan if result_hooks else None
        )
        load_hooks = hooks(ILoadStage, "plan_load")
        self._loads = Planner(load_hooks)
        self.plan_loads: Callable[[Columns], Plan] | None = self._loads.plan if load_hooks else None
        kinds = (
            (STATEMENT, self.statement_hooks),
            (PARAMETERS, self.parameter_hooks),
            (ROWS, result_hooks),
            (MESSAGES, self.message_hooks),
        )
        #: Kinds of work worth making.
        self.inspects = frozenset(kind for kind, found in kinds if found)

    def run(self, work: Work) -> Any:
        """The verdict on a piece of work, or a Deferred of it."""
        kind = work.kind
        if kind == STATEMENT:
            return driver.run_from(self.statement_hooks, 0, work, PASS)
        if kind == ROWS:
            return driver.run_from(work.hooks, 0, work, PASS)
        if kind == PARAMETERS:
            return driver.run_from(self.parameter_hooks, 0, work, PASS)
        return driver.run_from(self.message_hooks, 0, work, PASS)

    def forget_plans(self) -> None:
        """Ask the stages anew about every result: they have read something anew."""
        self._results.forget()
        self._loads.forget()

    async def stop(self) -> None:
        """Stop every stage, the one nearest the client first."""
        for stage in self.stages:
            await maybeDeferred(stage.stop)
