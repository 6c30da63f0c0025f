"""Saying that a destination of the log takes no lines, and that it takes them again.

A full disk, a file that may not grow, syslog that is away: the lines are lost and counted, and what
says so must not be among them.  So all other destinations get it, and standard error in any case.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.logger import LogEvent, LogLevel

from acra_twisted import events

#: Seconds between two times that one destination is said to fail.
_APART = 60.0


class Losses:
    """Is told by `saw` of each line whether a sink has taken it.

    ``console`` is standard error, if it is none of ``sinks``.  ``formatter`` makes lines.
    """

    def __init__(
        self, formatter: Callable[[LogEvent], str], sinks: Sequence[Any], console: Any = None
    ) -> None:
        self._format = formatter
        self._told = (*sinks, console) if console is not None else tuple(sinks)
        # Those that fail: lines that they had lost before.
        self._failing: dict[Any, int] = {}
        self._said: dict[Any, float] = {}
        self._spoken_of: set[Any] = set()

    def saw(self, sink: Any, written: bool, now: float) -> None:
        """A line was written, or lost."""
        if written:
            if sink in self._failing:
                self._recovered(sink, now)
        elif sink not in self._failing:
            self._failed(sink, now)

    def _failed(self, sink: Any, now: float) -> None:
        self._failing[sink] = sink.lost - 1
        if now - self._said.get(sink, -_APART) >= _APART:
            self._said[sink] = now
            self._spoken_of.add(sink)
            why = f": {sink.why}" if sink.why else ""
            self._say(f"Log lines are lost, {sink.place} takes none{why}", now, sink)

    def _recovered(self, sink: Any, now: float) -> None:
        lost = sink.lost - self._failing.pop(sink)
        if sink in self._spoken_of:
            self._spoken_of.discard(sink)
            text = f"{sink.place} takes log lines again"
            self._say(text[:1].upper() + text[1:], now, sink, lines_lost=lost)

    def _say(self, text: str, now: float, about: Any, **fields: Any) -> None:
        event: LogEvent = {
            "log_time": now,
            "log_level": LogLevel.warn,
            "log_format": "{event_text}",
            "event_text": text,
            "code": events.LOG_LINES_LOST,
            **fields,
        }
        line = self._format(event)
        for sink in self._told:
            if sink is not about and sink not in self._failing:
                self.saw(sink, sink.send(line, event), now)
