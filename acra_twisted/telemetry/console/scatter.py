"""Traces by time and duration.  The notable ones are links, whose forms tell their verdicts; the
others are dots of one path."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple, TypeAlias

from markupsafe import Markup

from acra_twisted.telemetry.console import formats
from acra_twisted.telemetry.console.charts import Tick, chart
from acra_twisted.telemetry.console.formats import px

_HEIGHT: Final = 236
#: Links and dots at most.
LINKS_MAX: Final = 26
DOTS_MAX: Final = 500
_TICKS: Final = 6
#: Nanoseconds from which on minutes tell the moments of the axis apart.
_MINUTES: Final = 600 * 10**9
#: The same of seconds.
_SECONDS: Final = 10 * 10**9
#: Milliseconds, of which those within the plot have a line.
_LEVELS: Final = (0.01, 0.1, 1, 10, 100, 1000, 10_000, 100_000)
_MS: Final = 1_000_000
#: Nanoseconds below which nothing is told apart.
_LOWEST: Final = 1000
_FORMS: Final = {
    "deny": "M-5-2.5L-2.5-5 0-2.5 2.5-5 5-2.5 2.5 0 5 2.5 2.5 5 0 2.5-2.5 5-5 2.5-2.5 0z",
    "fail": "M0-5.5L5.5 4.5H-5.5z",
    "slow": "M-4 0a4 4 0 108 0a4 4 0 10-8 0z",
    "intr": "M0-6L6 0 0 6-6 0z",
    "accent": "M-4 0a4 4 0 108 0a4 4 0 10-8 0z",
}
_LINK: Final = Markup(
    '<a href="{}" data-trace="{}" aria-label="{}"><svg x="{}%" y="{}" overflow="visible">'
    '<title>{}</title><path class="pt f-{}" d="{}"/></svg></a>'
)


#: When a trace began and how long it took, in nanoseconds.
Dot: TypeAlias = tuple[int, int]


class Point(NamedTuple):
    """A trace that is a link: when it began and how long it took (nanoseconds), the form of its
    verdict, its address, its id, and its text."""

    start: int
    took: int
    form: str
    href: str
    trace_id: str
    text: str


def draw(dots: Sequence[Dot], points: Sequence[Point]) -> Markup:
    """Return the plot of dots and points, of which there is one at least.  Where there are too many
    points, those of the rarest verdicts are links, and the others dots; an even part of too many
    dots is drawn."""
    links, others = _parted(points)
    dots = [*dots, *((one.start, one.took) for one in others)]
    starts = [start for start, _ in dots]
    tooks = [took for _, took in dots]
    for one in links:
        starts.append(one.start)
        tooks.append(one.took)
    first, length = min(starts), max(max(starts) - min(starts), 1)
    least = max(min(tooks), _LOWEST)
    low, high = math.log10(least) - 0.3, math.log10(max(max(tooks), least)) + 0.3
    height = high - low

    def y_of(took: float) -> float:
        return _HEIGHT * (high - math.log10(max(took, _LOWEST))) / height

    step = max(math.ceil(len(dots) / DOTS_MAX), 1)
    path = "".join(
        [
            f"M{100 * (start - first) / length:.1f} "
            f"{100 * (high - math.log10(max(took, _LOWEST))) / height:.1f}h0"
            for start, took in dots[::step]
        ]
    )
    lines = labels = Markup()
    for level in _LEVELS:
        if low < math.log10(level * _MS) < high:
            at = f"{y_of(level * _MS):.1f}"
            lines += Markup('<line class="grid" x1="0" x2="100%" y1="{0}" y2="{0}"/>').format(at)
            labels += Markup('<text class="halo lab" x="2" y="{:.1f}">{}</text>').format(
                y_of(level * _MS) - 4, formats.level(level)
            )
    marks = Markup("").join(
        _LINK.format(
            point.href,
            point.trace_id,
            point.text,
            px(100 * (point.start - first) / length),
            px(y_of(point.took)),
            point.text,
            point.form,
            _FORMS[point.form],
        )
        for point in links
    )
    drawn = Markup(
        '{}<svg width="100%" height="{}" viewBox="0 0 100 100" preserveAspectRatio="none" '
        'overflow="visible" aria-hidden="true"><path class="dots" d="{}"/></svg>{}{}'
    ).format(lines, _HEIGHT, path, labels, marks)
    # Within some minutes the seconds tell the moments apart, and within some seconds their parts.
    show = formats.clock_ms
    if length >= _SECONDS:
        show = formats.clock if length >= _MINUTES else formats.clock_s
    ticks = [
        Tick(100 * place / (_TICKS - 1), show(first + length * place // (_TICKS - 1)))
        for place in range(_TICKS)
    ]
    name = (
        f"{formats.several(len(starts), 'trace')} by time and duration; the marked ones are links"
    )
    return chart(name, _HEIGHT, drawn, ticks, "", "group")


def _parted(points: Sequence[Point]) -> tuple[Sequence[Point], Sequence[Point]]:
    """Return what is drawn as links, and what is too much for that."""
    counts = Counter(point.form for point in points)
    rarest = sorted(points, key=lambda one: counts[one.form])
    return rarest[:LINKS_MAX], rarest[LINKS_MAX:]
