"""Dates as Acra's acra-tokens takes them, and sizes as it shows them."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

_MONTHS: Final = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_DATE: Final = re.compile(
    r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)"
    r"(?:[T ](?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.\d+)?"
    r"(?P<zone>Z|[+-]\d\d:\d\d)?)?)?",
    re.ASCII,
)
_MONTH: Final = re.compile(r"(?:(?P<name>[A-Za-z]+) )?(?P<year>\d{4})", re.ASCII)
_UNITS: Final = ("B", "KB", "MB", "GB")
#: A size up to this part of a unit is shown in the one below.
_NEXT: Final = 512


def unix_seconds(text: str) -> int:
    """Return the time of a text: RFC 3339, a date with a time or without, a month, a year.  It is
    local time where there is no zone.  Raises ValueError."""
    try:
        return int(_moment(text).timestamp())
    except OverflowError:
        raise ValueError from None


def _moment(text: str) -> datetime:
    found = _DATE.fullmatch(text)
    if found is not None:
        parts = found.groupdict(default="00")
        clock = ":".join(parts[name] for name in ("hour", "minute", "second"))
        zone = found["zone"] or ""
        day = "-".join(parts[name] for name in ("year", "month", "day"))
        return datetime.fromisoformat(f"{day}T{clock}{zone}").astimezone()
    found = _MONTH.fullmatch(text)
    if found is None:
        raise ValueError
    return datetime(int(found["year"]), _month(found["name"] or "jan"), 1).astimezone()


def _month(name: str) -> int:
    lower = name.lower()
    for number, month in enumerate(_MONTHS, 1):
        if lower in (month, month[:3]):
            return number
    raise ValueError


def human(size: int) -> str:
    """Return a size in bytes for people."""
    amount, unit = float(size), 0
    while amount > _NEXT and unit < len(_UNITS) - 1:
        amount, unit = amount / 1024, unit + 1
    return f"{amount:.2f} {_UNITS[unit]}" if unit else f"{size} B"
