"""Security events as the console tells of them: their kinds, and who caused them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from acra_twisted import events
from acra_twisted.telemetry.console import formats
from acra_twisted.telemetry.console.people import who
from acra_twisted.telemetry.logs.recent import RecentEvent
from acra_twisted.telemetry.logs.security import SecurityRecord, as_cef
from acra_twisted.telemetry.tracing.spans import iso_time

ADDRESS: Final = "/console/security"
POISON, DENIED, UNPARSED = "poison", "denied", "unparsed"
REFUSED, ENDED, PASSED = "refused", "ended", "passed"


class Kind(NamedTuple):
    """A kind's name, the word of one event, and the class of its colour."""

    title: str
    word: str
    look: str


#: Kinds of events, the weightiest first.
KINDS: Final[Mapping[str, Kind]] = {
    POISON: Kind("poison record", "poison", "intr"),
    DENIED: Kind("denied", "denied", "deny"),
    UNPARSED: Kind("not parsed", "not parsed", "slow"),
    REFUSED: Kind("refused to connect", "refused", "fail"),
    ENDED: Kind("connection ended", "ended", "fail"),
    PASSED: Kind("let pass", "let pass", "control"),
}
_BY_CODE: Final = {
    events.POISON_RECORD: POISON,
    events.POISON_REACTION: POISON,
    events.QUERY_PARSE_ERROR: UNPARSED,
}
_BY_ACTION: Final = {
    events.BLOCKED: DENIED,
    events.REFUSED: REFUSED,
    events.ENDED: ENDED,
    events.ALLOWED: PASSED,
}
_MS: Final = 1_000_000
#: Other addresses of a client that are named.
_PEERS_MAX: Final = 5


def kind_of(event: RecentEvent) -> str:
    """Return one of `KINDS`."""
    found = _BY_CODE.get(event.record.code)
    return found or _BY_ACTION.get(event.record.action, PASSED)


def fits(event: RecentEvent, kind: str) -> bool:
    """Return True for an event of a kind.  A denial is also that of a statement that could not be
    parsed."""
    known = kind_of(event)
    is_denial = known == UNPARSED and event.record.action == events.BLOCKED
    return kind == known or (kind == DENIED and is_denial)


def requests_of(found: Sequence[RecentEvent]) -> int:
    """Return how many requests caused events: one may have caused several."""
    known: set[str] = set()
    number = 0
    for one in found:
        span_id = one.record.span_id
        # The first request of alike ones may have caused others.
        number += one.requests - (span_id in known)
        if span_id:
            known.add(span_id)
    return number


def client_of(event: RecentEvent) -> str:
    """Return the client of an event as the console shows it."""
    return who(event.record.client_id, event.record.certificate, event.record.peer)


def place_of(record: SecurityRecord) -> str:
    """Return the row and the column of the first poison record, where they are known."""
    parts = []
    if record.row:
        parts.append(f"row {formats.count(record.row)}")
    if record.column:
        parts.append(f"column {formats.name(record.column)}")
    return ", ".join(parts)


def address(event: RecentEvent, span: str) -> str:
    """Return where an event is shown."""
    return f"{ADDRESS}?range={quote(span)}&event={event.number}#event"


def event_as_json(event: RecentEvent) -> dict[str, Any]:
    """Return an event as plain values, with the number of alike ones and their first and last
    moment (nanoseconds)."""
    return {
        "number": event.number,
        "kind": kind_of(event),
        "first": event.first,
        "last": event.last,
        "times": event.times,
        "requests": event.requests,
        **event.record._asdict(),
    }


def new_peers(told: Any, since: int) -> dict[tuple[str, str], int]:
    """Return clients with addresses from which they came first after ``since``, and when, where the
    client had others before.  ``told`` is what `pages.peers` knows."""
    if not isinstance(told, dict):
        return {}
    first: dict[str, int] = {}
    pairs = {(one["client_id"], one["peer"]): one["first"] for one in told.get("peers", ())}
    for (client, _), when in pairs.items():
        first[client] = min(when, first.get(client, when))
    return {
        (client, peer): when
        for (client, peer), when in pairs.items()
        if client and when >= since and first[client] < when
    }


def cef_line(event: RecentEvent) -> str:
    """Return an event as a line of CEF, as the security log has it, with the number of alike ones
    and their first and last moment."""
    start, end = event.first // _MS, event.last // _MS
    return as_cef(event.record, event.first / 1e9, start=start, end=end, cnt=event.times)


def usual_peers(told: Any, event: RecentEvent) -> str:
    """Tell whether a client has used an event's address before, and which others it uses; empty
    where nothing is known of it.  ``told`` is what `pages.peers` knows."""
    client, peer = event.record.client_id, event.record.peer
    known = told.get("peers", ()) if isinstance(told, dict) else ()
    mine = [one for one in known if client and one["client_id"] == client]
    if not mine:
        return ""
    here = next((one for one in mine if one["peer"] == peer), None)
    others = [one for one in mine if one["peer"] != peer][:_PEERS_MAX]
    text = "this address has never logged in as this client"
    if here is not None:
        first = iso_time(here["first"])[:16].replace("T", " ")
        text = f"this address first logged in on {first}"
        text += f", {formats.several(here['logins'], 'login')}" if here.get("logins") else ""
    if others:
        text += "; other addresses: " + ", ".join(formats.name(one["peer"]) for one in others)
    return text
