"""Fewer requests are recorded while no destination of spans keeps up: none vanishes half-recorded.

A sampled request that is not admitted is as one that is not sampled: it is still recorded if it is
refused, fails or is slow, for which the rest of the queues is kept free.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from twisted.logger import Logger

from acra_twisted import events

#: Nanoseconds without a request that was not admitted, after which all is well again.
_CALM: Final = 10 * 10**9
#: Nanoseconds between two lines that say that it has begun.
_SAY_EVERY: Final = 60 * 10**9

_log: Final = Logger(namespace="acra")


class Backpressure:
    """``room`` gives the share of sampled requests that destinations can take, from 0 to 1;
    ``clock`` nanoseconds."""

    def __init__(self, room: Callable[[], float], clock: Callable[[], int]) -> None:
        self._room = room
        self._clock = clock
        #: Sampled requests that were not admitted.
        self.thinned = 0
        self._credit = 0.0
        self._begun_with = -1
        self._last = 0
        self._said = -_SAY_EVERY

    def admits(self) -> bool:
        """Tell whether a sampled request is recorded: of many, the share there is room for."""
        share = self._room()
        if share >= 1.0:
            if self._begun_with >= 0:
                self._calm_down()
            return True
        self._credit += share
        if self._credit >= 1.0:
            self._credit -= 1.0
            return True
        self._thin()
        return False

    def _thin(self) -> None:
        now = self._last = self._clock()
        if self._begun_with < 0 and now - self._said >= _SAY_EVERY:
            self._said = now
            self._begun_with = self.thinned
            _say("Spans come faster than they can be exported: fewer requests are recorded", 0)
        self.thinned += 1

    def _calm_down(self) -> None:
        if self._clock() - self._last >= _CALM:
            thinned = self.thinned - self._begun_with
            self._begun_with = -1
            _say("Every sampled request is recorded again", thinned)


def _say(text: str, thinned: int) -> None:
    fields = {"not_recorded": thinned} if thinned else {}
    _log.warn("{event_text}", event_text=text, code=events.EXPORT_FAILED, **fields)
