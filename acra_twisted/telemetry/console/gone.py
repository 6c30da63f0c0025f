"""Find connectors over which requests came all the time, and from some minute on none."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from heapq import nlargest
from typing import Any, Final, NamedTuple

from acra_twisted.telemetry.console import formats
from acra_twisted.telemetry.console.sentences import SLOW, Sentence, link, sentence, strong
from acra_twisted.telemetry.figures.counting import MINUTE

#: Minutes without a request from which on a connector is gone, and up to which that is told.
_SILENT, _TOLD = 3, 60
#: Requests came all the time if they came in so many of the last minutes before.
_OFTEN, _BEFORE = 20, 30
_NAMED: Final = 3
#: Connectors that are told of.
LASTS_MAX: Final = 200


class Gone(NamedTuple):
    """A connector by its address, and the first minute (since the epoch) without requests."""

    connector: str
    since: int

    def as_json(self) -> dict[str, Any]:
        """Its plain values."""
        return {"connector": self.connector, "since": formats.clock(self.since * MINUTE)}


class Last(NamedTuple):
    """When requests came last to a server over a connector: the minute since the epoch.  ``often``
    is True if they came all the time up to then."""

    connector: str
    minute: int
    often: bool


def lasts(heard: Mapping[str, Collection[int]]) -> list[Last]:
    """Return when requests came last, of so many connectors at most those that were heard last;
    ``heard`` has the minutes with requests by connector."""
    found = []
    for connector, minutes in heard.items():
        last = max(minutes)
        often = sum(minute > last - _BEFORE for minute in minutes) >= _OFTEN
        found.append(Last(connector, last, often))
    return nlargest(LASTS_MAX, found, key=lambda one: one.minute)


def gone(told: Iterable[Last], now: int) -> list[Gone]:
    """Return the connectors that are gone at a minute, the last ones first: from all servers that
    have told when requests came, for one that has gone to another server is there."""
    latest: dict[str, int] = {}
    often: set[str] = set()
    for one in told:
        latest[one.connector] = max(latest.get(one.connector, 0), one.minute)
        if one.often:
            often.add(one.connector)
    found = [
        Gone(connector, latest[connector] + 1)
        for connector in often
        if _SILENT < now - latest[connector] <= _TOLD
    ]
    return sorted(found, key=lambda one: (-one.since, one.connector))


def said(found: Sequence[Gone], href: str = "", here: bool = True) -> Sentence | None:
    """Tell of connectors that are gone; ``href`` is where more is told, and ``here`` is False where
    all servers have been asked."""
    if not found:
        return None
    names = ", ".join(formats.name(one.connector) for one in found[:_NAMED])
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    which = "the connector" if len(found) == 1 else f"{len(found)} connectors:"
    since = formats.clock(min(one.since for one in found) * MINUTE)
    return sentence(
        "gone",
        SLOW,
        strong(f"Nothing has come {'here ' if here else ''}over {which} "),
        link(names, href) if href else strong(names),
        f"{more} since {since}; requests came all the time before.",
    )
