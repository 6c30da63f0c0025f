"""The greeting of a server that should have waited for the application."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

#: Seconds that a greeting is held for an application that says nothing.
PATIENCE: Final = 0.25
#: Bytes of a greeting that are held: those of servers that speak first are shorter.
LIMIT: Final = 16 * 1024


class Greeting:
    """Holds the first bytes of a server of another protocol, while nobody knows whether the
    application speaks that protocol too.

    An application that does waits for them, and one of PostgreSQL can make nothing of them: it is
    to be told which server it has come to.  It has perhaps spoken already, and its bytes are on
    their way.  ``deliver`` gets them when it has spoken, and behind PATIENCE seconds at the latest.
    """

    __slots__ = ("_deliver", "_held", "_reactor", "_timer")

    def __init__(self, reactor: Any, deliver: Callable[[bytes], None]) -> None:
        self._reactor = reactor
        self._deliver = deliver
        self._held = b""
        self._timer: Any = None

    @property
    def is_held(self) -> bool:
        """True while there is something to deliver."""
        return bool(self._held)

    def add(self, data: bytes) -> None:
        """Hold it, or more of it."""
        if self._timer is None:
            self._timer = self._reactor.callLater(PATIENCE, self.release)
        self._held += data
        if len(self._held) > LIMIT:
            self.release()

    def release(self) -> None:
        """Deliver what is held."""
        held = self._held
        self.drop()
        if held:
            self._deliver(held)

    def drop(self) -> None:
        """Hold nothing any more: the application is gone."""
        timer, self._timer, self._held = self._timer, None, b""
        if timer is not None and timer.active():
            timer.cancel()
