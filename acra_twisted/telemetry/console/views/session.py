"""Session: what did they do, statement by statement?"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Generator, Mapping
from typing import Any, Final, NamedTuple

from acra_twisted.telemetry.console import charts, formats, requests
from acra_twisted.telemetry.console.charts import Tick
from acra_twisted.telemetry.console.incidents import (
    KINDS,
    address,
    cef_line,
    event_as_json,
    kind_of,
)
from acra_twisted.telemetry.console.lanes import Dot, Lane, lanes
from acra_twisted.telemetry.console.people import who
from acra_twisted.telemetry.console.retraced import Request, Retraced, retrace, retrace_past
from acra_twisted.telemetry.console.room import Room
from acra_twisted.telemetry.console.sentences import Answer
from acra_twisted.telemetry.console.shapelinks import address as address_of_shape
from acra_twisted.telemetry.console.sqltext import highlighted
from acra_twisted.telemetry.console.tiles import Tile, tile
from acra_twisted.telemetry.console.view import Sources, View
from acra_twisted.telemetry.console.views.sessionsentences import said, trace_of
from acra_twisted.telemetry.logs.recent import RecentEvent
from acra_twisted.telemetry.pages.arguments import given
from acra_twisted.telemetry.pages.rendering import NotKept, Piece
from acra_twisted.telemetry.pages.search import Unfit

QUESTION: Final = "What did this session do, statement by statement?"
ARGUMENTS: Final[Mapping[str, str]] = {
    "id": "the number of the session",
    "trace": "in its place, a trace of a session that only the history has",
}
_TRACE_ID: Final = re.compile("[0-9a-f]{32}")
_LOOKS: Final = {
    requests.POISON: "intr",
    requests.DENIED: "deny",
    requests.FAILED: "fail",
    requests.SLOW: "slow",
}
#: States of a session that runs nothing.
_STATES: Final = {
    "in_transaction": "Idle in transaction for",
    "failed_transaction": "In a failed transaction for",
    "starting": "Logging in for",
    "idle": "Idle for",
}
#: Characters of the line of its last security event.
_SIEM_MAX: Final = 800
_EVENTS_MAX: Final = 20
_SHOWN: Final = 30
#: Bytes of a page for all requests, and those of one without its texts and its picture.
_ROWS_ROOM: Final = 33_500
_ROW_BYTES: Final = 440
#: The same of its security events.
_EVENTS_ROOM, _EVENT_BYTES = 6_000, 230
#: Marks of the line of time that are links.
_LINKS: Final = 15
#: Characters of a statement in its line, and of what shows while it is pointed at.
_LINE, _TITLE = 90, 180
_MS: Final = 1e6
_TICKS: Final = 4
#: Characters of the statement of an open session.
_TEXT_MAX: Final = 1024
_FOR_EVER: Final = 1 << 62


class Asked(NamedTuple):
    """The number of a session, or 0 with a trace of one that only the history has."""

    number: int
    trace_id: str


class Gathered(NamedTuple):
    """All that the view shows; ``client`` is the client as the console shows it."""

    number: int
    found: Retraced
    events: list[RecentEvent]
    client: str
    facts: Mapping[str, Any]
    said: Answer


def asked(arguments: Mapping[str, str], now: int) -> Asked:
    """Read the arguments.  Raises Unfit."""
    found = given(arguments, ARGUMENTS)
    number, trace_id = found.get("id", ""), found.get("trace", "").lower()
    if trace_id and not number:
        if not _TRACE_ID.fullmatch(trace_id):
            raise Unfit("trace must be the 32 hex digits of a trace of the session")
        return Asked(0, trace_id)
    if not (number.isascii() and number.isdigit() and len(number) <= 18):
        raise Unfit("id must be the number of a session: the list of sessions has them")
    return Asked(int(number), "")


def gather(sources: Sources, wanted: Asked) -> Generator[Piece, None, Gathered]:
    """Return what the view shows, in steps.  Raises NotKept."""
    number = wanted.number
    events: list[RecentEvent] = []
    if wanted.trace_id:
        found = yield from retrace_past(sources, wanted.trace_id)
        if found is None:
            raise NotKept(sources.traces.why_missing())
        known = found.connection["attributes"] if found.connection is not None else {}
        number = requests.number(known, "acra.session_id") or 0
    else:
        kept = sources.events.kept(0, _FOR_EVER) if sources.events is not None else []
        events = [one for one in kept if one.record.session_id == number][:_EVENTS_MAX]
        yield ""
        found = yield from retrace(sources, number)
    if found is None:
        if not events:
            raise NotKept(
                "Not found: no session of this number is open, and none of its requests and "
                "events is kept"
            )
        found = Retraced(None, None, [], 0)
    facts = _facts(found, events)
    client = who(facts["client_id"], facts["certificate"], facts["peer"])
    told = said(found, events, client)
    return Gathered(number, found, events, client, facts, told)


def _facts(found: Retraced, events: list[RecentEvent]) -> dict[str, Any]:
    """Return who it was: from the session, an event, or what was recorded."""
    records = [one.record for one in found.requests]
    if found.connection is not None:
        records.append(found.connection)
    event = events[0].record._asdict() if events else {}
    live = found.live or {}
    named = {
        "client_id": "acra.client_id",
        "certificate": "tls.client.subject",
        "peer": "",
        "user": "user.name",
        "database": "db.namespace",
    }
    return {
        name: live.get(name) or event.get(name) or (requests.first(records, key) if key else "")
        for name, key in named.items()
    }


def as_json(gathered: Gathered) -> dict[str, Any]:
    """All that the view shows, as plain values."""
    found = gathered.found
    return {
        "question": QUESTION,
        "answer": gathered.said.as_json(),
        "session_id": gathered.number,
        **gathered.facts,
        "live": found.live,
        "connection": found.connection,
        "left_out": found.left_out,
        "requests": (
            {
                **one.record,
                "verdict": requests.verdict_of(one.record),
                "layers_ms": one.layers,
            }
            for one in found.requests
        ),
        "events": [event_as_json(one) for one in gathered.events],
    }


def shown(gathered: Gathered) -> Generator[str, None, dict[str, Any]]:
    """Return the values for the template, in steps."""
    found = gathered.found
    ended = ""
    if found.live is None and found.connection is not None:
        ended = formats.clock_s(found.connection["end"])
    elif found.live is None:
        ended = "some time ago"
    longest = max((one.record["end"] - one.record["start"] for one in found.requests), default=1)
    last_ones = enumerate(reversed(found.requests[-_SHOWN:]), 1)
    rows = yield from Room(_ROWS_ROOM).fitted(
        (
            _row(one, found.requests[-place - 1] if place < len(found.requests) else None, longest)
            for place, one in last_ones
        ),
        _ROW_BYTES,
    )
    first = len(found.requests) - len(rows)
    line = _line(gathered) if found.requests else ""
    tiles = _tiles(gathered)
    yield ""
    last = _last(found.live)
    events = yield from Room(_EVENTS_ROOM).fitted(map(_event, gathered.events), _EVENT_BYTES)
    return {
        "title": f"Session {gathered.number}" if gathered.number else "Session",
        "said": gathered.said,
        "ended": ended,
        "reason": formats.name(str(found.connection["message"])) if found.connection else "",
        "tiles": tiles,
        "last": last,
        "who": _who(gathered.facts, gathered.client),
        "note": _note(gathered, first),
        "line": line,
        "rows": rows[::-1],
        "began": _end_of(found.connection, "start", first > 0 or found.left_out > 0),
        "over": _end_of(found.connection, "end", found.live is not None),
        "events": events,
        "siem": formats.cut(cef_line(gathered.events[0]), _SIEM_MAX) if gathered.events else "",
        "client_id": gathered.facts["client_id"],
        "client": gathered.client,
        "number": gathered.number,
        "trace": found.connection["trace_id"] if found.connection else "",
    }


def _event(one: RecentEvent) -> dict[str, Any]:
    kind = KINDS[kind_of(one)]
    return {
        "href": address(one, "30d"),
        "when": formats.clock_ms(one.first),
        "look": kind.look.replace("control", "mute"),
        "word": kind.word,
        "detail": formats.name(one.record.error or one.record.message),
        "code": one.record.code,
    }


def _end_of(connection: Mapping[str, Any] | None, which: str, is_hidden: bool) -> dict[str, str]:
    """Return the row of the begin or of the end of a session, empty where it is not known, or other
    rows are in between."""
    if connection is None or is_hidden:
        return {}
    return {
        "when": formats.clock_ms(connection[which]),
        "href": trace_of(connection),
        "text": formats.name(str(connection["message"])) if which == "end" else "",
    }


def _last(live: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the statement that runs, or ran last, in an open session."""
    text = (live["statement"] or live["last_statement"]) if live is not None else ""
    if live is None or not text:
        return {}
    return {
        "title": "Runs now" if live["statement"] else "Ran last",
        "text": highlighted(formats.cut(text, _TEXT_MAX)),
        "href": address_of_shape(live["shape"]) if live["shape"] else "",
    }


def _note(gathered: Gathered, first: int) -> str:
    found = gathered.found
    left = found.left_out + first
    text = f"{formats.several(len(found.requests) - first, 'request')} shown"
    if left:
        text += f", {formats.count(left)} earlier ones are not"
    return f"{text}; those that were neither sampled nor slow, denied or failed are counted alone"


def _who(facts: Mapping[str, Any], client: str) -> list[tuple[str, str, str]]:
    """Return what is known of the client, whose name is given: titles, what each is, and what
    stands below it."""
    known = {name: formats.name(text) for name, text in facts.items()}
    found = [
        ("Client id", client if known["client_id"] else "", known["certificate"]),
        ("Peer", known["peer"], ""),
        ("User, database", known["user"], known["database"]),
    ]
    return [
        (title, text or formats.NOTHING, below) for title, text, below in found if text or below
    ]


def _tiles(gathered: Gathered) -> list[Tile]:
    found = gathered.found
    live, connection = found.live, found.connection
    rows = sum(_rows(one.record) or 0 for one in found.requests)
    verdicts = Counter(requests.verdict_of(one.record) for one in found.requests)
    bad = verdicts[requests.DENIED] + verdicts[requests.POISON]
    lasted = formats.NOTHING
    if live is not None:
        lasted = formats.long(live["seconds"])
    elif connection is not None:
        lasted = formats.ms((connection["end"] - connection["start"]) / _MS)
    made = [tile("Lasted", lasted, "still open" if live is not None else "ended")]
    if live is not None:
        made.append(_state(live))
    made += [
        Tile(
            "Kept requests",
            formats.count(len(found.requests) + found.left_out),
            "",
            f"{formats.count(verdicts[requests.DENIED])} denied, "
            f"{formats.count(verdicts[requests.POISON])} poison",
            bool(bad),
        ),
    ]
    if live is not None:
        made.append(tile("Sent to it", formats.size(live["sent"]), "in all"))
    made.append(Tile("Rows", formats.count(rows), "", "of kept requests", False))
    return made


def _state(live: Mapping[str, Any]) -> Tile:
    """The age of an open session's state, and of its transaction."""
    below = "no transaction"
    if live["transaction_ms"]:
        below = f"transaction for {formats.ms(live['transaction_ms'])}"
    is_idle = live["transaction_ms"] and not live["running_ms"]
    title = _STATES.get(live["state"], live["state"])
    if live["running_ms"]:
        title = "In the database for" if live["in_database"] else "In the proxy for"
    return tile(title, formats.ms(live["state_ms"]), below, bool(is_idle))


def _rows(record: Mapping[str, Any]) -> int | None:
    return requests.number(record["attributes"], "db.response.returned_rows")


def _line(gathered: Gathered) -> Any:
    """The requests over time in lanes by verdict."""
    found = gathered.found.requests
    begin = found[0].record["start"]
    length = max(max(one.record["end"] for one in found) - begin, 1)
    by: dict[str, list[Dot]] = {verdict: [] for verdict in requests.BADGES}
    for one in found:
        record = one.record
        verdict = requests.verdict_of(record)
        when = formats.clock_ms(record["start"])
        name = f"{verdict}, {when}: {formats.name(str(record['name']))}"
        at = 100 * (record["start"] - begin) / length
        by[verdict].append(Dot(at, _LOOKS.get(verdict, "control"), trace_of(record), name))
    drawn = [Lane(verdict, len(dots), dots) for verdict, dots in by.items() if dots]
    ticks = [
        Tick(100 * part / _TICKS, formats.clock_ms(begin + length * part // _TICKS))
        for part in range(_TICKS + 1)
    ]
    return lanes("Requests of the session over time; marks are links", drawn, ticks, _LINKS)


def _row(one: Request, before: Request | None, longest: int) -> dict[str, Any]:
    record = one.record
    known = record["attributes"]
    verdict = requests.verdict_of(record)
    badge, word = requests.BADGES[verdict]
    shape = requests.shape_id(record)
    rows = _rows(record)
    text = str(known.get("db.query.text", ""))
    took, by = formats.ms((record["end"] - record["start"]) / _MS), formats.name(_decided(known))
    pause = (record["start"] - before.record["end"]) / _MS if before is not None else 0.0
    return {
        "when": formats.clock_ms(record["start"]),
        "href": trace_of(record),
        "pause": f"+{formats.ms(pause)}" if pause > 0 else "",
        "badge": badge,
        "word": word,
        "bad": verdict in (requests.DENIED, requests.POISON),
        "name": formats.name(str(record["name"])),
        "text": formats.cut(text, _LINE),
        "whole": formats.cut(text, _TITLE) if len(text) > _LINE else "",
        "shape": address_of_shape(shape) if shape else "",
        "by": by,
        "took": took,
        "below": f"{took}, {by}" if by else took,
        "where": charts.share(one.layers, longest / _MS),
        "rows": formats.count(rows) if rows is not None else formats.NOTHING,
    }


def _decided(known: Mapping[str, Any]) -> str:
    """Return what decided about a request: a stage with its rule, or the database's error."""
    parts = (
        known.get("acra.denied_by"),
        known.get("acra.censor.rule"),
        known.get("acra.censor.place"),
        known.get("error.type"),
        requests.poison_place(known),
    )
    return ", ".join(str(part) for part in parts if part)


VIEW: Final = View("session", "Session", "sessions", asked, gather, as_json, shown)
