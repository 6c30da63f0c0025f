"""Lets a stage act once it is known how the database answered, without asking at each reply."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from acra_twisted.exchange import Exchange

_MAX_WAITING = 10_000
#: Outcomes without a refusal by the database.
_NOT_FAILED = frozenset(("ok", "denied"))


class Awaiting:
    """Items of exchanges that run.  ``settle`` is told of each item whether the database did what
    was asked, or never saw it; false for an error."""

    def __init__(self, settle: Callable[[Any, bool], None]) -> None:
        self._settle = settle
        self._waiting: deque[tuple[Exchange, Any]] = deque()

    def add(self, exchange: Exchange, item: Any) -> None:
        """Keep an item until its exchange ends.  Past 10,000 one of them is told as failed."""
        self._waiting.append((exchange, item))
        # Two looked at for one that comes: those that wait are those that run.
        self._look(2)
        if len(self._waiting) > _MAX_WAITING:
            self._settle(self._waiting.popleft()[1], False)

    def sweep(self) -> None:
        """Tell of everything that has ended."""
        self._look(len(self._waiting))

    def _look(self, count: int) -> None:
        for _ in range(min(count, len(self._waiting))):
            exchange, item = self._waiting.popleft()
            if exchange.closed:
                self._settle(item, exchange.outcome in _NOT_FAILED)
            else:
                self._waiting.append((exchange, item))
