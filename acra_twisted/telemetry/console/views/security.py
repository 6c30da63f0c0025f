"""Security: what was denied and why, and are the rules right?"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlencode

from acra_twisted.telemetry.console import formats, incidents, openedevent
from acra_twisted.telemetry.console.campaigns import campaign
from acra_twisted.telemetry.console.incidents import (
    ADDRESS,
    KINDS,
    address,
    client_of,
    event_as_json,
    fits,
    kind_of,
    new_peers,
    requests_of,
)
from acra_twisted.telemetry.console.incidentsentences import said
from acra_twisted.telemetry.console.lanes import Dot, Lane, lanes
from acra_twisted.telemetry.console.openedevent import Opened
from acra_twisted.telemetry.console.people import NAMELESS, Names
from acra_twisted.telemetry.console.ranges import DEFAULT, RANGES, Range, range_of
from acra_twisted.telemetry.console.room import Room
from acra_twisted.telemetry.console.rulefindings import Rules, judged, said_of
from acra_twisted.telemetry.console.rulelines import rule_line
from acra_twisted.telemetry.console.sentences import Answer
from acra_twisted.telemetry.console.view import Sources, View
from acra_twisted.telemetry.figures.counting import MINUTE
from acra_twisted.telemetry.logs.recent import RecentEvent
from acra_twisted.telemetry.logs.security import SCHEMA
from acra_twisted.telemetry.pages.arguments import chosen, given
from acra_twisted.telemetry.pages.exports import CEF, CSV, table
from acra_twisted.telemetry.pages.pastevents import events_of
from acra_twisted.telemetry.pages.rendering import NotKept, Piece
from acra_twisted.telemetry.pages.search import Unfit
from acra_twisted.telemetry.tracing.spans import iso_time

QUESTION: Final = "What was denied and why, and are the rules right?"
LANES: Final = ("kind", "client", "rule")
ARGUMENTS: Final[Mapping[str, str]] = {
    "range": f"time up to now: {', '.join(RANGES)}",
    "by": f"lanes of the chart: {', '.join(LANES)}",
    "kind": f"events of this kind: {', '.join(KINDS)}",
    "client": "events of this client id",
    "rule": "events of this rule, or of the one at this line of this file",
    "event": "the number of the event that is opened",
}
_SHOWN: Final = 30
_LANES_MAX: Final = 6
#: Bytes of a page for all events and rules, and for events; and those of each without its texts and
#: pictures.
_ROOM, _LINES_ROOM = 26_000, 14_000
_LINE_BYTES, _RULE_BYTES = 320, 420
#: Events that are looked at between two turns.
_STEP: Final = 64


class Asked(NamedTuple):
    """The arguments of the view; ``number`` is 0 where no event was chosen."""

    span: Range
    by: str
    kind: str
    client: str
    rule: str
    number: int

    def arguments(self) -> dict[str, str]:
        """Return them as those of an address, without the event."""
        known = {"range": self.span.key, "by": self.by, "kind": self.kind}
        known.update(client=self.client, rule=self.rule)
        return {name: value for name, value in known.items() if value}

    def fits(self, event: RecentEvent) -> bool:
        """Return True for an event that is asked for."""
        record = event.record
        return (
            (not self.kind or fits(event, self.kind))
            and (not self.client or record.client_id == self.client)
            and (not self.rule or self.rule in (record.rule, record.place))
        )


class Gathered(NamedTuple):
    """All that the view shows; ``dropped`` is the end of the time that is not whole, or 0, and
    ``trouble`` says why the history was not read as a whole."""

    wanted: Asked
    found: list[RecentEvent]
    opened: Opened | None
    rules: Rules
    now: int
    dropped: int
    said: Answer
    trouble: str = ""
    names: Names = NAMELESS


def asked(arguments: Mapping[str, str], now: int) -> Asked:
    """Read the arguments.  Raises Unfit."""
    found = given(arguments, ARGUMENTS)
    by = chosen("by", found.get("by") or LANES[0], LANES)
    kind = found.get("kind", "") and chosen("kind", found["kind"], KINDS)
    number = found.get("event") or "0"
    if not (number.isascii() and number.isdigit() and len(number) <= 19):
        raise Unfit("event must be the number of an event")
    span = range_of(found.get("range") or DEFAULT, now)
    return Asked(span, by, kind, found.get("client", ""), found.get("rule", ""), int(number))


def gather(sources: Sources, wanted: Asked) -> Generator[Piece, None, Gathered]:
    """Return what the view shows, in steps.  Raises NotKept for an event that is not there."""
    since, until = wanted.span.since * MINUTE, wanted.span.until * MINUTE
    told = yield from events_of(sources.events, sources.traces, since, until)
    kept = told.found
    found = [one for one in kept if wanted.fits(one)]
    picked = next((one for one in kept if one.number == wanted.number), None)
    if wanted.number and picked is None:
        raise NotKept("Not found: this event is not kept in memory any more, nor in the history")
    yield ""
    opened = None
    if picked is None and found:
        weights = list(KINDS)
        picked = min(found, key=lambda one: (weights.index(kind_of(one)), -one.times))
    if picked is not None:
        opened = yield from openedevent.opened_from(sources, picked)
    rules = judged(sources.fact("rules") or (), sources.clock())
    yield ""
    new = new_peers(sources.fact("peers"), since)
    many = yield from campaign(found)
    yield ""
    text = said(found, new, wanted.arguments(), many)
    return Gathered(
        wanted,
        found,
        opened,
        rules,
        sources.clock(),
        told.whole_from,
        text,
        told.trouble,
        Names(sources.fact("peers")),
    )


def as_json(gathered: Gathered) -> dict[str, Any]:
    """All that the view shows, as plain values."""
    opened = gathered.opened
    return {
        "question": QUESTION,
        "answer": gathered.said.as_json(),
        "range": gathered.wanted.span.key,
        "dropped_until": gathered.dropped,
        "history_trouble": gathered.trouble,
        "number": sum(one.times for one in gathered.found),
        "requests": requests_of(gathered.found),
        "events": map(event_as_json, gathered.found),
        "opened": None
        if opened is None
        else {
            **event_as_json(opened.event),
            "place": opened.place,
            "took_ms": opened.took,
            "seen_before": opened.peers,
        },
        "decided": gathered.rules.decided,
        "rules_answer": said_of(gathered.rules).as_json(),
        "rules_left_out": gathered.rules.left,
        "rules": [rule._asdict() for rule in gathered.rules.shown],
    }


def shown(gathered: Gathered) -> Generator[str, None, dict[str, Any]]:
    """Return the values for the template, in steps."""
    wanted, opened = gathered.wanted, gathered.opened
    kept = wanted.arguments()
    yield ""
    drawn = yield from _lanes(gathered)
    picture = lanes(
        f"Security events of the last {wanted.span.said} by {wanted.by}; each mark is a link",
        drawn,
        wanted.span.ticks(),
    )
    yield ""
    said = said_of(gathered.rules)
    yield ""
    room = Room(_ROOM)
    lines = (_line(one, gathered) for one in gathered.found[:_SHOWN])
    shown_lines = yield from room.fitted(lines, _LINE_BYTES, _LINES_ROOM)
    rules = yield from room.fitted(
        (
            rule_line(rule, gathered.rules.decided, gathered.now, gathered.names)
            for rule in gathered.rules.shown
        ),
        _RULE_BYTES,
    )
    left = gathered.rules.left + len(gathered.rules.shown) - len(rules)
    return {
        "span": wanted.span,
        "said": gathered.said,
        "arguments": kept,
        "trouble": gathered.trouble,
        "links": _links(opened),
        "note": _note(gathered.found, gathered.dropped),
        "lanes": picture if gathered.found else "",
        "bys": {by: f"{ADDRESS}?{urlencode({**kept, 'by': by})}" for by in LANES},
        "by": wanted.by,
        "filters": [
            (name, value, f"{ADDRESS}?{urlencode({k: v for k, v in kept.items() if k != name})}")
            for name, value in (
                ("kind", wanted.kind),
                ("client", formats.name(wanted.client)),
                ("rule", formats.name(wanted.rule)),
            )
            if value
        ],
        "lines": shown_lines,
        "has_events": bool(gathered.found),
        "more": len(gathered.found) - len(shown_lines),
        "event": openedevent.shown(opened) if opened is not None else None,
        "rules": rules,
        "has_rules": bool(gathered.rules.shown),
        "several_listeners": len({rule.listener for rule in gathered.rules.shown}) > 1,
        "rules_said": said,
        "rules_note": f"{formats.several(gathered.rules.decided, 'decision')} since they were read",
        "rules_left": formats.count(left) if left else "",
        "query": urlencode(kept),
    }


def _note(found: Sequence[RecentEvent], dropped: int) -> str:
    number, requests = sum(one.times for one in found), requests_of(found)
    of = "" if requests == number else f" of {formats.several(requests, 'request')}"
    part = f"; before {formats.clock(dropped)} only a part is kept" if dropped else ""
    return f"{formats.several(number, 'event')}{of}; each mark opens one{part}"


def _links(opened: Opened | None) -> list[tuple[str, str]]:
    if opened is None:
        return []
    event, client, found = opened.event, opened.event.record.client_id, []
    if event.record.session_id and openedevent.session_of(event):
        found.append(("Retrace the session", openedevent.session_of(event)))
    if client:
        found.append((f"All events of {client_of(event)}", f"{ADDRESS}?client={quote(client)}"))
    return found


def _lane_of(one: RecentEvent, by: str) -> str:
    if by == "client":
        return client_of(one)
    if by == "rule":
        return formats.name(one.record.rule or one.record.stage) or "no rule"
    return KINDS[kind_of(one)].title


def _lanes(gathered: Gathered) -> Generator[str, None, list[Lane]]:
    """Return the lanes of the chart, in steps."""
    span = gathered.wanted.span
    by: dict[str, list[RecentEvent]] = {}
    for number, one in enumerate(gathered.found, 1):
        by.setdefault(_lane_of(one, gathered.wanted.by), []).append(one)
        if not number % _STEP:
            yield ""
    order = sorted(by, key=lambda title: -sum(one.times for one in by[title]))
    if gathered.wanted.by == "kind":
        order = [kind.title for kind in KINDS.values() if kind.title in by]
    drawn = []
    for title in order[:_LANES_MAX]:
        dots = []
        for one in by[title]:
            dots.append(_dot(one, span))
            if not len(dots) % _STEP:
                yield ""
        drawn.append(Lane(title, sum(one.times for one in by[title]), dots))
        yield ""
    return drawn


def _dot(one: RecentEvent, span: Range) -> Dot:
    start, length = span.since * MINUTE, span.minutes * MINUTE
    kind, times = KINDS[kind_of(one)], formats.count(one.times)
    return Dot(
        100 * min(max(one.first - start, 0), length) / length,
        kind.look,
        address(one, span.key),
        f"{kind.title}, {formats.clock_s(one.first)}"
        + (f", {times} times" if one.times > 1 else ""),
    )


def _detail(one: RecentEvent) -> str:
    place = incidents.place_of(one.record)
    parts = [place or one.record.error or one.record.rule or one.record.message]
    if one.times > 1:
        seconds = max((one.last - one.first) // 10**9, 1)
        parts.append(f"{formats.count(one.times)} in {seconds} s")
    return formats.name(", ".join(parts))


def _line(one: RecentEvent, gathered: Gathered) -> dict[str, Any]:
    kind = KINDS[kind_of(one)]
    opened = gathered.opened
    return {
        "href": address(one, gathered.wanted.span.key),
        "when": formats.clock_ms(one.first),
        "look": kind.look if kind.look != "control" else "mute",
        "word": kind.word,
        "what": openedevent.what_of(one),
        "detail": _detail(one),
        "client": client_of(one),
        "code": one.record.code,
        "here": opened is not None and opened.event.number == one.number,
    }


def _csv(gathered: Gathered) -> Iterator[str]:
    yield from table(("kind", "first", "last", "times", *SCHEMA), map(_plain, gathered.found))


def _plain(one: RecentEvent) -> dict[str, Any]:
    return {**event_as_json(one), "first": iso_time(one.first), "last": iso_time(one.last)}


def _cef(gathered: Gathered) -> Iterator[str]:
    for one in gathered.found:
        yield f"{incidents.cef_line(one)}\n"


VIEW: Final = View(
    "security",
    "Security",
    "security",
    asked,
    gather,
    as_json,
    shown,
    MappingProxyType({CSV: _csv, CEF: _cef}),
    live=5,
)
