"""Work of sessions that takes longer than a turn of the reactor should, in steps.

All of it together takes one step of each turn, however many sessions have some, and whatever a
session has first a little more: nobody waits longer than that for the reactor.  A thread would do
it no sooner, for it needs the interpreter all the time; handing over and back would come on top.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

#: The cost of a step, in microseconds, as the pieces of work estimate it.
STEP: Final = 500
#: The cost of what new work may do at once while other work waits for its turn.
FIRST: Final = 100


class Steps:
    """Takes steps in the turns of ``reactor``."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._waiting: deque[tuple[Iterator[int], Deferred[None]]] = deque()
        self._is_due = False

    def run(self, work: Iterator[int]) -> Deferred[None] | None:
        """Do some work, whose pieces yield their costs when they are done.  Return None if it is
        done at once, else a Deferred of None.  Raises what the work raises, or fails with it."""
        if not _goes_on(work, FIRST if self._waiting else STEP):
            return None
        done: Deferred[None] = Deferred()
        self._waiting.append((work, done))
        self._ask_for_turn()
        return done

    def _ask_for_turn(self) -> None:
        if self._waiting and not self._is_due:
            self._is_due = True
            # A timer's turn may come later: sockets are told first for a while.
            self._reactor.callFromThread(self._turn)

    def _turn(self) -> None:
        self._is_due = False
        work, done = self._waiting.popleft()
        outcome: Failure | None = None
        try:
            if _goes_on(work, STEP):
                self._waiting.append((work, done))
                return
        except Exception:
            outcome = Failure()
        finally:
            self._ask_for_turn()
        if outcome is None:
            done.callback(None)
        else:
            done.errback(outcome)


def _goes_on(work: Iterator[int], most: int) -> bool:
    """Do work up to a cost; return True if there may be more of it."""
    for cost in work:
        most -= cost
        if most <= 0:
            return True
    return False
