"""Events over time in lanes, as `charts` draws: each mark is a link."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from markupsafe import Markup, escape

from acra_twisted.telemetry.console.charts import Tick, chart
from acra_twisted.telemetry.console.formats import cut, px

#: Marks of a lane that are links; others are dots.
_MARKS_MAX: Final = 20
#: Marks of all lanes that are links.
_LINKS_MAX: Final = 24
#: Characters of a mark's name, and of a lane's.
_NAME_MAX: Final = 40
_HEIGHT: Final = 34
_LINE: Final = 22
#: Forms by the classes of their colours.
_FORMS: Final = {
    "deny": "M-5-2.5L-2.5-5 0-2.5 2.5-5 5-2.5 2.5 0 5 2.5 2.5 5 0 2.5-2.5 5-5 2.5-2.5 0z",
    "intr": "M0-6L6 0 0 6-6 0z",
    "fail": "M0-5.5L5.5 4.5H-5.5z",
    "slow": "M-4 0a4 4 0 108 0a4 4 0 10-8 0z",
    "control": "M-4-4h8v8h-8z",
}


class Dot(NamedTuple):
    """A mark at a percentage of the time, with its form, address and name."""

    at: float
    look: str
    href: str
    name: str


class Lane(NamedTuple):
    """Marks, the weightiest first, with the lane's name and the number of its events."""

    title: str
    number: int
    dots: Sequence[Dot]


def lanes(
    name: str, drawn: Sequence[Lane], ticks: Sequence[Tick], links: int = _LINKS_MAX
) -> Markup:
    """Lanes below each other on one axis.  So many marks of all of them, at most, are links."""
    inside = ""
    most = min(_MARKS_MAX, links // max(len(drawn), 1))
    for place, lane in enumerate(drawn):
        y = _HEIGHT * place + _LINE
        inside += (
            f'<line class="grid" x1="0" x2="100%" y1="{y}.5" y2="{y}.5"/>'
            f'<text class="halo lab" x="2" y="{y - 9}">{escape(cut(lane.title, _NAME_MAX))} '
            f"<tspan>{lane.number:,}</tspan></text>{_bulk(lane.dots[most:], y)}"
        )
        inside += "".join(_mark(dot, y) for dot in lane.dots[:most])
    height = _HEIGHT * max(len(drawn), 1) + 4
    return chart(name, height, inside, ticks, "", "group")


def _mark(dot: Dot, y: int) -> str:
    label = escape(cut(dot.name, _NAME_MAX))
    return (
        f'<a href="{escape(dot.href)}" aria-label="{label}"><svg x="{px(dot.at)}%" y="{y}" '
        f'overflow="visible"><title>{label}</title>'
        f'<path class="pt f-{dot.look}" d="{_FORMS[dot.look]}"/></svg></a>'
    )


def _bulk(dots: Sequence[Dot], y: int) -> str:
    """Dots without links: one path of them all."""
    if not dots:
        return ""
    path = "".join(f"M{px(dot.at)} 4h0" for dot in dots)
    return (
        f'<svg width="100%" height="8" y="{y - 4}" viewBox="0 0 100 8" '
        f'preserveAspectRatio="none" overflow="visible">'
        f'<path class="dots" d="{path}"/></svg>'
    )
