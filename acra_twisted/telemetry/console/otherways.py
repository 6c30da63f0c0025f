"""The ways of requests as a server tells others of them, so that those can add them up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from acra_twisted.telemetry.console.gone import LASTS_MAX, Last
from acra_twisted.telemetry.console.otherservers import (
    INSTANCE,
    NAME_MAX,
    Question,
    Unreadable,
    instance_of,
    list_of,
    mapping_of,
    text_of,
)
from acra_twisted.telemetry.figures.edges import EDGES_MAX, Way
from acra_twisted.telemetry.figures.rows import Row, of_json

#: Ways of an answer at most: all that are told apart, and those that are not.
_WAYS_MAX: Final = EDGES_MAX + 1
#: The end of all minutes since the epoch.
_MINUTES: Final = 1 << 40
_PATH: Final = "/console/topology?range={}&servers=this&format=json"


class Ways(NamedTuple):
    """The figures of the ways over a server of an instance; of the hour before those of databases,
    and the clients that were heard; and when requests came last over each connector."""

    instance: str
    now: Mapping[Way, Row]
    before: Mapping[Way, Row]
    heard_before: frozenset[str]
    connectors: Sequence[Last] = ()


def ways_of(
    instance: str,
    now: Mapping[Way, Row],
    before: Mapping[Way, Row],
    connectors: Sequence[Last] = (),
) -> Ways:
    """Return what a server tells of its ways."""
    bases: dict[Way, Row] = {}
    for way, row in before.items():
        base = Way("", "", "", "", way.database, way.server)
        bases.setdefault(base, Row()).add(row)
    heard_before = frozenset(way.client_id for way in before) - {""}
    return Ways(instance, now, bases, heard_before, connectors)


def silent(told: Iterable[Ways]) -> list[str]:
    """Return the clients that were heard in the hour before, and since then by no server."""
    known = tuple(told)
    heard = {way.client_id for one in known for way in one.now}
    return sorted({client for one in known for client in one.heard_before} - heard)


def as_json(told: Ways) -> dict[str, Any]:
    """Return ways as plain values, the rows one by one."""
    return {
        INSTANCE: told.instance,
        "ways": (_way(way, row) for way, row in told.now.items()),
        "ways_before": (_way(way, row) for way, row in told.before.items()),
        "heard_before": sorted(told.heard_before),
        "connectors": [one._asdict() for one in told.connectors],
    }


def _way(way: Way, row: Row) -> dict[str, Any]:
    return {**way._asdict(), "figures": row.as_json()}


def question(key: str) -> Question[Ways]:
    """Return the question for the ways of a range of topology."""
    return Question((_PATH.format(key),), read)


def read(body: bytes) -> Ways:
    """Read what another server tells.  Raises Unreadable."""
    told = mapping_of(body)
    clients = list_of(told.get("heard_before"), _WAYS_MAX)
    return Ways(
        instance_of(told),
        _rows(told.get("ways")),
        _rows(told.get("ways_before")),
        frozenset(text_of(client, NAME_MAX) for client in clients) - {""},
        [_last(one) for one in list_of(told.get("connectors", []), LASTS_MAX)],
    )


def _last(one: object) -> Last:
    known = one if isinstance(one, dict) else {}
    minute, often = known.get("minute"), known.get("often")
    if type(minute) is not int or not 0 <= minute < _MINUTES or type(often) is not bool:
        raise Unreadable("its connectors cannot be read")
    return Last(text_of(known.get("connector"), NAME_MAX), minute, often)


def _rows(told: object) -> dict[Way, Row]:
    found: dict[Way, Row] = {}
    for one in list_of(told, _WAYS_MAX):
        if not isinstance(one, dict):
            raise Unreadable("its ways cannot be read")
        way = Way(*(text_of(one.get(name), NAME_MAX) for name in Way._fields))
        try:
            row = of_json(one.get("figures") or {})
        except ValueError:
            raise Unreadable("its figures cannot be read") from None
        found.setdefault(way, Row()).add(row)
    return found
