"""The stages of one daemon, and for each kind of work the hooks that judge it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from itertools import takewhile
from typing import Any, Final

from twisted.internet.defer import maybeDeferred

from acra_twisted.exchange import (
    MESSAGES,
    PARAMETERS,
    ROWS,
    STATEMENT,
    Exchange,
    Judges,
    LooksAt,
    Statement,
    Work,
)
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
from acra_twisted.pipeline.plans import make_plan, raising
from acra_twisted.results import Planner
from acra_twisted.session import Session
from acra_twisted.verdicts import PASS, Replace

#: Among a session's notes: the last `_Failure`.
_FAILURE: Final = "asked stage"


class _Failure:
    """A stage that has failed when it was asked about a statement, or about the values for one:
    its place among those that get such work, and its error."""

    __slots__ = ("kind", "statement", "place", "error")

    def __init__(self, kind: str, statement: Statement, place: int, error: Exception) -> None:
        self.kind = kind
        self.statement = statement
        self.place = place
        self.error = error


class Pipeline:
    """The configured stages as flat tuples of hooks, in the order in which they run.

    ``results`` has the plans for results, ``loads`` those for rows that a client loads; None if no
    stage looks at them.  ``looks_at`` tells whether some stage looks at the values of a statement;
    None if one looks at those of all, or none at any.  ``judges`` tells how many of the stages must
    judge a simple query; None if all must, or there are none.  A stage that raises when one of them
    asks it fails in the run that comes next in its session: as any broken stage, it refuses there,
    or is passed by.
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
        self.judges = self._judging()
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
            return self._run_on(work) if work.left >= 0 else driver.run(self.statement_hooks, work)
        if kind == ROWS:
            return driver.run(work.hooks, work)
        if kind == PARAMETERS:
            return driver.run(_with_failure(self.parameter_hooks, work), work)
        return driver.run(self.message_hooks, work)

    def _run_on(self, work: Work) -> Any:
        """Have the stages that are left judge a statement, which those before them may have
        changed."""
        statement: Statement = work.item
        passed = len(self.statement_hooks) - work.left
        verdict: Any = PASS if statement.written is None else Replace(statement)
        return driver.run(_with_failure(self.statement_hooks, work), work, passed, verdict)

    def _judging(self) -> Judges | None:
        """See `judges`: it asks the stages one after the other, up to the first that judges all."""
        stages: list[Any] = [one for one in self.stages if IStatementStage.providedBy(one)]
        choosing = takewhile(ISelectiveStatementStage.providedBy, stages)
        choices: list[Judges] = [stage.judges for stage in choosing]
        return _in_turn(choices, len(stages)) if choices else None

    def _choice(self) -> LooksAt | None:
        """The choice of the stages that look at values, if all of them make one."""
        stages: list[Any] = [one for one in self.stages if IParameterStage.providedBy(one)]
        if not stages or not all(map(ISelectiveParameterStage.providedBy, stages)):
            return None
        return _any([stage.looks_at for stage in stages])

    def forget_plans(self) -> None:
        """Ask the stages anew about every result: they have read something anew."""
        for planner in (self.results, self.loads):
            if planner is not None:
                planner.forget()

    async def stop(self) -> None:
        """Stop every stage, the one nearest the client first."""
        for stage in self.stages:
            await maybeDeferred(stage.stop)


def _in_turn(choices: Sequence[Judges], count: int) -> Judges:
    """``choices`` are those of the first of ``count`` stages."""

    def judges(statement: Statement, exchange: Exchange) -> int:
        left = count
        for one in choices:
            try:
                if one(statement, exchange):
                    break
            except Exception as error:
                failure = _Failure(STATEMENT, statement, count - left, error)
                exchange.session.notes[_FAILURE] = failure
                break
            left -= 1
        return left

    return judges


def _any(choices: Sequence[LooksAt]) -> LooksAt:
    """``choices`` are those of all stages that look at values."""

    def looks_at(statement: Statement, session: Session) -> bool:
        for index, one in enumerate(choices):
            try:
                if one(statement, session):
                    return True
            except Exception as error:
                session.notes[_FAILURE] = _Failure(PARAMETERS, statement, index, error)
                return True
        return False

    return looks_at


def _with_failure(hooks: tuple[Hook, ...], work: Work) -> tuple[Hook, ...]:
    """Return the hooks for work that comes of asking the stages: one that has failed then raises
    the same.  It may have been asked about other work, of which nothing came."""
    failure: _Failure | None = work.exchange.session.notes.pop(_FAILURE, None)
    if failure is None or failure.kind != work.kind:
        return hooks
    if failure.statement is not (work.item if work.kind == STATEMENT else work.item.statement):
        return hooks
    index = failure.place
    name, _, lenient = hooks[index]
    return *hooks[:index], (name, raising(failure.error), lenient), *hooks[index + 1 :]


def _planner(hooks: tuple[Hook, ...]) -> Planner | None:
    return Planner(partial(make_plan, hooks)) if hooks else None
