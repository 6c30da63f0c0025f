"""Charts of lines over time, as `charts` draws."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from markupsafe import Markup, escape

from acra_twisted.telemetry.console.charts import Mark, Tick, chart, levels, pins, px

#: Room above the highest value.
_ROOM: Final = 1.15
#: The least value of an axis whose steps are factors.
_LEAST: Final = 0.01

#: The height of a label.
_LABEL: Final = 12


class Line(NamedTuple):
    """Values with the class of their colour, and the name at their end."""

    look: str
    values: Sequence[float]
    name: str = ""


class Scale:
    """Places of values on an axis: percentages from the top; ``log`` for equal factors."""

    def __init__(self, values: Sequence[float], log: bool = False) -> None:
        self._log = log
        top = max(values, default=0.0)
        if log:
            low = max(min((value for value in values if value > 0), default=1.0), _LEAST)
            self._low = math.floor(math.log10(low) * 2) / 2
            self._high = max(math.log10(max(top, _LEAST)) + 0.1, self._low + 0.5)
        else:
            self._low, self._high = 0.0, top * _ROOM or 1.0

    def place(self, value: float) -> float:
        """Return where a value is, from 0 at the top to 100."""
        if self._log:
            value = math.log10(max(value, 10**self._low))
        return 100 * (1 - (value - self._low) / (self._high - self._low))

    def lines(self) -> list[float]:
        """Return the values at which the grid has lines."""
        if not self._log:
            return levels(self._high)
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
    """Lines over time, and ``columns`` of what is bad, on one axis with its ``unit``."""
    length = len(drawn[0].values)
    every = [value for line in drawn for value in line.values]
    scale = Scale([*every, *columns], log)
    paths = "".join(
        f'<polyline class="ln {line.look}" points="'
        + " ".join(f"{place},{px(scale.place(value))}" for place, value in enumerate(line.values))
        + '"/>'
        for line in drawn
    )
    bars = "".join(
        f'<rect class="f-deny" x="{px(100 * place / length)}%" width="{px(80 / length)}%" '
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
        text = f"{value:,.0f}" if value >= 1000 else px(value)
        after = "" if place else unit
        # At the top it stands below its line.
        at = y - 4 if y > _LABEL else y + _LABEL
        labels += f'<text class="halo" x="2" y="{px(at)}">{text}{escape(after)}</text>'
    return drawn, labels


def _names(drawn: Sequence[Line], scale: Scale, height: int) -> str:
    return "".join(
        f'<text class="halo lab" x="100%" y="{px(height * scale.place(line.values[-1]) / 100 - 7)}"'
        f' text-anchor="end">{escape(line.name)}</text>'
        for line in drawn
        if line.name
    )
