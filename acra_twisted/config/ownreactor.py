"""A reactor for a question that is asked before twistd has begun, or without it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from twisted.internet.defer import ensureDeferred
from twisted.python.failure import Failure

Answer = TypeVar("Answer")
#: Returns the answer of a function that gets the reactor, as `in_own_reactor` does.
Run = Callable[[Callable[[Any], Coroutine[Any, Any, Any]]], Any]


def in_own_reactor(ask: Callable[[Any], Coroutine[Any, Any, Answer]]) -> Answer:
    """The answer of ``ask``, which gets the reactor; raises what it raises.

    A process can do so once, and not when a reactor runs.
    """
    from twisted.internet import reactor as chosen  # noqa: TID251 - nobody else runs one yet

    reactor: Any = chosen
    results: list[Answer | Failure] = []

    def begin() -> None:
        answering = ensureDeferred(ask(reactor))
        answering.addBoth(results.append).addBoth(lambda _: reactor.stop())

    reactor.callWhenRunning(begin)
    reactor.run(installSignalHandlers=False)
    [result] = results
    if isinstance(result, Failure):
        result.raiseException()
    return result
