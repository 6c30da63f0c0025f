"""Run the stages over one piece of work: the only place that tells a value from a Deferred.

`run` answers a verdict at once if every stage does, else a Deferred of one.  The synchronous
path makes no Deferred and no closure.  A Deferred that has fired already is read in place, in
the loop: were the rest of the work its callback, ten thousand pipelined statements would be ten
thousand stack frames.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from acra_twisted.exchange import MESSAGES, PARAMETERS, ROWS, Work
from acra_twisted.stagerun import StageRun
from acra_twisted.verdicts import PASS, Deny, Hangup, Replace, broken

#: Stage name, bound method, and whether traffic passes when it fails (advisory stages only).
Hook = tuple[str, Callable[..., Any], bool]


Value = TypeVar("Value")
Result = TypeVar("Result")


def then(
    value: Value | Deferred[Value], function: Callable[[Value], Result]
) -> Result | Deferred[Result]:
    """Go on with ``function`` now if the value is there, else when it is.  For stages."""
    # By its classes: a negative isinstance against Deferred, which has a metaclass, takes longer.
    if Deferred in type(value).__mro__:
        return value.addCallback(function)  # type: ignore[union-attr]  # it is one
    return function(value)  # type: ignore[arg-type]  # it is none


def settled(result: Any) -> Any:
    """The result of a Deferred that has fired, as a value or Failure; else the Deferred itself."""
    outcome: list[Any] = []

    def keep(value: Any) -> Any:
        outcome.append(value)

    if result.called and not result.paused:
        result.addBoth(keep)
        if outcome:
            return outcome[0]
        # It waits for another Deferred that it was chained to; pass its result on from there.
        waiting: Deferred[Any] = Deferred()
        result.addCallback(lambda _: waiting.callback(outcome[0]))
        return waiting
    return result


def run(hooks: tuple[Hook, ...], work: Work, index: int = 0, verdict: Any = PASS) -> Any:
    """Verdict of the stages on ``work``, or a Deferred of it (which never fails).

    PASS if no stage changed anything; Replace with what the last one left otherwise.  The first
    Deny or Hangup ends the run.  It begins at the stage ``index``; ``verdict`` is what those before
    it left: PASS, or the last Replace.

    That a Replace holds the item it was given says nothing: rows are changed in place.
    """
    item = work.item if verdict is PASS else verdict.item
    exchange = work.exchange
    clock = exchange.session.clock
    # The end of one hook is the beginning of the next.
    started = exchange.begin_run()
    for hook in hooks[index:] if index else hooks:
        try:
            answer = hook[1](item, exchange)
        except Exception:
            answer = Failure()
        # By identity and exact type first: a negative isinstance against Deferred costs ten times
        # as much as a type comparison (it has a metaclass with an instance check).
        if answer is not PASS and type(answer) not in _VERDICTS and isinstance(answer, Deferred):
            answer = settled(answer)
            if isinstance(answer, Deferred):
                return answer.addBoth(_resume, hooks, index, work, verdict, started)
        if answer is not PASS:
            end = _judge(hook, work, answer, started)
            if end is not None:
                return end
            if type(answer) is Replace:
                verdict = answer
                item = answer.item
            if started:
                started = clock()
        elif started:
            # Nobody is told of each message.
            started = clock() if work.kind == MESSAGES else _ran(hook[0], work, PASS, started)
        index += 1
    return verdict


_VERDICTS: Final = frozenset((Replace, Deny, Hangup))


def _resume(
    answer: Any, hooks: tuple[Hook, ...], index: int, work: Work, verdict: Any, started: int
) -> Any:
    """A stage that waited has answered."""
    end = _judge(hooks[index], work, answer, started)
    if end is not None:
        return end
    return run(hooks, work, index + 1, answer if type(answer) is Replace else verdict)


def _judge(hook: Hook, work: Work, answer: Any, started: int) -> Deny | Hangup | None:
    """Report what a stage answered; the verdict that ends the run, if it is one."""
    name, _, lenient = hook
    exchange = work.exchange
    if answer is PASS or type(answer) is Replace:
        # Nobody is told of each message.
        if started and work.kind != MESSAGES:
            _ran(name, work, answer, started)
        return None
    observer = exchange.session.observer
    if type(answer) is not Failure and type(answer) not in _VERDICTS:
        answer = Failure(TypeError(f"stage {name} answered {type(answer).__name__}, not a verdict"))
    if isinstance(answer, Failure):
        failure, answer = answer, PASS if lenient else broken(name)
        observer.stage_failed(name, work, failure)
    if type(answer) is Deny:
        answer = answer.of_stage(name)
        exchange.denied_by = name
    elif type(answer) is Hangup:
        exchange.denied_by = name
        # No reply says so, and the end of the connection would look like a client's that left.
        exchange.outcome, exchange.reason = "denied", answer.reason
    if started:
        _ran(name, work, answer, started)
    if answer is PASS:
        return None
    refusal: Deny | Hangup = answer
    observer.stage_refused(name, work, refusal)
    return refusal


def _ran(stage: str, work: Work, verdict: Any, started: int) -> int:
    """Add to what stages did for an exchange; return the moment at which it was done."""
    exchange = work.exchange
    ended = exchange.session.clock()
    kind = work.kind
    if kind in (ROWS, PARAMETERS):
        for run in exchange.stage_runs or ():
            if run.kind == kind and run.stage == stage:
                run.runs += 1
                run.ended += ended - started
                if verdict is not PASS:
                    run.verdict = verdict
                return ended
    exchange.add_run(StageRun(stage, kind, verdict, started, ended))
    return ended
