"""Security events as the console tells of them: their kinds, who caused them, and a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from acra_twisted import events
from acra_twisted.eventtable import TABLE
from acra_twisted.telemetry.console import formats
from acra_twisted.telemetry.console.people import who
from acra_twisted.telemetry.console.sentences import (
    BAD,
    GOOD,
    PLAIN,
    SLOW,
    Answer,
    Piece,
    Sentence,
    answer,
    link,
    sentence,
    strong,
)
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
#: So many alike ones within a minute are a burst.
_BURST: Final = 3


def kind_of(event: RecentEvent) -> str:
    """Return one of `KINDS`."""
    found = _BY_CODE.get(event.record.code)
    return found or _BY_ACTION.get(event.record.action, PASSED)


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


def said(found: Sequence[RecentEvent], new: Mapping[tuple[str, str], int], span: str) -> Answer:
    """Return the sentences about events, the newest of which comes first."""
    by_kind: dict[str, list[RecentEvent]] = {}
    for one in found:
        by_kind.setdefault(kind_of(one), []).append(one)
    if not found:
        otherwise = sentence(
            "nothing", GOOD, "Nothing was denied or refused, and no poison record was read."
        )
    else:
        number = formats.several(sum(one.times for one in found), "event")
        otherwise = sentence("others", PLAIN, f"Nothing was denied; there are {number} to read.")
    return answer(
        [
            _poison(by_kind, new, span),
            _new_peer(found, by_kind.get(POISON, ()), new, span),
            _burst(found, span),
            _single(by_kind, span),
        ],
        otherwise,
    )


def _poison(
    by_kind: Mapping[str, Sequence[RecentEvent]], new: Mapping[tuple[str, str], int], span: str
) -> Sentence | None:
    found = by_kind.get(POISON, ())
    if not found:
        return None
    latest = found[0]
    client = latest.record.client_id
    pieces: list[str | Piece] = [
        strong("A poison record was read."),
        " ",
        link(client_of(latest), address(latest, span)),
        f" read it at {formats.clock_s(latest.first)}",
    ]
    place = place_of(latest.record)
    if place:
        pieces.append(f" in {place}")
    tried = sum(
        one.times
        for one in by_kind.get(DENIED, ())
        if one.record.client_id == client and one.first <= latest.last
    )
    if tried:
        were = "was" if tried == 1 else "were"
        pieces.append(f", after {formats.several(tried, 'request')} of it {were} denied")
    if (client, latest.record.peer) in new:
        pieces.append(", from an address that it had not used before")
    others = {one.record.client_id for one in found} - {client}
    if others:
        pieces.append(f"; so did {formats.several(len(others), 'other client')}")
    return sentence("poison", BAD, *pieces, ".")


def _new_peer(
    found: Sequence[RecentEvent],
    poison: Sequence[RecentEvent],
    new: Mapping[tuple[str, str], int],
    span: str,
) -> Sentence | None:
    """Tell of a client that was stopped at an address that it had not used before, and has read no
    poison record, which has its own sentence."""
    known = {one.record.client_id for one in poison}
    for one in found:
        pair = (one.record.client_id, one.record.peer)
        if pair in new and pair[0] not in known and kind_of(one) != PASSED:
            return sentence(
                "new-peer",
                BAD,
                link(client_of(one), address(one, span)),
                f" came from {formats.name(one.record.peer)}, an address that it had not used "
                f"before {formats.clock(new[pair])}, and was stopped there.",
            )
    return None


def _burst(found: Sequence[RecentEvent], span: str) -> Sentence | None:
    """Tell of the largest number of alike ones of a minute."""
    alike = [one for one in found if one.times >= _BURST and kind_of(one) not in (POISON, PASSED)]
    if not alike:
        return None
    one = max(alike, key=lambda event: event.times)
    times, seconds = formats.count(one.times), max((one.last - one.first) // 10**9, 1)
    when = f"{times} times in {seconds} s at {formats.clock(one.first)}"
    client = link(client_of(one), address(one, span))
    if kind_of(one) in (DENIED, UNPARSED):
        passed = one.record.action == events.ALLOWED
        became = "all passed" if passed else "all were denied and none reached the database"
        what = "sent the same statement" if one.record.query else "made the same request"
        return sentence("burst", BAD, client, f" {what} {when}; {became}.")
    meaning = TABLE[one.record.code].meaning
    return sentence("burst", SLOW, client, f" was stopped {when}: {meaning}.")


def _single(by_kind: Mapping[str, Sequence[RecentEvent]], span: str) -> Sentence | None:
    denied = by_kind.get(DENIED, ())
    if not denied:
        return None
    number = sum(one.times for one in denied)
    # Many events are of few clients.
    known = {(one.record.client_id, one.record.certificate, one.record.peer) for one in denied}
    clients = len({who(*one) for one in known})
    of = client_of(denied[0]) if clients == 1 else formats.several(clients, "client")
    were = "was" if number == 1 else "were"
    last = "" if number == 1 else ", the last one"
    return sentence(
        "denied",
        SLOW,
        link(formats.several(number, "request"), address(denied[0], span)),
        f" of {of} {were} denied{last} at {formats.clock_s(denied[0].last)}.",
    )
