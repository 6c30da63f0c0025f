"""Statement: why is this one slow, and since when?"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from acra_twisted.telemetry.console import breaks, charts, formats
from acra_twisted.telemetry.console.breaks import Break, Minute
from acra_twisted.telemetry.console.charts import Mark
from acra_twisted.telemetry.console.gathering import added, by_column, totals
from acra_twisted.telemetry.console.layers import (
    DATABASE,
    LAYERS,
    by_layer,
    is_nearly_all,
    largest_change,
    ours,
    per_call,
)
from acra_twisted.telemetry.console.ranges import DEFAULT, RANGES, Range, range_of
from acra_twisted.telemetry.console.sentences import (
    BAD,
    GOOD,
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
from acra_twisted.telemetry.console.view import Sources, View
from acra_twisted.telemetry.figures.buckets import BOUNDS
from acra_twisted.telemetry.figures.rows import WHOLE, Row
from acra_twisted.telemetry.figures.shapes import Shape
from acra_twisted.telemetry.figures.summary import mean_ms, percentiles, whole_ms
from acra_twisted.telemetry.pages.arguments import given
from acra_twisted.telemetry.pages.rendering import NotKept
from acra_twisted.telemetry.pages.search import Unfit

QUESTION: Final = "Why is this statement slow, and since when?"
ARGUMENTS: Final[Mapping[str, str]] = {
    "id": "the id of the statement's shape",
    "range": f"time up to now: {', '.join(RANGES)}",
}
#: Buckets that the heat map has at least, around those with calls.
_ROWS_MIN: Final = 16
#: Ends of the groups of the distribution, in milliseconds.
_GROUPS: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 512.0, 2048.0)
_NS: Final = 1_000_000
#: Labels of the heat map's axis, in milliseconds.
_LABELS: Final = (0.01, 0.1, 1, 10, 100, 1000, 10_000)


class Gathered(NamedTuple):
    """All that the view shows: figures of the whole time and of each column of it, and of the time
    before; ``found`` is the break in their means."""

    span: Range
    shape: Shape
    row: Row
    columns: list[Row]
    before: Row | None
    found: Break | None
    said: Answer


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
    now = (yield from totals(figures, wanted.span)).get(wanted.shape_id)
    if now is None:
        raise NotKept
    before = (yield from totals(figures, wanted.span.before())).get(wanted.shape_id)
    columns = yield from by_column(figures, wanted.shape_id, wanted.span)
    found = breaks.find([Minute(column.calls, whole_ms(column)) for column in columns])
    yield ""
    was = before.row if before is not None else None
    said = _answer(wanted.span, now.row, columns, was, found)
    return Gathered(wanted.span, now.shape, now.row, columns, was, found, said)


def _answer(
    span: Range, row: Row, columns: Sequence[Row], before: Row | None, found: Break | None
) -> Answer:
    return answer(
        [_since(span, columns, found), _faults(row), _than_before(row, before, found)],
        sentence(
            "nothing",
            GOOD if not row.errors else PLAIN,
            f"Nothing stands out: {formats.ms(mean_ms(row))} a call on average.",
        ),
    )


def _since(span: Range, columns: Sequence[Row], found: Break | None) -> Sentence | None:
    if found is None:
        return None
    was, now = per_call(added(columns[: found.place])), per_call(added(columns[found.place :]))
    when = strong(span.begins(found.place))
    means = f"mean {formats.ms(found.now)} instead of {formats.ms(found.before)}"
    if found.now < found.before:
        return sentence("faster", GOOD, "Faster since ", when, f": {means}.")
    layer, grown = largest_change(was, now)
    pieces: list[Any] = ["Slow since ", when, f": {means}"]
    kind = ABOUT_DATABASE if layer in DATABASE else SLOW
    if layer:
        difference = found.now - found.before
        part = (
            "nearly all of it"
            if is_nearly_all(grown, difference)
            else f"{formats.ms(grown)} of the {formats.ms(difference)} added"
        )
        pieces += [f", {part} in: ", strong(LAYERS[layer].lower())]
    return sentence("slower", kind, *pieces, ".")


def _faults(row: Row) -> Sentence | None:
    if row.denied:
        which = "All" if row.denied == row.calls else formats.count(row.denied)
        return sentence(
            "denied", BAD, f"{which} of {formats.several(row.calls, 'call')} were denied."
        )
    if row.poisoned:
        return sentence(
            "poison", BAD, f"{formats.several(row.poisoned, 'call')} read a poison record."
        )
    return None


def _than_before(row: Row, before: Row | None, found: Break | None) -> Sentence | None:
    if found is not None or before is None or not before.calls:
        return None
    was, now = mean_ms(before), mean_ms(row)
    if not formats.is_worse(was, now):
        return None
    layer, _ = largest_change(per_call(before), per_call(row))
    return sentence(
        "slower-than-before",
        ABOUT_DATABASE if layer in DATABASE else SLOW,
        f"Slower than in the time before: mean {formats.ms(now)} instead of {formats.ms(was)}, "
        f"most of it in: {LAYERS[layer].lower()}.",
    )


def as_json(gathered: Gathered) -> dict[str, Any]:
    """All that the view shows, as plain values."""
    found = gathered.found
    return {
        "question": QUESTION,
        "answer": gathered.said.as_json(),
        "range": gathered.span.key,
        "id": gathered.shape.id,
        "database": gathered.shape.database,
        "summary": gathered.shape.summary,
        "statement": gathered.shape.text,
        "break": found and found.as_json(gathered.span.begins(found.place)),
        "figures": gathered.row.as_json(),
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


def shown(gathered: Gathered) -> dict[str, Any]:
    """Values for the template."""
    span, shape, row = gathered.span, gathered.shape, gathered.row
    marks = []
    if gathered.found is not None:
        place = gathered.found.place
        word = "slower" if gathered.found.now > gathered.found.before else "faster"
        marks = [Mark(100 * place / (span.columns - 1), f"{span.begins(place)} {word}")]
    means = [per_call(column) for column in gathered.columns]
    series = {layer: [mean.get(layer, 0.0) for mean in means] for layer in by_layer(row)}
    return {
        "span": span,
        "id": shape.id,
        "short": formats.short_id(shape.id),
        "title": formats.name(shape.summary),
        "summary": formats.name(shape.summary),
        "database": formats.name(shape.database),
        "text": shape.text,
        "said": gathered.said,
        "arguments": {"id": shape.id},
        "links": [("Its kept traces", f"/console/traces?statement={quote(shape.summary[:120])}")],
        "figures": _figures(gathered),
        "heat": _heat(gathered, marks),
        "heat_levels": charts.LEVELS,
        "area": charts.area(
            f"Mean time of {shape.summary} by layer",
            series or {"proxy": [0.0] * span.columns},
            span.ticks(),
            marks,
            200,
        ),
        "value_heads": ["Time", *(LAYERS[layer] for layer in series)],
        "value_rows": (
            [span.begins(place), *(formats.ms(mean.get(layer, 0.0), False) for layer in series)]
            for place, mean in enumerate(means)
        ),
        **_spread(gathered),
    }


def _figures(gathered: Gathered) -> list[Tile]:
    row, before = gathered.row, gathered.before
    spread, parts = percentiles(row, WHOLE), per_call(row)
    was = mean_ms(before) if before is not None and before.calls else 0.0
    seconds = 60 * gathered.span.minutes
    faults = row.errors + row.lost + row.denied
    return [
        tile("Calls", formats.rate(row.calls / seconds), f"{formats.count(row.calls)} in all"),
        tile(
            "Mean",
            formats.ms(mean_ms(row)),
            f"{formats.ms(was)} before" if was else "none before",
            bool(was) and formats.is_worse(was, mean_ms(row)),
        ),
        tile("p95", formats.ms(spread["p95_ms"]), f"p99 {formats.ms(spread['p99_ms'])}"),
        tile("Ours", formats.ms(ours(parts)), "proxy, stages and link"),
        tile("Rows a call", formats.count(row.rows / (row.calls or 1)), formats.size(row.sent)),
        tile(
            "Errors, denials",
            formats.count(faults),
            f"{formats.count(row.denied)} denied",
            bool(row.denied),
        ),
    ]


def _buckets(row: Row) -> Mapping[int, int]:
    layer = row.layers.get(WHOLE)
    return {} if layer is None else layer.buckets


def _heat(gathered: Gathered, marks: Sequence[Mark]) -> Any:
    columns = [_buckets(column) for column in gathered.columns]
    used = [number for column in columns for number in column] or [24]
    first, last = max(min(used) - 2, 0), max(used) + 2
    rows = max(last - first + 1, _ROWS_MIN)
    labels = []
    for value in _LABELS:
        number = next((place for place, low in enumerate(BOUNDS) if low >= value * _NS), -1)
        if first < number < first + rows - 1:
            labels.append((number, formats.ms(value)))
    spread = percentiles(gathered.row, WHOLE)
    name = (
        f"Durations of {formats.several(gathered.row.calls, 'call')} by time: half of them within "
        f"{formats.ms(spread['p50_ms'])}, 95 of 100 within {formats.ms(spread['p95_ms'])}"
    )
    return charts.heat(name, columns, first, rows, labels, gathered.span.ticks(), marks)


def _spread(gathered: Gathered) -> dict[str, Any]:
    """The distribution: before and behind the break, or in the time before and now."""
    if gathered.found is not None:
        place = gathered.found.place
        when = gathered.span.begins(place)
        heads = (f"before {when}", "since")
        was, now = added(gathered.columns[:place]), added(gathered.columns[place:])
    else:
        heads = ("before", "now")
        was, now = gathered.before or Row(), gathered.row
    one, other = _grouped(_buckets(was)), _grouped(_buckets(now))
    lines = []
    for place, name in enumerate(_names()):
        if not (one[place] or other[place]):
            continue
        before, after = _part(one, place), _part(other, place)
        lines.append(
            {
                "name": name,
                "before": formats.share(one[place], sum(one)),
                "now": formats.share(other[place], sum(other)),
                "bars": charts.pair(before, after),
            }
        )
    return {
        "spread": lines,
        "spread_heads": heads,
        "spread_note": f"upper bar: {heads[0]}, lower: {heads[1]}",
    }


def _part(counts: Sequence[int], place: int) -> float:
    return 100 * counts[place] / (sum(counts) or 1)


def _grouped(buckets: Mapping[int, int]) -> list[int]:
    counts = [0] * (len(_GROUPS) + 1)
    for number, counted in buckets.items():
        place = sum(BOUNDS[number] >= end * _NS for end in _GROUPS)
        counts[place] += counted
    return counts


def _names() -> list[str]:
    names = [f"under {formats.ms(_GROUPS[0])}"]
    for low, high in zip(_GROUPS, _GROUPS[1:], strict=False):
        names.append(f"{formats.ms(low)} to {formats.ms(high)}")
    return [*names, f"{formats.ms(_GROUPS[-1])} and over"]


VIEW: Final = View("statement", "Statement", "statements", asked, gather, as_json, shown)
