"""Traces by their structure: spans of two of them that have the same place belong together, however
they are called and however long they took."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from statistics import median
from typing import Final, NamedTuple

from acra_twisted.telemetry.console.layers import DATABASE
from acra_twisted.telemetry.console.requests import is_request
from acra_twisted.telemetry.console.timeline import Bar, Timeline

#: A place: the way to it from the top, of roles with numbers among those of the same role.
Key = tuple[tuple[str, str, int], ...]
_ROWS: Final = {"dbfirst": "database, to first byte", "dbrows": "database, rows"}
#: Spans below as many others are told apart by their numbers alone: each place is a whole way.
_DEEPEST: Final = 32
#: A place belongs to the typical trace if this part of traces has it.
_MOST: Final = 0.5
#: Places that are looked at between two turns.
_STEP: Final = 32


class Place(NamedTuple):
    """A span, or a part of the database's.  Times are milliseconds, ``start`` that after the
    trace's begin; ``waits`` is True where most of it is of what is below."""

    name: str
    layer: str
    depth: int
    start: float
    took: float
    itself: float

    @property
    def waits(self) -> bool:
        """Return True where what is below took most of it."""
        return self.itself < self.took / 2


class Usual(NamedTuple):
    """The typical times of a span, in milliseconds."""

    start: float
    took: float


class Pair(NamedTuple):
    """Two places that belong together, of which one may be missing."""

    a: Place | None
    b: Place | None

    @property
    def any(self) -> Place:
        """Return the second, or else the first."""
        found = self.b or self.a
        assert found is not None  # noqa: S101 - one of them is there
        return found

    @property
    def more(self) -> float:
        """Return how much longer the second worked itself, in milliseconds."""
        return (self.b.itself if self.b else 0.0) - (self.a.itself if self.a else 0.0)


def places(timeline: Timeline) -> Generator[str, None, dict[Key, Place]]:
    """Return the places of a trace in the order of its tree, in steps."""
    found: dict[Key, Place] = {}
    for count, some in enumerate(by_bar(timeline), 1):
        found.update(some)
        if not count % _STEP:
            yield ""
    return found


def by_bar(timeline: Timeline) -> Iterator[list[tuple[Key, Place]]]:
    """Give the places of each span: one, or the database's two parts."""
    way: list[Key] = []
    numbers: dict[tuple[Key, str, str], int] = {}
    for bar in timeline.bars:
        del way[min(bar.depth, _DEEPEST) :]
        above: Key = way[-1] if way else ()
        role = "request" if is_request(bar.record) else str(bar.record["name"])
        if bar.layer in DATABASE and not bar.record.get("running"):
            role = "database"
        number = numbers.get((above, bar.layer, role), 0)
        numbers[above, bar.layer, role] = number + 1
        key = (*above, (bar.layer, role, number))
        way.append(key)
        if role == "database" and bar.first_byte is not None:
            yield [((*above, (part.layer, role, number)), part) for part in _parts(bar)]
        else:
            place = Place(
                str(bar.record["name"]),
                bar.layer,
                bar.depth,
                bar.start / 1e6,
                (bar.end - bar.start) / 1e6,
                bar.itself / 1e6 if bar.layer else 0.0,
            )
            yield [(key, place)]


def _parts(bar: Bar) -> Iterator[Place]:
    byte = bar.first_byte or bar.start
    for layer, start, end in (("dbfirst", bar.start, byte), ("dbrows", byte, bar.end)):
        took = (end - start) / 1e6
        yield Place(_ROWS[layer], layer, bar.depth, start / 1e6, took, took)


def typical(traces: Sequence[Mapping[Key, Place]]) -> dict[Key, Place]:
    """Return the places that most of the traces have, with the medians of their times."""
    by_key: dict[Key, list[Place]] = {}
    for some in traces:
        for key, place in some.items():
            by_key.setdefault(key, []).append(place)
    return {
        key: found[0]._replace(
            start=median(place.start for place in found),
            took=median(place.took for place in found),
            itself=median(place.itself for place in found),
        )
        for key, found in by_key.items()
        if len(found) >= _MOST * len(traces)
    }


def usual(timeline: Timeline, known: Mapping[Key, Place]) -> Generator[str, None, dict[str, Usual]]:
    """Return what a typical trace has for the spans of another one, by their ids, in steps."""
    found: dict[str, Usual] = {}
    for count, (bar, some) in enumerate(zip(timeline.bars, by_bar(timeline), strict=True), 1):
        parts = [known[key] for key, _ in some if key in known]
        if parts:
            start = min(part.start for part in parts)
            found[bar.record["span_id"]] = Usual(start, sum(part.took for part in parts))
        if not count % _STEP:
            yield ""
    return found


def aligned(a: Mapping[Key, Place], b: Mapping[Key, Place]) -> Generator[str, None, list[Pair]]:
    """Put together the places of two traces in steps, in the order of the second; places that only
    the first has come last among those below the same one."""
    below: dict[Key, list[Key]] = {}
    for count, key in enumerate([*b, *(key for key in a if key not in b)], 1):
        below.setdefault(key[:-1], []).append(key)
        if not count % _STEP:
            yield ""
    # Above a part of the database, or what is missing in both, there may be nothing that is shown.
    known = {key for keys in below.values() for key in keys}
    tops = [key for above in below if above not in known for key in below[above]]
    pairs: list[Pair] = []
    pending = tops[::-1]
    yield ""
    while pending:
        key = pending.pop()
        pairs.append(Pair(a.get(key), b.get(key)))
        pending += reversed(below.get(key, []))
        if not len(pairs) % _STEP:
            yield ""
    return pairs


def whole(some: Mapping[Key, Place]) -> float:
    """Return how long a trace took, in milliseconds."""
    ends = [place.start + place.took for place in some.values()]
    return max(ends) - min(place.start for place in some.values()) if ends else 0.0
