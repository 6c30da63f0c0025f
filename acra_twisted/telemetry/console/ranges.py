"""The ranges of time of the console's views, and the axes of their charts."""

from __future__ import annotations

from typing import Final, NamedTuple

from acra_twisted.telemetry.console.charts import Tick
from acra_twisted.telemetry.console.formats import clock
from acra_twisted.telemetry.figures.counting import MINUTE
from acra_twisted.telemetry.pages.arguments import chosen

#: Ranges with their names and minutes.
RANGES: Final = {
    "15m": ("15 min", 15),
    "1h": ("1 h", 60),
    "24h": ("24 h", 1440),
    "7d": ("7 d", 7 * 1440),
    "30d": ("30 d", 30 * 1440),
}
#: Those in which requests are counted by client.
RECENT: Final = {"5m": ("5 min", 5), "15m": RANGES["15m"], "1h": RANGES["1h"]}
#: The ranges as a text has them behind "the last".
_SAID: Final = {
    "15m": "15 minutes",
    "1h": "hour",
    "24h": "24 hours",
    "7d": "7 days",
    "30d": "30 days",
}
DEFAULT: Final = "1h"
#: Columns of a chart at most.
_COLUMNS: Final = 60
_HOUR: Final = 60
_DAY: Final = 1440


class Range(NamedTuple):
    """Minutes from ``since`` up to before ``until``, in columns of ``step`` minutes.

    Of older times only hours are known: a column that is longer than a minute has whole hours.
    ``now`` is the first minute that has not begun, where that is before the end; else 0.
    """

    key: str
    since: int
    until: int
    now: int = 0

    @property
    def minutes(self) -> int:
        """How many there are."""
        return self.until - self.since

    @property
    def title(self) -> str:
        """Its name."""
        return RANGES[self.key][0]

    @property
    def said(self) -> str:
        """Its name behind "the last"."""
        return _SAID[self.key]

    @property
    def step(self) -> int:
        """Minutes of a column of a chart."""
        step = -(-self.minutes // _COLUMNS)
        return step if step == 1 else -(-step // _HOUR) * _HOUR

    @property
    def each(self) -> str:
        """The time of a column: ``minute``, ``hour`` or ``3 hours``."""
        if self.step < _HOUR:
            return "minute"
        hours = self.step // _HOUR
        return "hour" if hours == 1 else f"{hours} hours"

    @property
    def elapsed(self) -> int:
        """Minutes of it that have begun."""
        return (self.now or self.until) - self.since

    def width(self, column: int) -> int:
        """Minutes of a column that have begun; one at least."""
        begin = self.since + column * self.step
        return max(min(begin + self.step, self.now or self.until) - begin, 1)

    @property
    def columns(self) -> int:
        """Columns of a chart."""
        return -(-self.minutes // self.step)

    def column(self, minute: int) -> int:
        """Return the column of a minute; the first and the last have what is beyond."""
        return min(max((minute - self.since) // self.step, 0), self.columns - 1)

    def at(self, column: int) -> float:
        """Return where a column is in a chart, in percent."""
        return 100 * column / max(self.columns - 1, 1)

    def begins(self, column: int) -> str:
        """When a column begins."""
        minute = self.since + column * self.step
        if self.minutes <= _DAY:
            return clock(minute * MINUTE)
        return day(minute)

    def ticks(self, few: bool = False) -> list[Tick]:
        """The labels of an axis."""
        is_long = self.minutes > _DAY
        # Days and hours take more room than hours and minutes.
        parts = 2 if few else 4 if is_long else 6
        found = []
        for part in range(parts + 1):
            column = min(part * self.columns // parts, self.columns - 1)
            zone = " UTC" if part == parts and not is_long else ""
            found.append(Tick(self.at(column), self.begins(column) + zone))
        return found

    def before(self) -> Range:
        """The range as long as this one that ends where this one begins."""
        return Range(self.key, self.since - self.minutes, self.since)


def range_of(key: str, now: int) -> Range:
    """Return the range of a name, up to a moment in nanoseconds.  Raises Unfit."""
    chosen("range", key, RANGES)
    end = now // MINUTE + 1
    minutes = RANGES[key][1]
    if minutes <= _COLUMNS:
        return Range(key, end - minutes, end)
    until = -(-end // _HOUR) * _HOUR
    return Range(key, until - minutes, until, end if end < until else 0)


def day(minute: int) -> str:
    """The day and hour of a minute: ``28 Nov 14:00``."""
    from datetime import UTC, datetime

    moment = datetime.fromtimestamp(minute * 60, UTC)
    return f"{moment.day} {moment:%b %H:%M}"
