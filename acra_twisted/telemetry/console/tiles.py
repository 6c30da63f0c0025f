"""The figures in large type at the head of a view."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from acra_twisted.telemetry.console.charts import spark


class Tile(NamedTuple):
    """A title, a value with its unit, what stands below, whether that is bad news, a line of its
    values over time, if it has one, and where the value leads, if it is a door."""

    title: str
    value: str
    unit: str
    below: str
    is_bad: bool
    line: Markup = Markup()
    href: str = ""


def tile(
    title: str,
    text: str,
    below: str,
    is_bad: bool = False,
    values: Sequence[float | None] = (),
    href: str = "",
) -> Tile:
    """Make one of a text whose unit, if it has one, stands behind its last blank; ``values`` are
    those over time, and ``href`` is where it leads."""
    value, _, unit = text.rpartition(" ") if " " in text else (text, "", "")
    return Tile(title, value, unit, below, is_bad, spark(values, is_bad), href)
