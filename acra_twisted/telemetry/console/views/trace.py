"""Trace: where did the time of this request go?"""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from markupsafe import Markup

from acra_twisted.telemetry.console import (
    charts,
    formats,
    minimap,
    requests,
    shapelinks,
    waterfall,
)
from acra_twisted.telemetry.console.around import Around, around, draw
from acra_twisted.telemetry.console.layers import LAYERS, ours
from acra_twisted.telemetry.console.people import Names
from acra_twisted.telemetry.console.repeated import repeated
from acra_twisted.telemetry.console.room import Room
from acra_twisted.telemetry.console.sentences import Answer
from acra_twisted.telemetry.console.sides import Side, side_of, typical_of
from acra_twisted.telemetry.console.spanfacts import connected, decided, detail, logs
from acra_twisted.telemetry.console.sqltext import SHOWN_MAX, highlighted
from acra_twisted.telemetry.console.structure import Usual, usual, whole
from acra_twisted.telemetry.console.tiles import Tile, tile
from acra_twisted.telemetry.console.timeline import Bar, Timeline, arranged, folded
from acra_twisted.telemetry.console.view import Sources, View
from acra_twisted.telemetry.console.views.tracesentences import said
from acra_twisted.telemetry.console.waterfall import Window
from acra_twisted.telemetry.logs.recent import RecentEvent
from acra_twisted.telemetry.pages.arguments import given
from acra_twisted.telemetry.pages.rendering import NotKept, Piece
from acra_twisted.telemetry.pages.search import Unfit
from acra_twisted.telemetry.tracing.kept import SPANS_MAX
from acra_twisted.telemetry.tracing.links import address
from acra_twisted.telemetry.tracing.spans import iso_time

QUESTION: Final = "Where did the time of this trace go?"
ARGUMENTS: Final[Mapping[str, str]] = {
    "id": "the trace id",
    "span": "the id of a span, of which everything is shown",
    "range": "the part of the trace that the waterfall shows: FROM-TO in microseconds",
}
_TRACE_ID: Final = re.compile("[0-9a-f]{32}")
_SPAN_ID: Final = re.compile("[0-9a-f]{1,16}")
_RANGE: Final = re.compile("([0-9]{1,15})-([0-9]{1,15})")
#: Security events of a trace that are told.
_EVENTS_MAX: Final = 20
_FOR_EVER: Final = 1 << 62
_MS: Final = 1e6
#: Spans that are looked at between two turns.
_STEP: Final = 64


class Asked(NamedTuple):
    """The arguments of the view; ``part`` is nanoseconds, the whole trace if both are 0."""

    trace_id: str
    span_id: str
    part: tuple[int, int] = (0, 0)


class Gathered(NamedTuple):
    """All that the view shows; ``main`` is the request that the trace is about, if it has one, and
    ``typical`` the typical trace of its statement, of which ``usual`` has what is typical of each
    span.  ``bars`` are the spans in the window, alike ones folded.  ``is_part``: memory has no more
    of it."""

    trace_id: str
    records: list[dict[str, Any]]
    timeline: Timeline
    main: Mapping[str, Any] | None
    chosen: Bar
    said: Answer
    elsewhere: str
    typical: Side | None
    session: Around | None
    events: Sequence[RecentEvent]
    client: str
    window: Window
    bars: Sequence[Bar]
    usual: Mapping[str, Usual]
    logs: Sequence[Mapping[str, str]]
    is_part: bool


def asked(arguments: Mapping[str, str], now: int) -> Asked:
    """Read the arguments.  Raises Unfit."""
    found = given(arguments, ARGUMENTS)
    trace_id, span_id = found.get("id", "").lower(), found.get("span", "").lower()
    if not _TRACE_ID.fullmatch(trace_id):
        raise Unfit("id must be the 32 hex digits of a trace")
    if span_id and not _SPAN_ID.fullmatch(span_id):
        raise Unfit("span must be the 16 hex digits of a span")
    part = _RANGE.fullmatch(found.get("range") or "0-0")
    if part is None:
        raise Unfit("range must be FROM-TO in microseconds after the trace's begin")
    return Asked(trace_id, span_id, (int(part[1]) * 1000, int(part[2]) * 1000))


def gather(sources: Sources, wanted: Asked) -> Generator[Piece, None, Gathered]:
    """Return what the view shows, in steps.  Raises NotKept."""
    records = yield from sources.traces.records(wanted.trace_id)
    if not records:
        raise NotKept(sources.traces.why_missing())
    timeline = yield from arranged(records)
    yield ""
    side = yield from side_of(records, timeline)
    typical = session = None
    if requests.top_count(records) == 1:
        typical = yield from typical_of(sources, wanted.trace_id, side)
    if side.main is not None:
        session = yield from around(sources, records, side.main)
    kept = sources.events.kept(0, _FOR_EVER) if sources.events is not None else []
    told = [one for one in kept if one.record.trace_id == wanted.trace_id][:_EVENTS_MAX]
    yield ""
    runs = yield from repeated(records)
    layers = typical.layers if typical is not None else {}
    answer = said(records, timeline, side.main, layers, runs)
    client = Names(sources.fact("peers")).of(
        requests.first(records, "acra.client_id"), requests.first(records, "tls.client.subject")
    )
    yield ""
    window = _window(timeline, wanted.part)
    bars = yield from folded([bar for bar in timeline.bars if window.has(bar.start, bar.end)])
    chosen = yield from _chosen(timeline, wanted.span_id)
    known = (yield from usual(timeline, typical.places)) if typical is not None else {}
    logged = yield from logs(timeline, told)
    return Gathered(
        wanted.trace_id,
        records,
        timeline,
        side.main,
        chosen,
        answer,
        address(sources.link_template, wanted.trace_id),
        typical,
        session,
        told,
        client,
        window,
        bars,
        known,
        logged,
        len(sources.traces.store.trace(wanted.trace_id)) >= SPANS_MAX,
    )


def _window(timeline: Timeline, part: tuple[int, int]) -> Window:
    """Return the part of a trace that is asked for, the whole trace if there is no such part."""
    low, high = part[0], min(part[1], timeline.took)
    return Window(low, high) if low < high else Window(0, timeline.took)


def _chosen(timeline: Timeline, span_id: str) -> Generator[str, None, Bar]:
    """Return the span that is asked for, else that which took most itself, in steps."""
    for bar in timeline.bars:
        if bar.record["span_id"] == span_id:
            return bar
    longest, most = timeline.bars[0], (False, -1)
    for count, bar in enumerate(timeline.bars, 1):
        this = bool(bar.layer), bar.itself
        if this > most:
            longest, most = bar, this
        if not count % _STEP:
            yield ""
    return longest


def as_json(gathered: Gathered) -> dict[str, Any]:
    """All that the view shows, as plain values."""
    timeline, known = gathered.timeline, gathered.usual
    return {
        "question": QUESTION,
        "answer": gathered.said.as_json(),
        "trace_id": gathered.trace_id,
        "start": timeline.begin,
        "took_ms": timeline.took / _MS,
        "layers_ms": dict(timeline.layers),
        "verdict": requests.verdict_of(gathered.main) if gathered.main is not None else None,
        "typical": _typical_as_json(gathered.typical),
        "session": _session_as_json(gathered.session),
        "events": [one.number for one in gathered.events],
        "chosen": gathered.chosen.record["span_id"],
        "spans": (
            {
                **bar.record,
                "depth": bar.depth,
                "layer": bar.layer,
                "moved_ms": timeline.moves.by.get(bar.record["span_id"], 0) / _MS,
                "itself_ms": bar.itself / _MS,
                "typical_ms": known[bar.record["span_id"]].took
                if bar.record["span_id"] in known
                else None,
                "critical_ms": sum(part.end - part.start for part in bar.critical) / _MS,
            }
            for bar in timeline.bars
        ),
    }


def _typical_as_json(typical: Side | None) -> dict[str, Any] | None:
    if typical is None:
        return None
    return {
        "calls": len(typical.known),
        "of": typical.when,
        "took_ms": whole(typical.places),
        "layers_ms": dict(typical.layers),
    }


def _session_as_json(session: Around | None) -> dict[str, Any] | None:
    if session is None:
        return None
    before, behind = session.before, session.behind
    return {
        "id": session.number or None,
        "kept": len(session.found),
        "previous": before.trace_id if before is not None else None,
        "next": behind.trace_id if behind is not None else None,
    }


def shown(gathered: Gathered) -> Generator[str, None, dict[str, Any]]:
    """Return the values for the template, in steps."""
    timeline, trace_id, main = gathered.timeline, gathered.trace_id, gathered.main
    window, session = gathered.window, gathered.session
    bars = gathered.bars
    is_part = window.length < timeline.took
    known = main["attributes"] if main is not None else {}
    name = str(main["name"] if main is not None else timeline.bars[0].record["name"])
    shape = requests.shape_id(main) if main is not None else ""
    statement = f"{shapelinks.address(shape)}&range=24h" if shape else ""
    layers = timeline.layers
    spent = sum(layers.values())
    links = [("Compare with typical", f"/console/compare?id={trace_id}")] if shape else []
    if known.get("db.query.summary"):
        query = urlencode({"statement": str(known["db.query.summary"])[:120]})
        links.append(("Similar traces", f"{SEARCH}?{query}"))
    if statement:
        links.append(("The statement", statement))
    yield ""
    here = f"/console/trace?id={trace_id}"
    kept = f"&range={window.low // 1000}-{-(-window.high // 1000)}" if is_part else ""
    rows = yield from Room(waterfall.ROWS_ROOM).fitted(
        waterfall.rows(window, bars, f"{here}{kept}&span=", gathered.usual), waterfall.ROW_BYTES
    )
    picture = Markup()
    if is_part or len(timeline.bars) > waterfall.ROWS_MAX or len(rows) < len(bars):
        address_of_parts = f"{here}&range="
        picture = yield from minimap.draw(timeline.spent, timeline.took, window, address_of_parts)
    yield ""
    spans = _count(gathered, bars, len(rows))
    yield ""
    strip = draw(session) if session is not None else ""
    yield ""
    chosen = gathered.chosen
    zoom = f"{here}&span={chosen.record['span_id']}&range="
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
        "client": requests.first(gathered.records, "acra.client_id"),
        "client_short": gathered.client,
        "whom": formats.name(
            ", ".join(str(known[key]) for key in ("user.name", "db.namespace") if known.get(key))
        ),
        "verdict": requests.BADGES[requests.verdict_of(main)] if main is not None else _NO_VERDICT,
        "decided": formats.name(decided(known)),
        "whole": formats.ms(spent or timeline.took / _MS),
        "share": charts.share(layers, large=True),
        "known_layers": {layer: LAYERS[layer] for layer in layers},
        "layer_values": {
            layer: (formats.ms(took), formats.share(took, spent)) for layer, took in layers.items()
        },
        "map": picture,
        "ticks": waterfall.ticks(window),
        "rows": rows,
        "spans": spans,
        "typical": _typical_text(gathered.typical),
        "whole_trace": here if is_part else "",
        "chosen": chosen.record["span_id"],
        "detail_name": formats.name(str(chosen.record["name"])),
        "detail": list(detail(chosen, timeline)),
        "zoom": f"{zoom}{chosen.start // 1000}-{-(-chosen.end // 1000)}#c-where",
        "logs": gathered.logs,
        "text": highlighted(formats.cut(str(known.get("db.query.text") or ""), SHOWN_MAX)),
        "statement": statement,
        "connected": list(connected(trace_id, timeline, gathered.records)),
        "session": session,
        "strip": strip,
        "clock": formats.clock_ms,
    }


def _typical_text(typical: Side | None) -> str:
    if typical is None:
        return ""
    return f"{formats.several(len(typical.known), 'kept call')} {typical.when}".strip()


#: Where traces are looked for.
SEARCH: Final = "/console/traces"
_NO_VERDICT: Final = ("mute", "none")


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
    was = gathered.typical.layers if gathered.typical is not None else {}
    return [
        _against(
            "Whole",
            timeline.took / _MS,
            whole(gathered.typical.places) if gathered.typical is not None else 0.0,
            formats.several(len(timeline.bars), "span"),
        ),
        _against(
            "Ours",
            ours(layers),
            ours(was),
            f"{formats.share(ours(layers), sum(layers.values()))} of the requests",
        ),
        _against(
            "Database, first byte",
            layers.get("dbfirst", 0.0),
            was.get("dbfirst", 0.0),
            f"rows {formats.ms(layers.get('dbrows', 0.0))}",
        ),
        tile("Reply", f"{formats.NOTHING if rows is None else formats.count(rows)} rows", reply),
    ]


def _against(title: str, now: float, usual_ms: float, otherwise: str) -> Tile:
    """A time, with the typical one below where it is known."""
    if not usual_ms:
        return tile(title, formats.ms(now), otherwise)
    if formats.is_worse(usual_ms, now):
        text = f"{formats.times(usual_ms, now)} typical ({formats.ms(usual_ms)})"
        return tile(title, formats.ms(now), text, True)
    return tile(title, formats.ms(now), f"{formats.ms(usual_ms)} typical")


def _count(gathered: Gathered, bars: Sequence[Bar], rows: int) -> str:
    """Tell how many spans there are, and how many of them are shown, in so many rows."""
    everything = gathered.timeline.bars
    daemons = len({str(record["service"]) for record in gathered.records})
    text = f"{formats.several(len(everything), 'span')}, {formats.several(daemons, 'daemon')}"
    if gathered.timeline.moves.by:
        text += f", {formats.count(len(gathered.timeline.moves.by))} moved where clocks differ"
    if gathered.is_part:
        text += f" (of a longer trace the first {SPANS_MAX} are in memory)"
    inside = sum(bar.spans for bar in bars)
    if inside < len(everything):
        text += f", {formats.count(inside)} in this part"
    if len(bars) < inside:
        text += f", alike ones folded to {formats.several(len(bars), 'row')}"
    left = len(bars) - rows
    return f"{text}; {formats.count(left)} more rows in smaller parts" if left > 0 else text


VIEW: Final = View("trace", "Trace", "traces", asked, gather, as_json, shown)
