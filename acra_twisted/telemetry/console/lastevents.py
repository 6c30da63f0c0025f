"""The newest security events, and what changed, for the view that opens first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from acra_twisted.eventtable import TABLE
from acra_twisted.telemetry.console import formats, incidents
from acra_twisted.telemetry.console.incidents import (
    DENIED,
    KINDS,
    POISON,
    UNPARSED,
    address,
    client_of,
    kind_of,
)
from acra_twisted.telemetry.console.pins import Mark
from acra_twisted.telemetry.console.ranges import Range
from acra_twisted.telemetry.figures.counting import MINUTE
from acra_twisted.telemetry.logs.recent import RecentEvent
from acra_twisted.telemetry.pages.changes import STARTED

#: Events that are shown.
SHOWN: Final = 5
#: Characters of a statement.
_TEXT: Final = 80


def as_json(some: Iterable[RecentEvent]) -> list[dict[str, Any]]:
    """Return the newest events as plain values."""
    return [
        {
            "number": one.number,
            "kind": kind_of(one),
            "first": one.first,
            "last": one.last,
            "times": one.times,
            "client_id": one.record.client_id,
        }
        for one in list(some)[:SHOWN]
    ]


def lines(some: Sequence[RecentEvent], span: Range) -> list[dict[str, str]]:
    """Return the newest events for the template."""
    return [_line(one, span) for one in some[:SHOWN]]


def _line(one: RecentEvent, span: Range) -> dict[str, str]:
    kind, record = KINDS[kind_of(one)], one.record
    what = incidents.place_of(record) or record.error or record.rule
    if kind_of(one) not in (DENIED, UNPARSED):
        what = f"{kind.title}: {what}" if what else TABLE[record.code].meaning
    times = f", {formats.count(one.times)} times" if one.times > 1 else ""
    query = f", {formats.name(formats.cut(record.query, _TEXT))}" if record.query else ""
    return {
        "href": address(one, span.key),
        "look": kind.look.replace("control", "mute"),
        "word": kind.word,
        "text": f"{formats.name(what)}{times}",
        "below": f"{client_of(one)}{query}",
        "when": formats.clock_s(one.first),
    }


def marks(some: Sequence[RecentEvent], changed: object, span: Range) -> list[Mark]:
    """Return the marks of a chart: where denials and poison records began, and the last start
    within the time.  ``changed`` is what `pages.changes` tells."""
    drawn = []
    by_kind: dict[str, list[RecentEvent]] = {}
    for one in some:
        by_kind.setdefault(kind_of(one), []).append(one)
    for kind, text in ((DENIED, "denied"), (POISON, "poison")):
        found = by_kind.get(kind)
        if found:
            first = min(one.first for one in found)
            number = sum(one.times for one in found)
            drawn.append(_mark(first, f"{formats.count(number)} {text}", span))
    known = changed if isinstance(changed, list) else []
    last = next((each["time"] for each in known if _is_start(each, span)), 0)
    if last:
        drawn.append(_mark(last, "started", span))
    return [mark for mark in drawn if mark is not None]


def _is_start(one: Mapping[str, Any], span: Range) -> bool:
    return bool(one["kind"] == STARTED and one["time"] // MINUTE >= span.since)


def _mark(moment: int, text: str, span: Range) -> Mark | None:
    minute = moment // MINUTE
    if not span.since <= minute < span.until:
        return None
    column = span.column(minute)
    return Mark(span.at(column), text, span.begins(column))
