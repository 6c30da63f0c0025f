"""A trace of many spans at a glance: at each moment the layer in which its time is spent.  Its
parts are links to the waterfall of that part alone."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Final

from markupsafe import Markup

from acra_twisted.telemetry.console import formats
from acra_twisted.telemetry.console.formats import px
from acra_twisted.telemetry.console.layers import LAYERS
from acra_twisted.telemetry.console.timeline import Part
from acra_twisted.telemetry.console.waterfall import Window

#: Parts that are links.
PARTS: Final = 12
#: Moments that are told apart.
_MOMENTS: Final = 240
_HEIGHT: Final = 26
#: Moments that are looked at between two turns.
_STEP: Final = 64
_MS: Final = 1e6
_LAYER: Final = Markup('<path class="f-{}" d="{}"/>')
_LINK: Final = Markup(
    '<a href="{}" aria-label="{}"><title>{}</title>'
    '<rect class="f-none" x="{}%" width="{}%" height="{}"/></a>'
)
_HERE: Final = Markup('<rect class="f-typ" x="{}%" width="{}%" y="0.5" height="{}"/>')


def draw(
    spent: Sequence[Part], took: int, shown: Window, address: str
) -> Generator[str, None, Markup]:
    """Return the picture of a trace that took so many nanoseconds, in steps.  ``spent`` has its
    moments by layer, none of them twice; ``shown`` is what the waterfall shows.  ``address`` is the
    trace's, to which a part's microseconds are added."""
    drawn = yield from _paths(spent, took)
    paths = Markup("").join(_LAYER.format(layer, path) for layer, path in drawn.items() if path)
    links = Markup("").join(_link(number, took, address) for number in range(PARTS))
    window = Markup()
    if shown.low or shown.high < took:
        width = max(100 * (shown.high - shown.low) / took, 0.4)
        window = _HERE.format(px(100 * shown.low / took), px(width), _HEIGHT - 1)
    return Markup(
        '<svg class="strip" width="100%" height="{0}" role="group" aria-label="The whole trace; '
        'its parts are links"><svg width="100%" height="{0}" viewBox="0 0 {1} {0}" '
        'preserveAspectRatio="none" aria-hidden="true">{2}</svg>{3}{4}</svg>'
    ).format(_HEIGHT, _MOMENTS, paths, window, links)


def _link(number: int, took: int, address: str) -> Markup:
    low, high = took * number // PARTS, took * (number + 1) // PARTS
    name = f"{formats.ms(low / _MS)} to {formats.ms(high / _MS)}"
    href = f"{address}{low // 1000}-{-(-high // 1000)}"
    return _LINK.format(href, name, name, px(100 * number / PARTS), px(100 / PARTS), _HEIGHT)


def _paths(spent: Sequence[Part], took: int) -> Generator[str, None, dict[str, str]]:
    """Return the shape of each layer: moments that follow each other are one piece."""
    by_moment = [dict.fromkeys(LAYERS, 0.0) for _ in range(_MOMENTS)]
    length = took / _MOMENTS
    for count, part in enumerate(spent, 1):
        if not count % _STEP:
            yield ""
        first, last = int(part.start / length), int(part.end / length)
        for moment in range(max(first, 0), min(last, _MOMENTS - 1) + 1):
            low, high = max(part.start, moment * length), min(part.end, (moment + 1) * length)
            by_moment[moment][part.layer] += max(high - low, 0.0)
    yield ""
    paths = dict.fromkeys(LAYERS, "")
    begun = 0
    largest = [
        max(one, key=lambda name: one[name]) if any(one.values()) else "" for one in by_moment
    ]
    for moment in range(1, _MOMENTS + 1):
        if moment == _MOMENTS or largest[moment] != largest[begun]:
            if largest[begun]:
                paths[largest[begun]] += (
                    f"M{begun} 4h{moment - begun}v{_HEIGHT - 8}h-{moment - begun}z"
                )
            begun = moment
    return paths
