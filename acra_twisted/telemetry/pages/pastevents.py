"""Security events of a time, from memory and from the history."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Any, Final, NamedTuple

from acra_twisted.eventtable import SECURITY
from acra_twisted.telemetry.logs.recent import ALIKE, RecentEvent, RecentEvents
from acra_twisted.telemetry.logs.security import SecurityRecord, likeness, read_record
from acra_twisted.telemetry.pages.kept import KeptTraces
from acra_twisted.telemetry.pages.rendering import Piece

#: Numbers of events of the history are larger.
_PAST: Final = 1 << 40
#: Events of the history that are looked at between two turns.
_STEP: Final = 32


class Events(NamedTuple):
    """Events of a time, the newest first.  ``whole_from`` is the moment from which on they are
    whole, 0 if all are; ``trouble`` says why the history was not read as a whole."""

    found: list[RecentEvent]
    whole_from: int
    trouble: str


def is_past(event: RecentEvent) -> bool:
    """Return True for an event of the history: sessions had other numbers then."""
    return event.number >= _PAST


def events_of(
    events: RecentEvents | None, traces: KeptTraces, since: int, until: int
) -> Generator[Piece, None, Events]:
    """Return the events of a time in nanoseconds, in steps.  Those of before the daemon began, and
    those that memory has no longer, come from the history."""
    if events is None:
        return Events([], 0, "")
    recent, begins = events.kept(since, until), max(events.since, events.dropped + 1)
    yield ""
    if begins <= since:
        return Events(recent, 0, "")
    if traces.past is None:
        return Events(recent, events.dropped if events.dropped > since else 0, "")
    told = yield from traces.past.events(since, min(begins, until) - 1)
    older: list[RecentEvent] = []
    for some in _folded(told.rows, begins):
        older = some
        yield ""
    if told.trouble:
        return Events(recent + older, begins, told.trouble)
    return Events(recent + older, 0, "")


def _folded(rows: Iterable[Any], begins: int) -> Generator[list[RecentEvent], None, None]:
    """Give the stored events, alike ones of a minute as one, as memory has them; empty lists come
    before the whole one."""
    alike: dict[tuple[Any, ...], int] = {}
    made: list[RecentEvent] = []
    known: set[int] = set()
    for count, row in enumerate(sorted(rows, key=lambda row: row.first), 1):
        record = read_record(row.fields)
        if record is not None and record.code in SECURITY and row.first < begins:
            key = likeness(record)
            place = alike.get(key, -1)
            if place >= 0 and row.first - made[place].first < ALIKE:
                made[place] = _added(made[place], row)
            else:
                alike[key] = len(made)
                made.append(_event(record, row, known))
        if not count % _STEP:
            yield []
    made.reverse()
    yield made


def _added(event: RecentEvent, row: Any) -> RecentEvent:
    return event._replace(
        last=max(event.last, row.last),
        times=event.times + row.times,
        requests=event.requests + row.times,
    )


def _event(record: SecurityRecord, row: Any, known: set[int]) -> RecentEvent:
    # Nobody else has a number that is as large, and it is the same each time.
    number = max(row.first, _PAST)
    while number in known:
        number += 1
    known.add(number)
    return RecentEvent(number, row.first, row.last, row.times, record, row.times)
