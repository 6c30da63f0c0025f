"""Charts as SVG whose horizontal places are percentages.

So each has its height before anything is drawn, and stretches without distortion; its numbers stand
in a table of the page as well.  Lengths are attributes, for the pages allow no style.  All text is
escaped: results are `Markup`, which templates take over as it is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from markupsafe import Markup, escape

from acra_twisted.telemetry.console.formats import px
from acra_twisted.telemetry.console.formats import share as percent
from acra_twisted.telemetry.console.layers import LAYERS
from acra_twisted.telemetry.console.pins import WIDE, Mark, pins

#: Room below a plot for the labels of its axis.
_BELOW: Final = 20
#: The layer behind which the database begins.
_SPLIT: Final = "poison"
#: Below it there is nothing to see.
_TINY: Final = 1e-9
#: A part of a bar this small has no name in its description.
_NAMED: Final = 0.02
#: Points of a line without axes.
_POINTS: Final = 30
#: Points that such a line has at least, where it has gaps.
_LEAST_POINTS: Final = 3
#: Half of the length of a value between gaps, in columns.
_ALONE: Final = 0.35
#: Counts from which on a cell of a heat map has each of its colours.
LEVELS: Final = (1, 3, 8, 18, 36, 60, 90)


class Tick(NamedTuple):
    """A label of the axis; ``at`` is a percentage."""

    at: float
    text: str


class Cells(NamedTuple):
    """The doors of a heat map: ``address`` with arguments, to which a cell's time and latency are
    added; its columns are of ``step`` minutes from ``since`` on, and ``bounds`` are milliseconds at
    which its rows begin, the lowest first."""

    address: str
    since: int
    step: int
    bounds: Sequence[float]


def _drawn(markup: str) -> Markup:
    """Markup that is made here, of numbers, names of classes and escaped text."""
    return Markup(markup)  # noqa: S704


def levels(top: float) -> list[float]:
    """Return two to four round values below ``top`` for the lines of a grid."""
    if top < _TINY:
        return []
    step = 10 ** math.floor(math.log10(top))
    for factor in (0.2, 0.5, 1, 2, 5):
        if top / (step * factor) <= 4.5:
            step *= factor
            break
    return [step * number for number in range(1, int(top / step * 0.95) + 1)]


def share(parts: Mapping[str, float], whole: float = 0.0, large: bool = False) -> Markup:
    """One bar of layers, as long as ``whole`` allows; without it the bar is full."""
    filled = sum(parts.values())
    track = whole or filled or 1.0
    height, gap, least = (22, 0.14, 0.35) if large else (10, 0.9, 1.0)
    at, drawn, said = 0.0, [], []
    for layer, title in LAYERS.items():
        value = parts.get(layer, 0.0)
        if value <= 0:
            continue
        width = 100 * value / track
        drawn.append(
            f'<rect class="f-{layer}" x="{px(at)}%" width="{px(max(width - gap, least))}%" '
            f'height="{height}"/>'
        )
        at += width
        if value / filled >= _NAMED:
            said.append(f"{title} {percent(value, filled)}")
    name = escape(", ".join(said) or "no time")
    size = " big" if large else ""
    return _drawn(
        f'<svg class="share{size}" width="100%" height="{height}" role="img">'
        f"<title>{name}</title>{''.join(drawn)}</svg>"
    )


def parts(drawn: Sequence[tuple[str, float, str]]) -> Markup:
    """One full bar of parts: the class of each one's colour, its value, and its name."""
    whole = sum(value for _, value, _ in drawn) or 1.0
    at, inside, said = 0.0, "", []
    for look, value, title in drawn:
        if value > 0:
            width = 100 * value / whole
            inside += (
                f'<rect class="f-{look}" x="{px(at)}%" width="{px(max(width - 0.14, 0.35))}%" '
                'height="22"/>'
            )
            at += width
            said.append(f"{title} {value:,.0f}")
    name = escape(", ".join(said) or "nothing")
    return _drawn(
        f'<svg class="share big" width="100%" height="22" role="img" aria-label="{name}">'
        f"<title>{name}</title>{inside}</svg>"
    )


def gauge(value: float, whole: float, tick: float = 0.0) -> Markup:
    """A plain bar: a part of a whole, whose number stands beside it; ``tick`` marks another part,
    in percent."""
    mark = f'<rect class="f-text" x="{px(tick)}%" width="2" height="10"/>' if tick else ""
    width = px(min(100.0, max(100 * value / whole, 0.4) if whole else 0.0))
    return _drawn(
        '<svg class="share" width="100%" height="10" aria-hidden="true">'
        '<rect class="f-sunken" width="100%" height="10"/>'
        f'<rect class="f-control" width="{width}%" height="10"/>{mark}</svg>'
    )


def pair(upper: float, lower: float) -> Markup:
    """Two bars of percentages, of which the lower one is what is now."""
    return _drawn(
        '<svg width="100%" height="18" aria-hidden="true">'
        f'<rect class="f-control" width="{px(upper)}%" height="7" y="1"/>'
        f'<rect class="f-dbfirst" width="{px(lower)}%" height="7" y="10"/></svg>'
    )


def spark(values: Sequence[float | None], hot: bool = False) -> Markup:
    """A line without axes, whose numbers stand elsewhere; empty for fewer than two values, or for
    few between gaps, which are None.  Where there are many, each point is the mean of some."""
    if len(values) < 2:
        return Markup()
    some = -(-len(values) // _POINTS)
    means = [_mean(values[at : at + some]) for at in range(0, len(values), some)]
    known = sum(mean is not None for mean in means)
    if known < min(_LEAST_POINTS, len(means)):
        return Markup()
    top = (max((mean for mean in means if mean), default=0.0) or 1.0) * (1 if hot else 1.6)
    drawn = "".join(
        f'<polyline class="ln{" hot" if hot else ""}" points="'
        + " ".join(f"{x:g},{round(20 - 18 * mean / top, 1):g}" for x, mean in run)
        + '"/>'
        for run in runs(means)
    )
    return _drawn(
        f'<svg class="spark" viewBox="0 0 {len(means) - 1} 21" preserveAspectRatio="none" '
        f'aria-hidden="true">{drawn}</svg>'
    )


def _mean(some: Sequence[float | None]) -> float | None:
    known = [value for value in some if value is not None]
    return sum(known) / len(known) if known else None


def runs(values: Sequence[float | None]) -> list[list[tuple[float, float]]]:
    """Return the lines of values without gaps, as places and values; one alone between gaps is a
    short line, that there is something to see."""
    found: list[list[tuple[float, float]]] = []
    is_open = False
    for place, value in enumerate(values):
        if value is not None:
            if not is_open:
                found.append([])
            found[-1].append((place, value))
        is_open = value is not None
    last = len(values) - 1
    for number, run in enumerate(found):
        if len(run) == 1:
            ((at, value),) = run
            found[number] = [(max(at - _ALONE, 0), value), (min(at + _ALONE, last), value)]
    return found


def area(
    name: str,
    series: Mapping[str, Sequence[float]],
    ticks: Sequence[Tick],
    marks: Sequence[Mark] = (),
    height: int = 200,
    width: int = WIDE,
) -> Markup:
    """Layers upon each other over time; above the bold line is the database.

    ``series`` has equally many values, two or more, of each layer.  Where all are 0, there was
    nothing: a gap.  ``width`` is that of the plot in pixels, at least, on a screen with columns:
    labels are placed by it.
    """
    length = len(next(iter(series.values())))
    sums = [sum(values[place] for values in series.values()) for place in range(length)]
    top = max(sums) * 1.15 or 1.0
    base: list[float | None] = [0.0 if whole else None for whole in sums]
    drawn, edge = [], ""
    for layer in LAYERS:
        values = series.get(layer)
        if values is not None:
            upper = [
                below + value if below is not None else None
                for below, value in zip(base, values, strict=True)
            ]
            for up, down in zip(runs(upper), runs(base), strict=True):
                around = f"{_line(up, top)} {_line(down[::-1], top)}"
                drawn.append(f'<polygon class="area f-{layer}" points="{around}"/>')
            base = upper
        if layer == _SPLIT:
            edge = "".join(
                f'<polyline class="edge-split" points="{_line(run, top)}"/>' for run in runs(base)
            )
    lines, labels = _grid(levels(top), height, top)
    return chart(
        name,
        height,
        f'{lines}<svg width="100%" height="{height}" viewBox="0 0 {length - 1} 100" '
        f'preserveAspectRatio="none">{"".join(drawn)}{edge}</svg>{labels}'
        f"{pins(marks, height, width)}",
        ticks,
        f'data-cross="{height}"',
    )


def heat(
    name: str,
    columns: Sequence[Mapping[int, int]],
    first: int,
    rows: int,
    labels: Sequence[tuple[int, str]],
    ticks: Sequence[Tick],
    marks: Sequence[Mark] = (),
    cells: Cells | None = None,
    height: int = 286,
) -> Markup:
    """Counts by minute and bucket.  ``columns`` have counts by bucket; ``first`` is the lowest of
    ``rows`` buckets that are shown.  ``labels`` stand where a bucket begins.  ``cells`` tell
    what a click on a cell opens.  Ticks and marks stand where the cells of their columns begin.
    """
    part = max(len(columns) - 1, 1) / max(len(columns), 1)
    ticks = [tick._replace(at=tick.at * part) if tick.at < 99 else tick for tick in ticks]
    marks = [mark._replace(at=mark.at * part) for mark in marks]
    paths = [""] * len(LEVELS)
    for x, column in enumerate(columns):
        for number, counted in column.items():
            y = min(max(number - first, 0), rows - 1)
            level = max(place for place, least in enumerate(LEVELS) if counted >= least)
            paths[level] += f"M{x} {rows - 1 - y}h1v1h-1z"
    drawn = "".join(
        f'<path class="h{level}" d="{path}"/>' for level, path in enumerate(paths, 1) if path
    )
    lines = texts = ""
    for number, text in labels:
        y_of = round(height * (1 - (number - first) / rows), 1)
        lines += f'<line class="grid" x1="0" x2="100%" y1="{y_of}" y2="{y_of}"/>'
        texts += f'<text class="halo lab" x="2" y="{y_of - 4}">{escape(text)}</text>'
    data = ""
    if cells is not None:
        bounds = " ".join(f"{bound:.4f}".rstrip("0").rstrip(".") for bound in cells.bounds)
        data = (
            f'data-cells="{escape(cells.address)}" data-columns="{len(columns)}" '
            f'data-rows="{rows}" data-height="{height}" data-since="{cells.since}" '
            f'data-step="{cells.step}" data-bounds="{bounds}"'
        )
    return chart(
        name,
        height,
        f'{lines}<svg width="100%" height="{height}" viewBox="0 0 {len(columns)} {rows}" '
        f'preserveAspectRatio="none" shape-rendering="crispEdges">{drawn}</svg>{texts}'
        f"{pins(marks, height)}",
        ticks,
        data,
    )


def _line(points: Sequence[tuple[float, float]], top: float) -> str:
    return " ".join(f"{x:g},{px(100 * (1 - value / top))}" for x, value in points)


def chart(
    name: str,
    height: int,
    inside: str,
    ticks: Sequence[Tick],
    data: str,
    role: str = "img",
) -> Markup:
    """A plot of a height with its axis; ``inside`` is markup, and so are attributes in ``data``.
    One with links inside is no image, but a ``group``."""
    label = escape(name)
    return _drawn(
        f'<div class="chart" {data}><svg height="{height + _BELOW}" role="{role}" '
        f'aria-label="{label}">{inside}'
        f'<line class="axis" x1="0" x2="100%" y1="{height}.5" y2="{height}.5"/>'
        f"{_axis(ticks, height)}</svg></div>"
    )


def _axis(ticks: Sequence[Tick], height: int) -> str:
    drawn = []
    for place, tick in enumerate(ticks):
        anchor = "start" if tick.at <= 1 else "end" if tick.at >= 99 else "middle"
        # A phone has room for every second one.
        few = ' class="p-hide"' if len(ticks) > 4 and place % 2 else ""
        drawn.append(
            f'<text{few} x="{px(tick.at)}%" y="{height + 15}" text-anchor="{anchor}">'
            f"{escape(tick.text)}</text>"
        )
    return "".join(drawn)


def _grid(values: Sequence[float], height: int, top: float) -> tuple[str, str]:
    """Lines, and their labels, which stand inside."""
    lines = labels = ""
    for place, value in enumerate(values):
        y = round(height * (1 - value / top)) + 0.5
        lines += f'<line class="grid" x1="0" x2="100%" y1="{px(y)}" y2="{px(y)}"/>'
        unit = "" if place else " ms"
        labels += f'<text class="halo" x="2" y="{px(y - 4)}">{px(value)}{unit}</text>'
    return lines, labels
