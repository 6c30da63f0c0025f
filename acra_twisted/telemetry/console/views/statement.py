"""Statement: why is this one slow, and since when?"""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from acra_twisted.telemetry.console import (
    areatable,
    breaks,
    charts,
    commonality,
    distributions,
    fewcalls,
    formats,
    schemachanges,
    unopened,
)
from acra_twisted.telemetry.console.breaks import Break, Minute
from acra_twisted.telemetry.console.calls import Call, Caller, callers, kept_calls
from acra_twisted.telemetry.console.commonality import Common, compared
from acra_twisted.telemetry.console.distributions import Spread, spread
from acra_twisted.telemetry.console.gathering import added, by_column, totals
from acra_twisted.telemetry.console.layers import (
    by_layer,
    ours,
    per_call,
)
from acra_twisted.telemetry.console.people import Names
from acra_twisted.telemetry.console.pins import NARROW, Mark
from acra_twisted.telemetry.console.ranges import DEFAULT, RANGES, Range, range_of
from acra_twisted.telemetry.console.schemachanges import Change
from acra_twisted.telemetry.console.sentences import (
    Answer,
)
from acra_twisted.telemetry.console.shapelinks import traces_of
from acra_twisted.telemetry.console.sqltext import highlighted
from acra_twisted.telemetry.console.tiles import Tile, tile
from acra_twisted.telemetry.console.view import Sources, View
from acra_twisted.telemetry.console.views.statementsentences import tell
from acra_twisted.telemetry.figures.counting import MINUTE
from acra_twisted.telemetry.figures.rows import WHOLE, Row
from acra_twisted.telemetry.figures.shapes import Shape
from acra_twisted.telemetry.figures.summary import mean_ms, percentiles, whole_ms
from acra_twisted.telemetry.pages.arguments import given
from acra_twisted.telemetry.pages.rendering import NotKept
from acra_twisted.telemetry.pages.search import DENY, ERROR, POISON, Unfit

QUESTION: Final = "Why is this statement slow, and since when?"
ARGUMENTS: Final[Mapping[str, str]] = {
    "id": "the id of the statement's shape",
    "range": f"time up to now: {', '.join(RANGES)}",
}


#: Characters of an attribute's value in its table.
_VALUE: Final = 24

#: Statements that are looked at between two turns.
_STEP: Final = 64


class Gathered(NamedTuple):
    """All that the view shows: figures of the whole time and of each column of it, and of the time
    before; ``found`` is the break in their means.  ``calls`` are those that are kept; the slow ones
    of them, since the break, have something in ``common``.  ``all_ms`` is the time of all
    statements."""

    span: Range
    shape: Shape
    row: Row
    columns: list[Row]
    before: Row | None
    found: Break | None
    said: Answer
    calls: Sequence[Call] = ()
    common: Common | None = None
    callers: Sequence[Caller] = ()
    changed: Sequence[Change] = ()
    all_ms: float = 0.0


class Asked(NamedTuple):
    """The arguments of the view."""

    span: Range
    shape_id: str


def asked(arguments: Mapping[str, str], now: int) -> Asked:
    """Read the arguments.  Raises Unfit."""
    found = given(arguments, ARGUMENTS)
    if not found.get("id"):
        raise Unfit("id is missing: the list of statements has the ids")
    return Asked(range_of(found.get("range") or DEFAULT, now), found["id"])


def gather(sources: Sources, wanted: Asked) -> Generator[str, None, Gathered]:
    """Return what the view shows, in steps.  Raises NotKept."""
    figures = sources.figures
    shapes = yield from totals(figures, wanted.span)
    now = shapes.get(wanted.shape_id)
    if now is None:
        raise NotKept(f"Not found: no call of this statement came in the last {wanted.span.said}")
    before = (yield from totals(figures, wanted.span.before())).get(wanted.shape_id)
    columns = yield from by_column(figures, wanted.shape_id, wanted.span)
    found = breaks.find([Minute(column.calls, whole_ms(column)) for column in columns])
    yield ""
    was = before.row if before is not None else None
    span = wanted.span
    calls = yield from kept_calls(sources, now.shape, span.since * MINUTE, span.until * MINUTE)
    told = sources.fact("peers")
    since = (span.since + found.place * span.step) * MINUTE if found is not None else 0
    common = compared(
        [call for call in calls if call.start >= since], _slow_from(now.row, found), Names(told)
    )
    yield ""
    changed = yield from schemachanges.changes(figures, shapes, span, now.shape)
    place = found.place if found is not None else None
    related = schemachanges.said(changed, place, span, now.shape)
    closed = unopened.said(sources.fact("unopened"), span.since * MINUTE, now.shape.id, Names(told))
    few = fewcalls.said(now.row, traces_of(now.shape.id, span))
    others = [closed, related, commonality.said(common), few]
    said = tell(span, now.row, columns, was, found, others)
    whole = 0.0
    for number, one in enumerate(shapes.values(), 1):
        whole += whole_ms(one.row)
        if not number % _STEP:
            yield ""
    return Gathered(
        span,
        now.shape,
        now.row,
        columns,
        was,
        found,
        said,
        calls,
        common,
        callers(calls, told),
        changed,
        whole,
    )


def _slow_from(row: Row, found: Break | None) -> float:
    """Return the milliseconds from which on a call is slow: between both means of a break, else
    twice the median."""
    if found is not None and found.before and found.now > found.before:
        return math.sqrt(found.before * found.now)
    return 2 * percentiles(row, WHOLE)["p50_ms"]


def as_json(gathered: Gathered) -> dict[str, Any]:
    """All that the view shows, as plain values."""
    found = gathered.found
    return {
        "question": QUESTION,
        "answer": gathered.said.as_json(),
        "range": gathered.span.key,
        "step_minutes": gathered.span.step,
        "id": gathered.shape.id,
        "database": gathered.shape.database,
        "summary": gathered.shape.summary,
        "statement": gathered.shape.text,
        "break": found and found.as_json(gathered.span.begins(found.place)),
        "schema_changes": [one.as_json(gathered.span) for one in gathered.changed],
        "figures": gathered.row.as_json(),
        "share": whole_ms(gathered.row) / (gathered.all_ms or 1.0),
        "slow": gathered.common.as_json() if gathered.common is not None else None,
        "kept": len(gathered.calls),
        "callers": [one._asdict() for one in gathered.callers],
        "samples": [line.as_json() for line in _spread(gathered).lines],
        "mean_ms": mean_ms(gathered.row),
        "mean_before_ms": mean_ms(gathered.before) if gathered.before is not None else None,
        **percentiles(gathered.row, WHOLE),
        "columns": [
            {
                "since": gathered.span.begins(place),
                "calls": column.calls,
                "mean_ms": mean_ms(column),
                "layers_ms": per_call(column),
            }
            for place, column in enumerate(gathered.columns)
        ],
    }


def shown(gathered: Gathered) -> Generator[str, None, dict[str, Any]]:
    """Return the values for the template, in steps."""
    span, shape, row = gathered.span, gathered.shape, gathered.row
    marks = []
    if gathered.found is not None:
        place = gathered.found.place
        word = "slower" if gathered.found.now > gathered.found.before else "faster"
        marks = [Mark(span.at(place), word, span.begins(place))]
    marks += schemachanges.marks(gathered.changed, span)
    means = [per_call(column) for column in gathered.columns]
    series = {layer: [mean.get(layer, 0.0) for mean in means] for layer in by_layer(row)}
    yield ""
    figures = _figures(gathered)
    heat = distributions.heat(gathered.row, gathered.columns, span, marks, traces_of(shape.id))
    yield ""
    area = charts.area(
        f"Mean time of {shape.summary} by layer",
        series or {"proxy": [0.0] * span.columns},
        span.ticks(few=True),
        marks,
        150,
        NARROW,
    )
    yield ""
    spread = _spread(gathered)
    yield ""
    return {
        "span": span,
        "id": shape.id,
        "short": formats.short_id(shape.id),
        "title": formats.name(shape.summary),
        "summary": formats.name(shape.summary),
        "database": formats.name(shape.database),
        "text": highlighted(shape.text),
        "said": gathered.said,
        "arguments": {"id": shape.id},
        "links": _links(gathered),
        "figures": figures,
        "heat": heat,
        "heat_levels": charts.LEVELS,
        "area": area,
        "value_heads": areatable.heads(series),
        "value_rows": areatable.rows(map(span.begins, range(span.columns)), means, series),
        "spread": spread,
        "traces": traces_of(shape.id, span),
        "common": _common(gathered.common),
        "callers": [_caller(one, gathered) for one in gathered.callers],
        "callers_note": f"of {formats.several(len(gathered.calls), 'kept call')}",
    }


def _links(gathered: Gathered) -> list[tuple[str, str]]:
    """Return where to go next: first to a slow call, if one is kept."""
    found = [("Its traces", traces_of(gathered.shape.id, gathered.span))]
    common = gathered.common
    if common is not None and common.example:
        found.insert(0, ("Compare slow with typical", f"/console/compare?id={common.example}"))
    return found


def _spread(gathered: Gathered) -> Spread:
    """The distribution: before and behind the break, or in the time before and now."""
    address = traces_of(gathered.shape.id, gathered.span)
    if gathered.found is None:
        was = gathered.before or Row()
        return spread(was, gathered.row, ("before", "now"), gathered.calls, address)
    place = gathered.found.place
    heads = (f"before {gathered.span.begins(place)}", "since")
    was, now = added(gathered.columns[:place]), added(gathered.columns[place:])
    return spread(was, now, heads, gathered.calls, address)


def _common(common: Common | None) -> dict[str, Any]:
    """Values of the table of what slow calls have in common."""
    if common is None or not common.factors:
        number = common.slow if common is not None else 0
        return {
            "least": formats.ms(common.least) if common is not None else "",
            "rows": [],
            "counts": f"{formats.several(number, 'slow call')} kept",
        }
    return {
        "least": formats.ms(common.least),
        "counts": f"{formats.count(common.slow)} slow, {formats.count(common.others)} others",
        "rows": [
            {
                "name": one.name,
                "value": one.value,
                "short": formats.cut(one.value, _VALUE),
                "slow": formats.share(one.slow, 1),
                "others": formats.share(one.others, 1),
                "bars": charts.pair(100 * one.others, 100 * one.slow),
                "points": formats.signed(100 * one.gap),
                "matters": one.matters,
            }
            for one in common.factors
        ],
    }


def _caller(one: Caller, gathered: Gathered) -> dict[str, str]:
    query = f"&client_id={quote(one.client_id)}" if one.client_id else ""
    return {
        "name": one.name,
        "whole": one.client_id,
        "href": traces_of(gathered.shape.id, gathered.span) + query,
        "calls": formats.count(one.calls),
        "mean": formats.ms(one.mean, False),
        "peers": ", ".join(one.peers),
    }


def _figures(gathered: Gathered) -> list[Tile]:
    row, before = gathered.row, gathered.before
    spread, parts = percentiles(row, WHOLE), per_call(row)
    was = mean_ms(before) if before is not None and before.calls else 0.0
    seconds = 60 * gathered.span.elapsed
    traces = traces_of(gathered.shape.id, gathered.span)
    faults = [
        (title, number, f"{traces}&verdict={verdict}")
        for title, number, verdict in (
            ("Errors", row.errors + row.lost, ERROR),
            ("Denied", row.denied, DENY),
            ("Poison", row.poisoned, POISON),
        )
    ]
    return [
        tile(
            "Calls",
            formats.rate(row.calls / seconds),
            f"{formats.count(row.calls)} in all",
            href=traces,
        ),
        tile(
            "Share of all time",
            formats.share(whole_ms(row), gathered.all_ms),
            f"{formats.long(whole_ms(row) / 1000)} in all",
        ),
        tile(
            "Mean",
            formats.ms(mean_ms(row)),
            f"{formats.ms(was)} before" if was else "none before",
            bool(was) and formats.is_worse(was, mean_ms(row)),
        ),
        tile(
            "p95",
            formats.ms(spread["p95_ms"]),
            f"p99 {formats.ms(spread['p99_ms'])}",
            href=f"{traces}&sort=slowest",
        ),
        tile("Ours", formats.ms(ours(parts)), "proxy, stages and link"),
        tile("Rows a call", formats.count(row.rows / (row.calls or 1)), formats.size(row.sent)),
        *(
            tile(
                title,
                formats.count(number),
                f"{formats.share(number, row.calls)} of its calls",
                title != "Errors",
                href=href if number else "",
            )
            for title, number, href in faults
            if number or title == "Errors"
        ),
    ]


VIEW: Final = View("statement", "Statement", "statements", asked, gather, as_json, shown)
