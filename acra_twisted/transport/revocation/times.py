"""Times of OCSP answers and revocation lists.  Pure."""

from __future__ import annotations

import datetime
from typing import Final

from acra_twisted.transport.certificates import date
from acra_twisted.transport.revocation.policy import EARLY, GOOD, STALE, Status

#: Seconds by which clocks may differ.
SKEW: Final = 300.0
#: Seconds for which something is taken that does not say when it ends.
MAX_AGE: Final = 7 * 86_400.0
#: Seconds until it is asked again after a failure.
AFTER_FAILURE: Final = 30.0


def timely(
    what: str,
    begin: datetime.datetime,
    end: datetime.datetime | None,
    now: float,
    max_age: float = MAX_AGE,
) -> Status:
    """Judge ``what`` (as in "its OCSP answer") by its times.

    `EARLY`, `STALE`, or `GOOD` with the times between which it stands.  ``now`` is Unix time.
    """
    if begin.timestamp() > now + SKEW:
        return Status(EARLY, f"is not checked: {what} is valid from {date(begin)} on")
    last = begin.timestamp() + max_age if end is None else end.timestamp()
    if last < now - SKEW:
        ended = datetime.datetime.fromtimestamp(last, datetime.UTC)
        return Status(STALE, f"is not checked: {what} was valid until {date(ended)}")
    return Status(GOOD, "", begin.timestamp(), last + SKEW)
