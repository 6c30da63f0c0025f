"""Days of the proleptic Gregorian calendar, from 4714 BC on: more than Python's own dates have.

The arithmetic is that of Julian day numbers, as PostgreSQL's ``date2j`` and ``j2date`` do it.
Years are astronomical: 0 is 1 BC.
"""

from __future__ import annotations

from typing import Final

#: The Julian day of 1 January 2000.
EPOCH: Final = 2451545
#: The first and the last day that there is, as days since the epoch: 24 November 4714 BC and
#: 31 December 5874897.
FIRST: Final = -EPOCH
LAST: Final = 2145031948

_LENGTHS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def is_day(year: int, month: int, day: int) -> bool:
    """Return True if the calendar has such a day."""
    if not 1 <= month <= 12 or day < 1:
        return False
    leap = month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return day <= _LENGTHS[month - 1] + leap


def to_days(year: int, month: int, day: int) -> int:
    """The days from 1 January 2000 to a day of the calendar."""
    shift = (14 - month) // 12
    years = year + 4800 - shift
    months = month + 12 * shift - 3
    julian = day + (153 * months + 2) // 5 + 365 * years
    return julian + years // 4 - years // 100 + years // 400 - 32045 - EPOCH


def from_days(days: int) -> tuple[int, int, int]:
    """Year, month and day.  ``days`` is from FIRST to LAST."""
    rest = days + EPOCH + 32044
    centuries = (4 * rest + 3) // 146097
    rest -= 146097 * centuries // 4
    years = (4 * rest + 3) // 1461
    rest -= 1461 * years // 4
    months = (5 * rest + 2) // 153
    day = rest - (153 * months + 2) // 5 + 1
    return 100 * centuries + years - 4800 + months // 10, months + 3 - 12 * (months // 10), day
