"""The stages of one daemon, and for each kind of work the hooks that judge it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from twisted.internet.defer import maybeDeferred

from acra_twisted.exchange import MESSAGES, PARAMETERS, ROWS, STATEMENT, Judges, LooksAt, Work
from acra_twisted.interfaces import (
    ILoadStage,
    IMessageStage,
    IParameterStage,
    IResultStage,
    ISelectiveParameterStage,
    ISelectiveStatementStage,
    IStatementStage,
)
from acra_twisted.pipeline import driver
from acra_twisted.pipeline.driver import Hook
from acra_twisted.pipeline.plans import make_plan
from acra_twisted.results import Planner


class Pipeline:
    """The configured stages as flat tuples of hooks, in the order in which they run.

    ``results`` has the plans for results, ``loads`` those for rows that a client loads; None if no
    stage looks at them.  ``looks_at`` tells whether some stage looks at the values of a statement;
    None if one looks at those of all, or none at any.  ``judges`` tells whether the only stage for
    statements judges a simple query; None if it judges all, or there are more stages.
    """

    def __init__(
        self,
        stages: Sequence[Any] = (),
        lenient: Iterable[str] = (),
    ) -> None:
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
        self.results = _planner(result_hooks)
        self.loads = _planner(hooks(ILoadStage, "plan_load"))
        self.looks_at = self._choice()
        judging: list[Any] = [one for one in self.stages if IStatementStage.providedBy(one)]
        self.judges: Judges | None = None
        if len(judging) == 1 and ISelectiveStatementStage.providedBy(judging[0]):
            self.judges = judging[0].judges
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
            return driver.run(self.statement_hooks, work)
        if kind == ROWS:
            return driver.run(work.hooks, work)
        if kind == PARAMETERS:
            return driver.run(self.parameter_hooks, work)
        return driver.run(self.message_hooks, work)

    def _choice(self) -> LooksAt | None:
        """The choice of the stages that look at values, if all of them make one."""
        stages: list[Any] = [one for one in self.stages if IParameterStage.providedBy(one)]
        if not stages or not all(map(ISelectiveParameterStage.providedBy, stages)):
            return None
        choices: list[LooksAt] = [stage.looks_at for stage in stages]
        if len(choices) == 1:
            return choices[0]
        return lambda statement, session: any(one(statement, session) for one in choices)

    def forget_plans(self) -> None:
        """Ask the stages anew about every result: they have read something anew."""
        for planner in (self.results, self.loads):
            if planner is not None:
                planner.forget()

    async def stop(self) -> None:
        """Stop every stage, the one nearest the client first."""
        for stage in self.stages:
            await maybeDeferred(stage.stop)


def _planner(hooks: tuple[Hook, ...]) -> Planner | None:
    return Planner(partial(make_plan, hooks)) if hooks else None
