"""Questions that many ask at once, and that are asked once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.logger import Logger

_log = Logger()


class Asking:
    """The questions under way, by key."""

    def __init__(self) -> None:
        self._waiting: dict[bytes, list[Deferred[None]]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def ask(self, key: bytes, question: Callable[[], Awaitable[None]]) -> Deferred[None]:
        """Ask, unless it is asked already.  The Deferred fires at the end, whatever that is.

        Who cancels it does not wait any more; the others do, and what is asked is asked.
        """
        waiter: Deferred[None] = Deferred()
        if key in self._waiting:
            self._waiting[key].append(waiter)
            return waiter
        self._waiting[key] = [waiter]
        asked: Deferred[Any] = ensureDeferred(_run(question))
        asked.addErrback(lambda failure: _log.failure("a question has failed", failure))
        asked.addBoth(self._over, key)
        return waiter

    def _over(self, _: Any, key: bytes) -> None:
        for waiter in self._waiting.pop(key):
            if not waiter.called:
                waiter.callback(None)


async def _run(question: Callable[[], Awaitable[None]]) -> None:
    await question()
