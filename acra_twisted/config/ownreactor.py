"""A reactor for a question that is asked before twistd has begun, or without it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.python.failure import Failure

Answer = TypeVar("Answer")
#: Returns the answer of a function that gets the reactor, as `in_own_reactor` does.
Run = Callable[[Callable[[Any], Coroutine[Any, Any, Any]]], Any]


def in_own_reactor(ask: Callable[[Any], Coroutine[Any, Any, Answer]]) -> Answer:
    """The answer of ``ask``, which gets the reactor; raises what it raises.

    A process can do so once, and not when a reactor runs.  An interrupt cancels ``ask``, and raises
    KeyboardInterrupt once it has ended; a second one ends the process.
    """
    from twisted.internet import reactor as chosen  # noqa: TID251 - nobody else runs one yet

    reactor: Any = chosen
    results: list[Answer | Failure] = []
    working: list[Deferred[Answer]] = []
    was_interrupted = False

    def begin() -> None:
        working.append(ensureDeferred(ask(reactor)))
        working[0].addBoth(results.append).addBoth(lambda _: reactor.stop())

    def interrupt(number: int, _: object) -> None:
        nonlocal was_interrupted
        was_interrupted = True
        signal.signal(number, signal.SIG_DFL)
        reactor.callFromThread(lambda: working[0].cancel())

    reactor.callWhenRunning(begin)
    before = signal.getsignal(signal.SIGINT)
    # Whoever ignores interrupts goes on ignoring them.
    takes_interrupts = before is signal.default_int_handler
    if takes_interrupts:
        signal.signal(signal.SIGINT, interrupt)
    reactor.run(installSignalHandlers=False)
    if takes_interrupts:
        signal.signal(signal.SIGINT, before)
    [result] = results
    if isinstance(result, Failure):
        if was_interrupted:
            raise KeyboardInterrupt from None
        result.raiseException()
    return result
