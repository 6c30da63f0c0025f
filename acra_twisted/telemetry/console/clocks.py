"""Find out from a trace whether the clocks of two daemons differ, and by how much spans are to be
moved so that each lies within the one that waited for it."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from acra_twisted.telemetry.console.requests import is_request

#: Spans that are looked at between two turns.
_STEP: Final = 64
#: Names of daemons whose spans lie within each other.
_OURS: Final = "acra-"
#: Nanoseconds by which clocks may differ before anything is moved.
_NOISE: Final = 1_000_000


class Apart(NamedTuple):
    """Two daemons whose clocks differ by so many nanoseconds, or somewhat more."""

    above: str
    below: str
    by: int


class Moves(NamedTuple):
    """Nanoseconds by which spans are moved, by their ids, without those that stay; and the daemons
    whose clocks differ most, None if none do."""

    by: Mapping[str, int] = MappingProxyType({})
    apart: Apart | None = None


def moves(records: Sequence[Mapping[str, Any]]) -> Generator[str, None, Moves]:
    """Return how spans are moved, in steps.

    A request in AcraServer cannot begin before the same request in a connector, which waits for it
    and ends behind it.  Where it does, it is moved into the middle of the connector's, and what is
    below it goes along.  An application need not wait for what it asks: its spans move nothing.
    """
    if len({record["service"] for record in records}) < 2:
        return Moves()
    known = {record["span_id"]: record for record in records}
    found: dict[str, int] = {}
    most: Apart | None = None
    looked = 0
    for record in records:
        way: dict[str, Mapping[str, Any]] = {}
        at: Mapping[str, Any] | None = record
        # Parents are moved first; some may go round in a circle.
        while at is not None and at["span_id"] not in found and at["span_id"] not in way:
            way[at["span_id"]] = at
            at = known.get(at["parent_id"])
            looked += 1
            if not looked % _STEP:
                yield ""
        for span_id, one in reversed(way.items()):
            above = known.get(one["parent_id"])
            moved = found.get(one["parent_id"], 0)
            found[span_id], by = (0, 0) if above is None else _move(one, above, moved)
            if above is not None and by > (most.by if most is not None else 0):
                most = Apart(str(above["service"]), str(one["service"]), by)
    return Moves({span_id: by for span_id, by in found.items() if by}, most)


def _move(record: Mapping[str, Any], above: Mapping[str, Any], moved: int) -> tuple[int, int]:
    """Return by how much a span moves whose parent has ``moved``, and how far apart that shows the
    clocks to be."""
    services = str(above["service"]), str(record["service"])
    if services[0] == services[1]:
        return moved, 0
    if not all(name.startswith(_OURS) for name in services):
        return 0, 0
    low, high = above["start"] + moved, above["end"] + moved
    start, end = record["start"], max(record["end"], record["start"])
    # One that was given up may go on behind the one that waited.
    last = end if all(_is_answered(one) for one in (record, above)) else start
    by = int(max(low - start, last - high))
    if by <= _NOISE and low <= end and start <= high:
        return 0, 0
    room = high - low - (end - start)
    if room < 0 or record.get("running"):
        room = 0
    return int(low + room // 2 - start), by


def _is_answered(record: Mapping[str, Any]) -> bool:
    return is_request(record) and not record["status"] and not record.get("running")
