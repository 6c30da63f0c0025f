"""Find connectors over which requests came all the time, and from some minute on none."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

from acra_twisted.telemetry.console import formats
from acra_twisted.telemetry.console.sentences import SLOW, Sentence, link, sentence, strong
from acra_twisted.telemetry.figures.counting import MINUTE

#: Minutes without a request from which on a connector is gone, and up to which that is told.
_SILENT, _TOLD = 3, 60
#: Requests came all the time if they came in so many of the last minutes before.
_OFTEN, _BEFORE = 20, 30
_NAMED: Final = 3


class Gone(NamedTuple):
    """A connector by its address, and the first minute (since the epoch) without requests."""

    connector: str
    since: int

    def as_json(self) -> dict[str, Any]:
        """Its plain values."""
        return {"connector": self.connector, "since": formats.clock(self.since * MINUTE)}


def gone(heard: Mapping[str, Collection[int]], now: int) -> list[Gone]:
    """Return the connectors that are gone at a minute, the last ones first.  ``heard`` has the
    minutes with requests by connector."""
    found = []
    for connector, minutes in heard.items():
        last = max(minutes)
        often = sum(minute > last - _BEFORE for minute in minutes)
        if _SILENT < now - last <= _TOLD and often >= _OFTEN:
            found.append(Gone(connector, last + 1))
    return sorted(found, key=lambda one: (-one.since, one.connector))


def said(found: Sequence[Gone], href: str = "") -> Sentence | None:
    """Tell of connectors that are gone; ``href`` is where more is told."""
    if not found:
        return None
    names = ", ".join(formats.name(one.connector) for one in found[:_NAMED])
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    which = "the connector" if len(found) == 1 else f"{len(found)} connectors:"
    since = formats.clock(min(one.since for one in found) * MINUTE)
    return sentence(
        "gone",
        SLOW,
        strong(f"Nothing has come here over {which} "),
        link(names, href) if href else strong(names),
        f"{more} since {since}; requests came all the time before.",
    )
