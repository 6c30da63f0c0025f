"""When something changed: the break in a series of means.

Minutes behind a break differ from those before it by a quarter at least, and by a fifth of a
millisecond, and they still do so at the end of the series.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

#: Minutes before a break that count, and at the end of the series.
_BEFORE: Final = 15
_NOW: Final = 5
#: Minutes that a side of a break has at least.
_SIDE: Final = 3
#: The least difference: as a share of the mean before, and in milliseconds.
_SHARE: Final = 0.25
_MS: Final = 0.2


class Minute(NamedTuple):
    """``total`` milliseconds of ``calls`` requests."""

    calls: int
    total: float


class Break(NamedTuple):
    """``place`` is the first minute behind it; ``before`` and ``now`` are means in milliseconds."""

    place: int
    before: float
    now: float

    def as_json(self, since: str) -> dict[str, Any]:
        """Its plain values; ``since`` is when it was."""
        return {"since": since, "before_ms": self.before, "now_ms": self.now}


def mean(minutes: Sequence[Minute]) -> float:
    """Return the mean of all requests of some minutes; 0 without any."""
    calls = sum(minute.calls for minute in minutes)
    return sum(minute.total for minute in minutes) / calls if calls else 0.0


def find(minutes: Sequence[Minute]) -> Break | None:
    """Return the break that parts the minutes best, None without one.

    Minutes without requests are neither like nor unlike the others.
    """
    busy = [place for place, minute in enumerate(minutes) if minute.calls]
    means = [minutes[place].total / minutes[place].calls for place in busy]
    if len(busy) < 2 * _SIDE:
        return None
    sums, squares = [0.0], [0.0]
    for value in means:
        sums.append(sums[-1] + value)
        squares.append(squares[-1] + value * value)

    def spread(begin: int, end: int) -> float:
        """How far values are from their mean, in squares."""
        added = sums[end] - sums[begin]
        return squares[end] - squares[begin] - added * added / (end - begin)

    length = len(means)
    cut = min(
        range(_SIDE, length - _SIDE + 1), key=lambda place: spread(0, place) + spread(place, length)
    )
    before = mean([minutes[place] for place in busy[max(cut - _BEFORE, 0) : cut]])
    now = mean([minutes[place] for place in busy[max(length - _NOW, cut) :]])
    if abs(now - before) < max(_SHARE * before, _MS):
        return None
    return Break(busy[cut], before, now)
