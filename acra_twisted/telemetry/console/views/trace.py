"""Trace: where did the time of this request go?"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from acra_twisted.telemetry.console import charts, formats, requests, waterfall
from acra_twisted.telemetry.console.layers import DATABASE, LAYERS, database, ours
from acra_twisted.telemetry.console.sentences import (
    BAD,
    PLAIN,
    SLOW,
    Answer,
    Sentence,
    answer,
    sentence,
    strong,
)
from acra_twisted.telemetry.console.sentences import DATABASE as ABOUT_DATABASE
from acra_twisted.telemetry.console.tiles import Tile, tile
from acra_twisted.telemetry.console.timeline import Bar, Timeline, arrange, folded
from acra_twisted.telemetry.console.view import Sources, View
from acra_twisted.telemetry.console.views import statements
from acra_twisted.telemetry.pages.arguments import given
from acra_twisted.telemetry.pages.rendering import NotKept
from acra_twisted.telemetry.pages.search import Unfit
from acra_twisted.telemetry.tracing.links import address
from acra_twisted.telemetry.tracing.spans import iso_time

QUESTION: Final = "Where did the time of this trace go?"
ARGUMENTS: Final[Mapping[str, str]] = {
    "id": "the trace id",
    "span": "the id of a span, of which everything is shown",
}
_TRACE_ID: Final = re.compile("[0-9a-f]{32}")
_SPAN_ID: Final = re.compile("[0-9a-f]{1,16}")
#: Parts of all time from which on a side, or a layer, is what took it.
_MOST, _MUCH = 0.6, 0.3
#: Lines of what was said.
_LOGS_MAX: Final = 50
_MS: Final = 1e6


class Asked(NamedTuple):
    """The arguments of the view."""

    trace_id: str
    span_id: str


class Gathered(NamedTuple):
    """All that the view shows; ``main`` is the request that the trace is about, if it has one."""

    trace_id: str
    records: list[dict[str, Any]]
    timeline: Timeline
    main: Mapping[str, Any] | None
    chosen: Bar
    said: Answer
    elsewhere: str


def asked(arguments: Mapping[str, str], now: int) -> Asked:
    """Read the arguments.  Raises Unfit."""
    found = given(arguments, ARGUMENTS)
    trace_id, span_id = found.get("id", "").lower(), found.get("span", "").lower()
    if not _TRACE_ID.fullmatch(trace_id):
        raise Unfit("id must be the 32 hex digits of a trace")
    if span_id and not _SPAN_ID.fullmatch(span_id):
        raise Unfit("span must be the 16 hex digits of a span")
    return Asked(trace_id, span_id)


def gather(sources: Sources, wanted: Asked) -> Generator[str, None, Gathered]:
    """Return what the view shows, in steps.  Raises NotKept."""
    records = yield from sources.traces.records(wanted.trace_id)
    if not records:
        raise NotKept
    timeline = arrange(records)
    yield ""
    main = requests.main_of(records)
    said = _answer(records, timeline, main)
    yield ""
    chosen = _chosen(timeline, wanted.span_id, main)
    elsewhere = address(sources.link_template, wanted.trace_id)
    return Gathered(wanted.trace_id, records, timeline, main, chosen, said, elsewhere)


def _chosen(timeline: Timeline, span_id: str, main: Mapping[str, Any] | None) -> Bar:
    """Return the span that is asked for, else that which took most itself."""
    for bar in timeline.bars:
        if bar.record["span_id"] == span_id:
            return bar
    return max(timeline.bars, key=lambda bar: (bool(bar.layer), bar.itself))


def _answer(
    records: Sequence[Mapping[str, Any]], timeline: Timeline, main: Mapping[str, Any] | None
) -> Answer:
    return answer(
        [_running(records, timeline), _fault(main), _side(timeline)],
        sentence("spread", PLAIN, "No layer took most of it: ", _largest(timeline), "."),
    )


def _largest(timeline: Timeline) -> str:
    layers = timeline.layers
    if not layers:
        return f"{formats.ms(timeline.took / _MS)}, of which nothing was a request"
    layer = max(layers, key=lambda one: layers[one])
    part = formats.share(layers[layer], sum(layers.values()))
    return f"the largest is {LAYERS[layer].lower()}, {formats.ms(layers[layer])}, {part}"


def _running(records: Sequence[Mapping[str, Any]], timeline: Timeline) -> Sentence | None:
    open_spans = sum(bool(record.get("running")) for record in records)
    if not open_spans:
        return None
    have = "span has" if open_spans == 1 else "spans have"
    return sentence(
        "running",
        SLOW,
        strong(f"Still running after {formats.ms(timeline.took / _MS)}"),
        f": {open_spans} {have} not ended.",
    )


def _fault(main: Mapping[str, Any] | None) -> Sentence | None:
    if main is None:
        return None
    known = main["attributes"]
    verdict = requests.verdict_of(main)
    if verdict == requests.POISON:
        number = requests.number(known, "acra.poison_records") or 0
        return sentence(
            "poison", BAD, strong(f"It read {formats.several(number, 'poison record')}"), "."
        )
    if verdict == requests.DENIED:
        by = formats.name(str(known.get("acra.denied_by") or "a stage"))
        rule = known.get("acra.censor.rule")
        why = f", rule {formats.name(str(rule))}" if rule else ""
        sent = "" if known.get("acra.time.database_ms") else "; the database never saw it"
        return sentence("denied", BAD, strong(f"Denied by {by}"), f"{why}{sent}.")
    if verdict == requests.FAILED:
        code = known.get("db.response.status_code") or known.get("error.type") or "an error"
        return sentence("failed", BAD, strong(f"Failed: {formats.name(str(code))}"), ".")
    return None


def _side(timeline: Timeline) -> Sentence | None:
    layers = timeline.layers
    whole = sum(layers.values())
    if not whole:
        return None
    theirs, our = database(layers), ours(layers)
    layer = max(layers, key=lambda one: layers[one])
    if theirs >= _MOST * whole:
        rest = f", {formats.ms(layers[layer])} {_OF_DATABASE[layer]}. " if layer in DATABASE else ""
        return sentence(
            "database",
            ABOUT_DATABASE,
            strong(f"The database took {formats.share(theirs, whole)} of it"),
            f"{rest}Connector, link, proxy and stages took {formats.ms(our)}.",
        )
    if layer not in DATABASE and layers[layer] >= _MUCH * whole:
        return sentence(
            "ours",
            SLOW if our >= _MOST * whole and our >= 1 else PLAIN,
            strong(f"{LAYERS[layer]} took {formats.share(layers[layer], whole)} of it"),
            f", {formats.ms(layers[layer])}; the database took {formats.ms(theirs)}.",
        )
    return None


_OF_DATABASE: Final = {"dbfirst": "to its first byte", "dbrows": "for its rows"}


def as_json(gathered: Gathered) -> dict[str, Any]:
    """All that the view shows, as plain values."""
    timeline = gathered.timeline
    return {
        "question": QUESTION,
        "answer": gathered.said.as_json(),
        "trace_id": gathered.trace_id,
        "start": timeline.begin,
        "took_ms": timeline.took / _MS,
        "layers_ms": dict(timeline.layers),
        "verdict": requests.verdict_of(gathered.main) if gathered.main is not None else None,
        "chosen": gathered.chosen.record["span_id"],
        "spans": [
            {
                **bar.record,
                "depth": bar.depth,
                "layer": bar.layer,
                "itself_ms": bar.itself / _MS,
                "critical_ms": sum(part.end - part.start for part in bar.critical) / _MS,
            }
            for bar in timeline.bars
        ],
    }


def shown(gathered: Gathered) -> dict[str, Any]:
    """Values for the template."""
    timeline, trace_id, main = gathered.timeline, gathered.trace_id, gathered.main
    bars = folded(timeline.bars)
    known = main["attributes"] if main is not None else {}
    name = str(main["name"] if main is not None else timeline.bars[0].record["name"])
    client = requests.first(gathered.records, "acra.client_id")
    shape = requests.shape_id(main) if main is not None else ""
    statement = f"{statements.address(shape)}&range=24h" if shape else ""
    layers = timeline.layers
    whole = sum(layers.values())
    links = [("Compare with typical", f"/console/compare?id={trace_id}")] if shape else []
    if known.get("db.query.summary"):
        query = urlencode({"statement": str(known["db.query.summary"])[:120]})
        links.append(("Similar traces", f"{SEARCH}?{query}"))
    if statement:
        links.append(("The statement", statement))
    return {
        "title": f"Trace {formats.short_id(trace_id)}",
        "id": trace_id,
        "short": formats.short_id(trace_id),
        "search": SEARCH,
        "elsewhere": gathered.elsewhere,
        "when": iso_time(timeline.begin)[:23].replace("T", " "),
        "summary": formats.name(name),
        "said": gathered.said,
        "links": links,
        "figures": _figures(gathered),
        "client": client,
        "client_short": formats.name(client) if len(client) <= _CLIENT_MAX else client[:8],
        "whom": formats.name(
            ", ".join(str(known[key]) for key in ("user.name", "db.namespace") if known.get(key))
        ),
        "verdict": requests.BADGES[requests.verdict_of(main)] if main is not None else _NO_VERDICT,
        "decided": formats.name(_decided(known)),
        "whole": formats.ms(whole or timeline.took / _MS),
        "share": charts.share(layers, large=True),
        "known_layers": {layer: LAYERS[layer] for layer in layers},
        "layer_values": {
            layer: (formats.ms(took), formats.share(took, whole)) for layer, took in layers.items()
        },
        "ticks": waterfall.ticks(timeline.took),
        "rows": waterfall.rows(timeline, bars, f"/console/trace?id={trace_id}&span="),
        "spans": _count(gathered.records, timeline, bars),
        "chosen": gathered.chosen.record["span_id"],
        "detail_name": formats.name(str(gathered.chosen.record["name"])),
        "detail": list(_detail(gathered.chosen, timeline)),
        "logs": list(_logs(timeline))[:_LOGS_MAX],
        "text": str(known.get("db.query.text") or ""),
        "statement": statement,
        "connected": list(_connected(gathered)),
    }


#: Where traces are looked for.
SEARCH: Final = "/console/traces"
#: A client id that is longer is of digits.
_CLIENT_MAX: Final = 24
_NO_VERDICT: Final = ("mute", "none")


def _decided(known: Mapping[str, Any]) -> str:
    if known.get("acra.denied_by"):
        place = known.get("acra.censor.place")
        return f"by {known['acra.denied_by']}" + (f", {place}" if place else "")
    if known.get("acra.in_transaction"):
        return "in a transaction"
    return ""


def _figures(gathered: Gathered) -> list[Tile]:
    timeline, main = gathered.timeline, gathered.main
    layers = timeline.layers
    known = main["attributes"] if main is not None else {}
    rows = requests.number(known, "db.response.returned_rows")
    opened, failed = known.get("acra.containers_opened"), known.get("acra.containers_failed")
    reply = "no rows known"
    if opened is not None or failed is not None:
        reply = f"{opened or 0} opened, {failed or 0} left as stored"
    elif rows is not None:
        reply = "returned or changed"
    return [
        tile("Whole", formats.ms(timeline.took / _MS), formats.several(len(timeline.bars), "span")),
        tile(
            "Ours",
            formats.ms(ours(layers)),
            f"{formats.share(ours(layers), sum(layers.values()))} of the requests",
        ),
        tile(
            "Database, first byte",
            formats.ms(layers.get("dbfirst", 0.0)),
            f"rows {formats.ms(layers.get('dbrows', 0.0))}",
        ),
        tile("Reply", f"{formats.NOTHING if rows is None else formats.count(rows)} rows", reply),
    ]


def _count(records: Sequence[Mapping[str, Any]], timeline: Timeline, bars: Sequence[Bar]) -> str:
    daemons = len({str(record["service"]) for record in records})
    said = f"{formats.several(len(timeline.bars), 'span')}, {formats.several(daemons, 'daemon')}"
    left = len(bars) - waterfall.ROWS_MAX
    if len(bars) < len(timeline.bars):
        said += f", alike ones folded to {len(bars)} rows"
    return f"{said}; {left} more in the JSON" if left > 0 else said


def _detail(bar: Bar, timeline: Timeline) -> Iterator[tuple[str, str]]:
    record = bar.record
    yield "started", f"{iso_time(record['start'])} (+{formats.exact_ms(bar.start / _MS)})"
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


#: Attributes that count what somebody should see, with the badges and names of what they count.
_COUNTED: Final = (
    ("acra.poison_records", "intr", "poison", "poison record"),
    ("acra.containers_failed", "fail", "left as stored", "container"),
)


def _logs(timeline: Timeline) -> Iterator[dict[str, str]]:
    """Give what the spans say: their events, and facts that somebody should see."""
    said: list[tuple[int, str, str, str]] = []
    for bar in timeline.bars:
        record, known = bar.record, bar.record["attributes"]
        for event in record["events"]:
            facts = ", ".join(f"{key} {value}" for key, value in event["attributes"].items())
            text = f"{event['name']}: {facts}" if facts else str(event["name"])
            said.append((event["time"] - timeline.begin, "", "", text))
        if known.get("acra.denied_by") and known.get("acra.verdict") != "allow":
            rule = known.get("acra.censor.rule", "")
            text = f"{known['acra.denied_by']} {rule} {known.get('acra.censor.place', '')}"
            said.append((bar.end, "deny", "denied", text.strip()))
        for key, kind, word, what in _COUNTED:
            counted = requests.number(known, key)
            if counted:
                said.append((bar.end, kind, word, formats.several(counted, what)))
        if known.get("acra.event_code"):
            said.append((bar.end, "info", f"event {known['acra.event_code']}", "security event"))
        if known.get("db.response.status_code"):
            code = f"SQLSTATE {known['db.response.status_code']}"
            said.append((bar.end, "fail", "database", code))
    for at, kind, word, text in sorted(said):
        yield {
            "at": f"+{at / _MS:.3f}",
            "kind": kind,
            "word": formats.name(word),
            "text": formats.name(text),
        }


def _connected(gathered: Gathered) -> Iterator[tuple[str, str, str]]:
    """Give the application's span, and the traces that are linked."""
    top = gathered.timeline.bars[0].record
    if top["parent_id"]:
        yield "Continues", f"{top['parent_id']}, not kept here", ""
    seen = {gathered.trace_id}
    for record in gathered.records:
        for linked in record["links"]:
            other = str(linked["trace_id"])
            if other not in seen and _TRACE_ID.fullmatch(other) and len(seen) <= _LINKS_MAX:
                seen.add(other)
                yield "Linked", formats.short_id(other), f"/console/trace?id={other}"


_LINKS_MAX: Final = 8


VIEW: Final = View("trace", "Trace", "traces", asked, gather, as_json, shown)
