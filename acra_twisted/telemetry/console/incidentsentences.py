"""The sentences of the view of security, and their rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlencode

from acra_twisted import events
from acra_twisted.eventtable import TABLE
from acra_twisted.telemetry.console import formats
from acra_twisted.telemetry.console.campaigns import Campaign
from acra_twisted.telemetry.console.incidents import (
    ADDRESS,
    DENIED,
    PASSED,
    POISON,
    UNPARSED,
    address,
    client_of,
    fits,
    kind_of,
    place_of,
    requests_of,
)
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
from acra_twisted.telemetry.logs.security import SecurityRecord

#: So many alike ones within a minute are a burst.
_BURST: Final = 3


def said(
    found: Sequence[RecentEvent],
    new: Mapping[tuple[str, str], int],
    asked: Mapping[str, str],
    many: Campaign | None = None,
) -> Answer:
    """Return the sentences about events, the newest of which comes first; ``asked`` are the
    arguments of the view, and ``many`` is the campaign among them."""
    span = asked["range"]
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
            _of_many(many),
            _new_peer(found, by_kind.get(POISON, ()), new, span, many),
            _burst(found, span),
            _denials([one for one in found if fits(one, DENIED)], asked),
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
    many: Campaign | None,
) -> Sentence | None:
    """Tell of a client that was stopped at an address that it had not used before, and has read no
    poison record, which has its own sentence, as has a campaign."""
    known = {one.record.client_id for one in poison}
    peers = many.peers if many is not None else ()
    for one in found:
        pair = (one.record.client_id, one.record.peer)
        if pair in new and pair[0] not in known and pair[1] not in peers and kind_of(one) != PASSED:
            return sentence(
                "new-peer",
                BAD,
                link(client_of(one), address(one, span)),
                f" came from {formats.name(one.record.peer)}, an address that it had not used "
                f"before {formats.clock(new[pair])}, and was stopped there.",
            )
    return None


def _of_many(many: Campaign | None) -> Sentence | None:
    """Tell of a campaign."""
    if many is None:
        return None
    newest = many.newest
    record = newest.record
    of = f" (client {client_of(newest)})" if record.client_id else ""
    if many.clients > 1:
        of = f" ({many.clients} clients)"
    when = f" from {formats.clock_s(many.first)} to {formats.clock_s(many.last)}"
    times = formats.several(many.times, "time")
    if record.action == events.REFUSED:
        did, became = " were refused", f", {times}: {TABLE[record.code].meaning}"
    else:
        did, became = f" {_did(record)}", f", {times}; {_became(record)}"
    head = strong(f"{formats.count(len(many.peers))} addresses{did}")
    return sentence("campaign", BAD, head, f"{of}{when}{became}.")


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
        did, became = _did(one.record), _became(one.record)
        return sentence("burst", BAD, client, f" {did} {when}; {became}.")
    meaning = TABLE[one.record.code].meaning
    return sentence("burst", SLOW, client, f" was stopped {when}: {meaning}.")


def _did(record: SecurityRecord) -> str:
    return "sent the same statement" if record.query else "made the same request"


def _became(record: SecurityRecord) -> str:
    if record.action == events.ALLOWED:
        return "all passed"
    return "all were denied and none reached the database"


def _denials(denied: Sequence[RecentEvent], asked: Mapping[str, str]) -> Sentence | None:
    if not denied:
        return None
    number, where = requests_of(denied), f"{ADDRESS}?{urlencode({**asked, 'kind': DENIED})}"
    # Many events are of few clients.
    known = {(one.record.client_id, one.record.certificate, one.record.peer) for one in denied}
    clients = len({who(*one) for one in known})
    of = client_of(denied[0]) if clients == 1 else formats.several(clients, "client")
    were = "was" if number == 1 else "were"
    last = "" if number == 1 else ", the last one"
    return sentence(
        "denied",
        SLOW,
        link(formats.several(number, "request"), where),
        f" of {of} {were} denied{last} at {formats.clock_s(denied[0].last)}.",
    )
