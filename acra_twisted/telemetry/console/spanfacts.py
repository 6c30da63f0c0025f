"""Facts of spans as the view of a trace shows them: of one span all, and of all what was said."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from heapq import nsmallest
from typing import Any, Final

from acra_twisted.telemetry.console import formats, requests
from acra_twisted.telemetry.console.incidents import KINDS, address, kind_of
from acra_twisted.telemetry.console.layers import LAYERS
from acra_twisted.telemetry.console.timeline import Bar, Timeline
from acra_twisted.telemetry.logs.recent import RecentEvent
from acra_twisted.telemetry.tracing.spans import iso_time

_TRACE_ID: Final = re.compile("[0-9a-f]{32}")
_LINKS_MAX: Final = 8
#: Lines of what was said.
_LOGS_MAX: Final = 50
#: Spans that are looked at between two turns.
_STEP: Final = 32
_MS: Final = 1e6
#: Characters of an SQLSTATE; MySQL's errors have numbers of four digits.
_SQLSTATE: Final = 5


def detail(bar: Bar, timeline: Timeline) -> Iterator[tuple[str, str]]:
    """Give all that is known of a span, with names."""
    record = bar.record
    yield "started", f"{iso_time(record['start'])} (+{formats.exact_ms(bar.start / _MS)})"
    moved = timeline.moves.by.get(record["span_id"], 0)
    if moved:
        yield "moved", f"{formats.signed(moved / _MS, 3)} ms, for clocks differ"
    yield "took", formats.exact_ms((bar.end - bar.start) / _MS)
    yield "itself", formats.exact_ms(bar.itself / _MS)
    yield "layer", LAYERS.get(bar.layer, "none: as long as the connection")
    yield "daemon", formats.name(str(record["service"]))
    if record["status"]:
        yield "status", f"{record['status']} {formats.name(str(record['message']))}"
    for key, value in record["attributes"].items():
        if key != "db.query.text":
            yield formats.name(str(key)), formats.name(str(value))
    yield "span", str(record["span_id"])
    yield "parent", str(record["parent_id"]) or formats.NOTHING


def logs(
    timeline: Timeline, told: Sequence[RecentEvent]
) -> Generator[str, None, list[dict[str, str]]]:
    """Return what the spans say, in steps: their events, and facts that somebody should see; and
    the security events of the trace."""
    said: list[tuple[int, str, str, str, str]] = []
    codes = {one.record.code for one in told}
    by = timeline.moves.by
    # Events are of AcraServer, whose spans are moved.
    moved = max(by.values(), key=abs, default=0)
    for one in told:
        text = one.record.error or one.record.message
        at = min(max(one.first + moved - timeline.begin, 0), timeline.took)
        look = KINDS[kind_of(one)].look.replace("control", "mute")
        said.append((at, look, f"event {one.record.code}", text, address(one, "30d")))
    for count, bar in enumerate(timeline.bars, 1):
        record, known = bar.record, bar.record["attributes"]
        if not count % _STEP:
            yield ""
        for event in record["events"]:
            facts = ", ".join(f"{key} {value}" for key, value in event["attributes"].items())
            text = f"{event['name']}: {facts}" if facts else str(event["name"])
            at = event["time"] + by.get(record["span_id"], 0) - timeline.begin
            said.append((at, "", "", text, ""))
        if known.get("acra.denied_by") and known.get("acra.verdict") != "allow":
            rule = known.get("acra.censor.rule", "")
            text = f"{known['acra.denied_by']} {rule} {known.get('acra.censor.place', '')}"
            said.append((bar.end, "deny", "denied", text.strip(), ""))
        for key, kind, word, what in requests.COUNTED:
            counted = requests.number(known, key)
            if counted:
                said.append((bar.end, kind, word, formats.several(counted, what), ""))
        code = known.get("acra.event_code")
        if code and code not in codes:
            said.append((bar.end, "info", f"event {code}", "security event", ""))
        state = str(known.get("db.response.status_code") or "")
        if state:
            state = f"SQLSTATE {state}" if len(state) == _SQLSTATE else f"error {state}"
            said.append((bar.end, "fail", "database", state, ""))
    return [
        {
            "at": f"+{at / _MS:.3f}",
            "kind": look,
            "word": formats.name(word),
            "text": formats.name(text),
            "href": href,
        }
        for at, look, word, text, href in nsmallest(_LOGS_MAX, said)
    ]


def connected(
    trace_id: str, timeline: Timeline, records: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[str, str, str]]:
    """Give the application's span, and the traces that are linked."""
    top = timeline.bars[0].record
    if top["parent_id"]:
        yield "Continues", f"{top['parent_id']}, not kept here", ""
    seen = {trace_id}
    for record in records:
        for linked in record["links"]:
            other = str(linked["trace_id"])
            if other not in seen and _TRACE_ID.fullmatch(other) and len(seen) <= _LINKS_MAX:
                seen.add(other)
                yield "Linked", formats.short_id(other), f"/console/trace?id={other}"


def decided(known: Mapping[str, Any]) -> str:
    """Return what decided about a request, or how it came."""
    if known.get("acra.denied_by"):
        place = known.get("acra.censor.place")
        return f"by {known['acra.denied_by']}" + (f", {place}" if place else "")
    if known.get("acra.in_transaction"):
        return "in a transaction"
    return ""
