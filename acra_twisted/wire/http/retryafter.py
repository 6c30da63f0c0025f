"""The HTTP header Retry-After: seconds, or a date in any of HTTP's three forms.

Source: RFC 9110, sections 5.6.7 and 10.2.3.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

#: Characters of a value; a date has 33 at most.
_LENGTH_MAX: Final = 64
#: Seconds that anybody is listened to: a date in another century must not end it all.
LONGEST: Final = 3600.0


def seconds(text: str, now: float) -> float:
    """Return the seconds from ``now`` (since 1970) for which the sender wants no request; 0 if it
    says nothing that can be read, or names what has passed."""
    text = text.strip()
    if not text or len(text) > _LENGTH_MAX or not text.isascii():
        return 0.0
    wanted = float(text) if text.isdigit() else _moment(text) - now
    return min(max(wanted, 0.0), LONGEST)


def _moment(text: str) -> float:
    """Seconds since 1970; 0 for what is no date."""
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, IndexError, OverflowError):
        return 0.0
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    return (found - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()
