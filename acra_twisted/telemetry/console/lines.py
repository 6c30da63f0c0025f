"""Charts of lines over time, as `charts` draws."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from markupsafe import Markup, escape

from acra_twisted.telemetry.console.charts import Tick, chart, levels, runs
from acra_twisted.telemetry.console.formats import px
from acra_twisted.telemetry.console.pins import Mark, pins

#: Room above the highest value.
_ROOM: Final = 1.15
#: The least value of an axis whose steps are factors.
_LEAST: Final = 0.01

#: The end of an axis of whole numbers that has none but 0.
_FEW: Final = 4.0
#: The height of a label.
_LABEL: Final = 12
#: Pixels of a line's name above its end.
_ABOVE: Final = 7


class Line(NamedTuple):
    """Values with the class of their colour, and the name at their end.  None is a gap."""

    look: str
    values: Sequence[float | None]
    name: str = ""


class Scale:
    """Places of values on an axis: percentages from the top; ``log`` for equal factors, and
    ``count`` for whole numbers."""

    def __init__(self, values: Sequence[float], log: bool = False, count: bool = False) -> None:
        self._log, self._count = log, count
        top = max(values, default=0.0)
        if log:
            low = max(min((value for value in values if value > 0), default=1.0), _LEAST)
            self._low = math.floor(math.log10(low) * 2) / 2
            self._high = max(math.log10(max(top, _LEAST)) + 0.1, self._low + 0.5)
        else:
            self._low, self._high = 0.0, top * _ROOM or (_FEW if count else 1.0)

    def place(self, value: float) -> float:
        """Return where a value is, from 0 at the top to 100."""
        if self._log:
            value = math.log10(max(value, 10**self._low))
        return 100 * (1 - (value - self._low) / (self._high - self._low))

    def lines(self) -> list[float]:
        """Return the values at which the grid has lines."""
        if not self._log:
            found = levels(self._high)
            return [one for one in found if not one % 1] if self._count else found
        first, last = math.ceil(self._low), math.floor(self._high)
        return [10.0**power for power in range(first, last + 1)]


def lines(
    name: str,
    drawn: Sequence[Line],
    ticks: Sequence[Tick],
    *,
    unit: str = "",
    log: bool = False,
    marks: Sequence[Mark] = (),
    columns: Sequence[float] = (),
    height: int = 132,
) -> Markup:
    """Lines over time, and ``columns`` of what is bad, on one axis with its ``unit``; where there
    are such columns, all are whole numbers."""
    length = len(drawn[0].values)
    every = [value for line in drawn for value in line.values if value is not None]
    scale = Scale([*every, *columns], log, bool(columns))
    paths = "".join(
        f'<polyline class="ln {line.look}{" one" if run[-1][0] - run[0][0] < 1 else ""}" points="'
        + " ".join(f"{x:g},{px(scale.place(value))}" for x, value in run)
        + '"/>'
        for line in drawn
        for run in runs(line.values)
    )
    wide = 80 / length
    bars = "".join(
        f'<rect class="f-deny" x="{px(_middle(place, length, wide))}%" width="{px(wide)}%" '
        f'y="{px(height * scale.place(value) / 100)}" '
        f'height="{px(height - height * scale.place(value) / 100)}"/>'
        for place, value in enumerate(columns)
        if value
    )
    return chart(
        name,
        height,
        f"{_grid(scale, height, unit)[0]}"
        f'<svg width="100%" height="{height}" viewBox="0 0 {length - 1} 100" '
        f'preserveAspectRatio="none">{paths}</svg>{_grid(scale, height, unit)[1]}'
        f"{pins(marks, height)}{bars}{_names(drawn, scale, height)}",
        ticks,
        f'data-cross="{height}"',
    )


def _grid(scale: Scale, height: int, unit: str) -> tuple[str, str]:
    """Lines, and their labels, of which the lowest has the unit."""
    drawn = labels = ""
    for place, value in enumerate(scale.lines()):
        y = round(height * scale.place(value) / 100) + 0.5
        drawn += f'<line class="grid" x1="0" x2="100%" y1="{px(y)}" y2="{px(y)}"/>'
        text = f"{value:,.0f}" if value >= 1000 else f"{value:g}"
        after = "" if place else unit
        # At the top it stands below its line.
        at = y - 4 if y > _LABEL else y + _LABEL
        labels += f'<text class="halo" x="2" y="{px(at)}">{text}{escape(after)}</text>'
    return drawn, labels


def _middle(place: int, length: int, width: float) -> float:
    """Return where a column begins whose middle is at a place of the lines, all in percent."""
    at = 100 * place / max(length - 1, 1) - width / 2
    return min(max(at, 0.0), 100 - width)


def _names(drawn: Sequence[Line], scale: Scale, height: int) -> str:
    """Names of lines above their ends, from the top on, and below one another."""
    ends = []
    for line in drawn:
        last = next((value for value in reversed(line.values) if value is not None), None)
        if line.name and last is not None:
            ends.append((height * scale.place(last) / 100 - _ABOVE, line.name))
    names, at = "", 0.0
    for place, name in sorted(ends, key=lambda end: end[0]):
        at = max(place, at + _LABEL)
        names += (
            f'<text class="halo lab" x="100%" y="{px(at)}" text-anchor="end">{escape(name)}</text>'
        )
    return names
