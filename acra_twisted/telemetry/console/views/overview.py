"""Overview: is it the proxy or the database, and since when?"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from acra_twisted.telemetry.console import (
    areatable,
    breaks,
    charts,
    formats,
    healthfindings,
    lastevents,
    schemachanges,
    unopened,
    waited,
)
from acra_twisted.telemetry.console.behind import problem
from acra_twisted.telemetry.console.breaks import Break, Minute
from acra_twisted.telemetry.console.firststatement import explained
from acra_twisted.telemetry.console.gathering import added, totals
from acra_twisted.telemetry.console.gone import Gone, gone, lasts
from acra_twisted.telemetry.console.growth import growth
from acra_twisted.telemetry.console.healthfindings import Finding
from acra_twisted.telemetry.console.layers import (
    LAYERS,
    by_layer,
    database,
    largest_change,
    ours,
    per_call,
)
from acra_twisted.telemetry.console.lines import Line, lines
from acra_twisted.telemetry.console.longest import standing
from acra_twisted.telemetry.console.people import Names
from acra_twisted.telemetry.console.pins import Mark
from acra_twisted.telemetry.console.ranges import DEFAULT, RANGES, Range, range_of
from acra_twisted.telemetry.console.schemachanges import Change
from acra_twisted.telemetry.console.sentences import Answer
from acra_twisted.telemetry.console.shapelinks import address, traces_of
from acra_twisted.telemetry.console.tiles import Tile, tile
from acra_twisted.telemetry.console.view import Sources, View
from acra_twisted.telemetry.console.views.overviewsentences import (
    MORE,
    At,
    Culprit,
    Facts,
    tell,
)
from acra_twisted.telemetry.figures.counting import MINUTE
from acra_twisted.telemetry.figures.rows import WHOLE, Row
from acra_twisted.telemetry.figures.shapes import OTHERS
from acra_twisted.telemetry.figures.statements import Found
from acra_twisted.telemetry.figures.summary import mean_ms, ordered, percentiles, whole_ms
from acra_twisted.telemetry.logs.recent import RecentEvent
from acra_twisted.telemetry.pages.arguments import given
from acra_twisted.telemetry.pages.rendering import Piece

QUESTION: Final = "Is it the proxy or the database, and since when?"
ARGUMENTS: Final[Mapping[str, str]] = {"range": f"time up to now: {', '.join(RANGES)}"}
#: Percentiles are right to a bucket, which is so much wider than the one before it.
_STEP: Final = 1.19
#: A statement's part of what was added that is worth its name.
_MOST: Final = 0.25
#: Where the figures lead: what each one is made of, in a range.
_DOORS: Final = {
    "Requests": "/console/statements?sort=calls&range={}",
    "Median": "/console/statements?sort=mean&range={}",
    "p95": "/console/statements?sort=p95&range={}",
    "p99": "/console/traces?sort=slowest&since={}",
    "Errors": "/console/statements?sort=errors&range={}",
    "Denied": "/console/security?kind=denied&range={}",
    "Poison": "/console/security?kind=poison&range={}",
}
_LISTED: Final = 5
_FINDINGS: Final = 5
#: Percentiles with their titles.
_SPREAD: Final = (("Median", "p50_ms"), ("p95", "p95_ms"), ("p99", "p99_ms"))


class Gathered(NamedTuple):
    """All that the view shows, with the statements that have most of the time, and those that have
    changed the schema; ``marks`` are of security events, and of starts."""

    span: Range
    facts: Facts
    first: list[Found]
    said: Answer
    changed: Sequence[Change]
    events: Sequence[RecentEvent]
    findings: Sequence[Finding]
    marks: Sequence[Mark]
    lost: Sequence[Gone] = ()


def asked(arguments: Mapping[str, str], now: int) -> Range:
    """Read the arguments.  Raises Unfit."""
    found = given(arguments, ARGUMENTS)
    return range_of(found.get("range") or DEFAULT, now)


def gather(sources: Sources, span: Range) -> Generator[Piece, None, Gathered]:
    """Return all that the view shows, in steps; it waits for an answer from behind the daemon where
    no request was answered lately."""
    columns = yield from sources.sums.by_column(span)
    before = added((yield from sources.sums.by_column(span.before())))
    row = added(columns)
    found = breaks.find([Minute(column.calls, whole_ms(column)) for column in columns])
    yield ""
    shapes = yield from totals(sources.figures, span)
    first = ordered(shapes.values(), "time")[:_LISTED]
    culprit = None
    if found is None:
        was, now = before, row
    else:
        was, now = added(columns[: found.place]), added(columns[found.place :])
        culprit = yield from _culprit(sources, span, found, was, now)
    facts = Facts(span, columns, row, before, found, was, now, culprit)
    grown = yield from growth(sources.figures, span, columns)
    long = yield from waited.waited(sources.figures, shapes, span)
    stood = waited.said(long, span, address, traces_of)
    changed = yield from schemachanges.changes(sources.figures, shapes, span)
    since, until = span.since * MINUTE, span.until * MINUTE
    events = sources.events.kept(since, until) if sources.events is not None else []
    yield ""
    heard = sources.edges.heard() if sources.edges is not None else {}
    lost = gone(lasts(heard), sources.clock() // MINUTE)
    yield ""
    now_open = yield from standing(sources.sessions(), sources.clock())
    away = yield from problem(sources)
    closed = unopened.said(sources.fact("unopened"), since, names=Names(sources.fact("peers")))
    known = yield from healthfindings.facts_of(sources.fact)
    health = healthfindings.findings(known, away, sources.clock() / 1e9)
    marks = lastevents.marks(events, sources.fact("changes"), span)
    said = tell(facts, At(now_open, away, grown, lost, closed, stood))
    said = yield from explained(said, sources.fact)
    return Gathered(
        span,
        facts,
        first,
        said,
        changed,
        events,
        health,
        marks,
        lost,
    )


def _culprit(
    sources: Sources, span: Range, found: Break, was: Row, now: Row
) -> Generator[str, None, Culprit | None]:
    layer, grown = largest_change(per_call(was), per_call(now))
    middle = span.since + found.place * span.step
    early = yield from totals(sources.figures, Range(span.key, span.since, middle))
    late = yield from totals(sources.figures, Range(span.key, middle, span.until))
    most: Culprit | None = None
    for shape_id, one in late.items():
        if shape_id != OTHERS.id and layer:
            then = early.get(shape_id)
            spent = by_layer(one.row).get(layer, 0.0) / (now.calls or 1)
            if then is not None:
                spent -= by_layer(then.row).get(layer, 0.0) / (was.calls or 1)
            if most is None or spent / grown > most.part:
                most = Culprit(one, spent / grown)
        yield ""
    return most if most is not None and most.part >= _MOST else None


def as_json(gathered: Gathered) -> dict[str, Any]:
    """All that the view shows, as plain values."""
    span, found = gathered.span, gathered.facts.found
    return {
        "question": QUESTION,
        "answer": gathered.said.as_json(),
        "range": span.key,
        "break": found and found.as_json(gathered.span.begins(found.place)),
        "schema_changes": [one.as_json(span) for one in gathered.changed],
        "gone": [one.as_json() for one in gathered.lost],
        "events": lastevents.as_json(gathered.events),
        "findings": [one.as_json() for one in gathered.findings[:_FINDINGS]],
        "figures": gathered.facts.row.as_json(),
        "mean_ms": mean_ms(gathered.facts.row),
        "mean_before_ms": mean_ms(gathered.facts.before) if gathered.facts.before.calls else None,
        **percentiles(gathered.facts.row, WHOLE),
        "layers_before_ms": per_call(gathered.facts.was),
        "layers_now_ms": per_call(gathered.facts.now),
        "columns": (
            {
                "since": span.begins(place),
                "calls": column.calls,
                "errors": column.errors + column.lost,
                "denied": column.denied,
                "mean_ms": mean_ms(column),
                **percentiles(column, WHOLE),
                "layers_ms": per_call(column),
            }
            for place, column in enumerate(gathered.facts.columns)
        ),
    }


def shown(gathered: Gathered) -> Generator[str, None, dict[str, Any]]:
    """Return the values for the template, in steps."""
    span, found = gathered.span, gathered.facts.found
    marks = []
    heads = ("before", "now")
    if found is not None:
        when = span.begins(found.place)
        heads = (f"before {when}", "now")
        word = "slower" if found.now > found.before else "faster"
        marks = [Mark(span.at(found.place), word, when)]
    marks += [*gathered.marks, *schemachanges.marks(gathered.changed, span)]
    means = [per_call(column) for column in gathered.facts.columns]
    layers = by_layer(gathered.facts.row) or {"proxy": 0.0}
    series = {layer: [mean.get(layer, 0.0) for mean in means] for layer in layers}
    times = [span.begins(place) for place in range(span.columns)]
    yield ""
    over = _over_time(gathered)
    yield ""
    figures = _figures(gathered, over)
    yield ""
    area = charts.area("Mean time of a request by layer", series, span.ticks(), marks, 262)
    yield ""
    small = _charts(span, over, times, marks)
    yield ""
    links = []
    culprit = gathered.facts.culprit
    if found is not None and found.now > found.before:
        links = [("All statements", f"/console/statements?range={span.key}")]
        if culprit is not None:
            links = [("Open the statement", address(culprit.found.shape.id)), *links]
    return {
        "span": span,
        "said": gathered.said,
        "arguments": {},
        "links": links,
        "figures": figures,
        "events": lastevents.lines(gathered.events, span),
        "findings": [one.as_json() for one in gathered.findings[:_FINDINGS]],
        "area": area,
        "value_heads": areatable.heads(series),
        "value_rows": areatable.rows(times, means, series),
        "heads": heads,
        "changes": _changes(gathered.facts.was, gathered.facts.now),
        **small,
        "first": (_line(one, gathered.facts.row, span) for one in gathered.first),
    }


def _changes(was: Row, now: Row) -> list[dict[str, Any]]:
    """Mean milliseconds of each layer before and now, and of the whole."""
    before, after, known = per_call(was), per_call(now), bool(was.calls)
    lines_of = [
        _change(layer, name, before.get(layer, 0.0), after.get(layer, 0.0), known)
        for layer, name in LAYERS.items()
    ]
    whole = _change("", "Whole request", mean_ms(was), mean_ms(now), known)
    return [*lines_of, whole]


def _change(layer: str, name: str, before: float, now: float, known: bool) -> dict[str, Any]:
    said = "same" if formats.is_same(before, now) else formats.signed(now - before, 2)
    return {
        "layer": layer,
        "name": name,
        "before": formats.ms(before, False) if known else formats.NOTHING,
        "now": formats.ms(now, False),
        "change": said if known else formats.NOTHING,
        "worse": known and formats.is_worse(before, now),
    }


class _OverTime(NamedTuple):
    """Values of each column: requests a second, percentiles by name (None where there was no
    request), and requests by what became of them."""

    rates: Sequence[float]
    spread: Mapping[str, Sequence[float | None]]
    failed: Sequence[float]
    denied: Sequence[float]
    poisoned: Sequence[float]


def _over_time(gathered: Gathered) -> _OverTime:
    span, columns = gathered.span, gathered.facts.columns
    spreads = [percentiles(column, WHOLE) for column in columns]
    return _OverTime(
        [column.calls / (60 * span.width(place)) for place, column in enumerate(columns)],
        {
            name: [
                one[name] if column.calls else None
                for one, column in zip(spreads, columns, strict=True)
            ]
            for _, name in _SPREAD
        },
        [float(column.errors + column.lost) for column in columns],
        [float(column.denied) for column in columns],
        [float(column.poisoned) for column in columns],
    )


def _charts(
    span: Range, over: _OverTime, times: Sequence[str], marks: Sequence[Mark]
) -> dict[str, Any]:
    """The three small charts, each with its table."""
    ticks = span.ticks(few=True)
    p50, p95, p99 = (over.spread[name] for _, name in _SPREAD)
    rates, failed, denied = over.rates, over.failed, over.denied
    return {
        "latency": lines(
            "Latency percentiles over time",
            [Line("a", p99, "p99"), Line("b", p95, "p95"), Line("c", p50, "p50")],
            ticks,
            unit=" ms",
            log=True,
            marks=[Mark(mark.at, "") for mark in marks],
        ),
        "latency_rows": (
            [time, *(formats.NOTHING if one is None else formats.ms(one, False) for one in some)]
            for time, *some in zip(times, p50, p95, p99, strict=True)
        ),
        "rate": lines("Requests a second over time", [Line("b", rates)], ticks, unit=" /s"),
        "rate_rows": (
            [time, formats.rate(value)] for time, value in zip(times, rates, strict=True)
        ),
        "faults": lines(
            "Errors and denials over time", [Line("mute", failed, "errors")], ticks, columns=denied
        ),
        "faults_rows": (
            [time, formats.count(one), formats.count(other)]
            for time, one, other in zip(times, denied, failed, strict=True)
        ),
    }


def _figures(gathered: Gathered, over: _OverTime) -> list[Tile]:
    row, before, span = gathered.facts.row, gathered.facts.before, gathered.span
    seconds = (60 * span.elapsed, 60 * span.minutes)
    spread, was = percentiles(row, WHOLE), percentiles(before, WHOLE)
    known = bool(before.calls)
    now, then = (sum(one) for one in ((row.errors, row.lost), (before.errors, before.lost)))
    rates = [
        formats.rate(one.calls / length) for one, length in zip((row, before), seconds, strict=True)
    ]
    found: list[tuple[str, str, str, bool, Sequence[float | None]]] = []
    found.append(("Requests", rates[0], rates[1], False, over.rates))
    for title, name in _SPREAD:
        worse = formats.is_worse(was[name] * _STEP, spread[name])
        texts = formats.ms(spread[name]), formats.ms(was[name])
        found.append((title, *texts, worse, over.spread[name]))
    for title, one, other, worse, values in (
        ("Errors", now, then, now > MORE * then, over.failed),
        ("Denied", row.denied, before.denied, row.denied > before.denied, over.denied),
        ("Poison", row.poisoned, before.poisoned, row.poisoned > before.poisoned, over.poisoned),
    ):
        found.append((title, formats.count(one), formats.count(other), worse, values))
    return [
        tile(
            title,
            text,
            f"{earlier} before" if known else "nothing before",
            known and is_bad,
            values,
            _DOORS[title].format(span.key) if text != "0" else "",
        )
        for title, text, earlier, is_bad, values in found
    ]


def _line(one: Found, whole: Row, span: Range) -> dict[str, Any]:
    parts = per_call(one.row)
    return {
        "href": "" if one.shape.id == OTHERS.id else f"{address(one.shape.id)}&range={span.key}",
        "summary": formats.name(one.shape.summary),
        "calls": formats.count(one.row.calls),
        "traces": "" if one.shape.id == OTHERS.id else traces_of(one.shape.id, span),
        "share": formats.share(whole_ms(one.row), whole_ms(whole)),
        "gauge": charts.gauge(whole_ms(one.row), whole_ms(whole)),
        "mean": formats.ms(mean_ms(one.row), False),
        "ours": formats.ms(ours(parts), False),
        "where": charts.share(parts),
        "side": "database" if database(parts) > ours(parts) else "ours",
    }


VIEW: Final = View("overview", "Overview", "overview", asked, gather, as_json, shown, live=10)
