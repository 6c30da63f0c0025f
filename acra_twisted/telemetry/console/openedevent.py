"""The security event that is opened beside the list: what is known of it, and what to do."""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import Any, Final, NamedTuple

from acra_twisted.eventtable import TABLE
from acra_twisted.telemetry.console import formats, incidents
from acra_twisted.telemetry.console.incidents import KINDS, kind_of
from acra_twisted.telemetry.console.sqltext import SHOWN_MAX, highlighted
from acra_twisted.telemetry.console.view import Sources
from acra_twisted.telemetry.logs.recent import RecentEvent
from acra_twisted.telemetry.logs.security import SecurityRecord
from acra_twisted.telemetry.pages.pastevents import is_past
from acra_twisted.telemetry.pages.rendering import Piece
from acra_twisted.wire.formats.cef import DICTIONARY

#: Characters of a statement in a line.
_LINE: Final = 80
_CLIENT: Final = "client"
_NAMED: Final = re.compile("``([^`]*)``")
#: Fields of an event by their keys in CEF.
_FIELDS: Final = {key: name for name, key in DICTIONARY.items()}


class Opened(NamedTuple):
    """An event with what its trace says of it: the rule's place, and how long its request took,
    where that is kept."""

    event: RecentEvent
    place: str = ""
    took: float = 0.0
    in_database: bool = False
    peers: str = ""


def opened_from(sources: Sources, event: RecentEvent) -> Generator[Piece, None, Opened]:
    """Return an event with what its trace says of it, in steps."""
    peers = incidents.usual_peers(sources.fact("peers"), event)
    known = Opened(event, event.record.place, peers=peers)
    if not event.record.trace_id:
        return known
    records = yield from sources.traces.records(event.record.trace_id)
    span_id = event.record.span_id
    request = next((one for one in records if one["span_id"] == span_id), None)
    if request is None or request.get("running"):
        return known
    place = str(request["attributes"].get("acra.censor.place", ""))
    in_database = any(one["parent_id"] == span_id and one["kind"] == _CLIENT for one in records)
    return known._replace(
        place=known.place or place,
        took=(request["end"] - request["start"]) / 1e6,
        in_database=in_database,
    )


def what_of(one: RecentEvent) -> str:
    """Return the statement of an event, or its line."""
    text = one.record.query or TABLE[one.record.code].meaning
    return formats.name(formats.cut(text, _LINE))


def shown(opened: Opened) -> dict[str, Any]:
    """Return the values for the template."""
    one, record = opened.event, opened.event.record
    meaning = TABLE[record.code]
    rule = f"{record.rule} {opened.place}".strip()
    facts = [
        ("Client id", formats.name(record.client_id) or "none was proven"),
        ("Claimed", formats.name(record.claimed_client_id)),
        ("Certificate", formats.name(record.certificate)),
        ("Peer", formats.name(record.peer)),
        ("Seen before", opened.peers),
        ("User, database", formats.name(", ".join(filter(None, (record.user, record.database))))),
        ("Decided by", formats.name(record.stage)),
        ("Rule", formats.name(rule)),
        ("It was", f"{record.action}; for the peer a {record.outcome}"),
        ("Attempts", formats.count(record.attempts) if record.attempts else ""),
        ("Records", formats.count(record.records) if record.records else ""),
        ("First one in", incidents.place_of(record)),
    ]
    if opened.took:
        reached = (
            "it reached the database" if opened.in_database else "it never reached the database"
        )
        facts.append(("Took", f"{formats.ms(opened.took)}; {reached}"))
    return {
        "title": KINDS[kind_of(one)].title.capitalize()
        + (f": {what_of(one)}" if record.query else ""),
        "note": f"event {record.code}"
        + (f", {formats.several(one.times, 'time')}" if one.times > 1 else ""),
        "text": highlighted(formats.cut(record.query, SHOWN_MAX)),
        "why": formats.name(record.error or record.message),
        "meaning": meaning.meaning,
        "remedy": _with_values(meaning.remedy, record),
        "first": record.time,
        "last": formats.clock_ms(one.last) if one.times > 1 else "",
        "facts": [fact for fact in facts if fact[1]],
        "session": record.session_id,
        "session_href": session_of(one),
        "trace": record.trace_id,
        "short": formats.short_id(record.trace_id),
    }


def _with_values(remedy: str, record: SecurityRecord) -> str:
    """Return what to do, with the values of the fields that it names as lines of CEF do."""

    def named(found: re.Match[str]) -> str:
        value = getattr(record, _FIELDS.get(found[1], ""), "")
        return f"{found[1]} ({formats.name(str(value))})" if value else found[1]

    return _NAMED.sub(named, remedy)


def session_of(one: RecentEvent) -> str:
    """Return where the session of an event is shown; empty where it is not known."""
    if not is_past(one):
        return f"/console/session?id={one.record.session_id}"
    trace_id = one.record.trace_id
    return f"/console/session?trace={trace_id}" if trace_id else ""
