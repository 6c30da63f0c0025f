"""Alike security events of many addresses."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any, Final, NamedTuple

from acra_twisted.telemetry.console.incidents import DENIED, REFUSED, UNPARSED, kind_of
from acra_twisted.telemetry.logs.recent import RecentEvent

#: So many addresses are many.
_MANY: Final = 10
#: Events that are looked at between two turns.
_STEP: Final = 64
_KINDS: Final = (DENIED, UNPARSED, REFUSED)


class Campaign(NamedTuple):
    """Addresses of alike events, the newest of these, the number of clients as which they came, how
    many times, and the first and the last moment in nanoseconds."""

    peers: set[str]
    newest: RecentEvent
    clients: int
    times: int
    first: int
    last: int


def campaign(found: Sequence[RecentEvent]) -> Generator[str, None, Campaign | None]:
    """Return the alike denials or refusals of most addresses, if these are many, in steps; the
    newest event comes first."""
    groups: dict[tuple[Any, ...], list[RecentEvent]] = {}
    peers: dict[tuple[Any, ...], set[str]] = {}
    for number, one in enumerate(found, 1):
        if kind_of(one) in _KINDS:
            record = one.record
            alike = (record.code, record.action, record.query or record.error)
            groups.setdefault(alike, []).append(one)
            peers.setdefault(alike, set()).add(record.peer)
        if not number % _STEP:
            yield ""
    most = max(peers, key=lambda alike: len(peers[alike]), default=None)
    if most is None or len(peers[most]) < _MANY:
        return None
    some = groups[most]
    return Campaign(
        peers[most],
        some[0],
        len({one.record.client_id for one in some}),
        sum([one.requests for one in some]),
        min([one.first for one in some]),
        max([one.last for one in some]),
    )
