"""Durations of a statement's calls: by time and latency, and in groups with sample traces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from markupsafe import Markup

from acra_twisted.telemetry.console import charts, formats
from acra_twisted.telemetry.console.calls import Call
from acra_twisted.telemetry.console.pins import Mark
from acra_twisted.telemetry.console.ranges import Range
from acra_twisted.telemetry.figures.buckets import BOUNDS
from acra_twisted.telemetry.figures.rows import WHOLE, Row
from acra_twisted.telemetry.figures.summary import percentiles

#: Buckets that the heat map has at least, around those with calls.
_ROWS_MIN: Final = 16
#: Ends of the groups of the distribution, in milliseconds.
GROUPS: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 512.0, 2048.0)
#: Labels of the heat map's axis, in milliseconds, and those of one on which these are fewer than
#: two.
_LABELS: Final = (0.01, 0.1, 1, 10, 100, 1000, 10_000)
_MORE_LABELS: Final = tuple(factor * one for one in _LABELS for factor in (1, 2, 5))
_SAMPLES: Final = 2
_SECOND: Final = 1000
_NS: Final = 1_000_000


class Group(NamedTuple):
    """Calls of some duration, before and now in percent, with ids of sample traces; ``href`` has
    all its kept traces."""

    name: str
    before: float
    now: float
    samples: Sequence[str]
    href: str

    @property
    def bars(self) -> Markup:
        """Return both as bars."""
        return charts.pair(self.before, self.now)

    @property
    def shown(self) -> tuple[str, str]:
        """Return both as texts."""
        return formats.share(self.before, 100), formats.share(self.now, 100)

    @property
    def links(self) -> list[tuple[str, str]]:
        """Return the samples with short ids."""
        return [(one, formats.short_id(one)) for one in self.samples]

    def as_json(self) -> dict[str, Any]:
        """Its plain values."""
        return {
            "takes": self.name,
            "before_percent": self.before,
            "now_percent": self.now,
            "traces": list(self.samples),
        }


class Spread(NamedTuple):
    """The groups that have calls; ``heads`` are the names of the times that are compared."""

    heads: tuple[str, str]
    lines: Sequence[Group]

    @property
    def note(self) -> str:
        """Return how to read the bars."""
        return f"upper bar: {self.heads[0]}, lower: {self.heads[1]}"


def spread(
    was: Row, now: Row, heads: tuple[str, str], calls: Sequence[Call], address: str
) -> Spread:
    """Return the distributions of two times, with samples of ``calls``; ``address`` is that of the
    statement's traces."""
    one, other = _grouped(_buckets(was)), _grouped(_buckets(now))
    samples: list[list[str]] = [[] for _ in one]
    for call in calls:
        some = samples[_group(call.took)]
        if len(some) < _SAMPLES and call.trace_id not in some:
            some.append(call.trace_id)
    lines = [
        Group(
            name,
            100 * one[place] / (sum(one) or 1),
            100 * other[place] / (sum(other) or 1),
            samples[place],
            address + _limits(place),
        )
        for place, name in enumerate(_names())
        if one[place] or other[place]
    ]
    return Spread(heads, lines)


def heat(row: Row, some: Sequence[Row], span: Range, marks: Sequence[Mark], address: str) -> Markup:
    """Return the heat map of the columns of a time, of which ``row`` is the sum; a cell opens
    ``address`` with its time and its latency."""
    columns = [_buckets(column) for column in some]
    used = [number for column in columns for number in column] or [24]
    first, last = max(min(used) - 2, 0), max(used) + 2
    rows = max(last - first + 1, _ROWS_MIN)
    labels = _labels(_LABELS, first, rows)
    if len(labels) < 2:
        labels = _labels(_MORE_LABELS, first, rows)
    known = percentiles(row, WHOLE)
    name = (
        f"Durations of {formats.several(row.calls, 'call')} by time: half of them within "
        f"{formats.ms(known['p50_ms'])}, 95 of 100 within {formats.ms(known['p95_ms'])}"
    )
    ends = [BOUNDS[number] / _NS for number in range(first, min(first + rows + 1, len(BOUNDS)))]
    cells = charts.Cells(address, span.since, span.step, ends)
    return charts.heat(name, columns, first, rows, labels, span.ticks(), marks, cells)


def _labels(values: Sequence[float], first: int, rows: int) -> list[tuple[int, str]]:
    """Return labels of an axis of buckets, with the buckets that they stand at."""
    labels = []
    for value in values:
        number = next((place for place, low in enumerate(BOUNDS) if low >= value * _NS), -1)
        if first < number < first + rows - 1:
            labels.append((number, formats.level(value)))
    return labels


def _buckets(row: Row) -> Mapping[int, int]:
    layer = row.layers.get(WHOLE)
    return {} if layer is None else layer.buckets


def _group(took: float) -> int:
    return sum(took >= end for end in GROUPS)


def _grouped(buckets: Mapping[int, int]) -> list[int]:
    counts = [0] * (len(GROUPS) + 1)
    for number, counted in buckets.items():
        counts[_group(BOUNDS[number] / _NS)] += counted
    return counts


def _limits(place: int) -> str:
    """Return a group's durations as arguments of a search."""
    low = f"&min_ms={GROUPS[place - 1]:g}" if place else ""
    return low + (f"&max_ms={GROUPS[place]:g}" if place < len(GROUPS) else "")


def _names() -> list[str]:
    names = [f"under {_short(GROUPS[0])} ms"]
    for low, high in zip(GROUPS, GROUPS[1:], strict=False):
        unit = " ms" if low < _SECOND <= high else ""
        names.append(f"{_short(low)}{unit} to {_short(high)}{'' if high >= _SECOND else ' ms'}")
    return [*names, f"{_short(GROUPS[-1])} and over"]


def _short(end: float) -> str:
    return formats.ms(end) if end >= _SECOND else f"{end:g}"
