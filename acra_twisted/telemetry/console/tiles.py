"""The figures in large type at the head of a view."""

from __future__ import annotations

from typing import NamedTuple


class Tile(NamedTuple):
    """A title, a value with its unit, what stands below, and whether that is bad news."""

    title: str
    value: str
    unit: str
    below: str
    is_bad: bool


def tile(title: str, text: str, below: str, is_bad: bool = False) -> Tile:
    """Make one of a text whose unit, if it has one, stands behind its last blank."""
    value, _, unit = text.rpartition(" ") if " " in text else (text, "", "")
    return Tile(title, value, unit, below, is_bad)
