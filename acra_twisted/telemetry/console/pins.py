"""Marks of a chart: vertical lines with labels, none of which stands over another one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from markupsafe import escape

from acra_twisted.telemetry.console.formats import cut, px

#: Characters of a label, and about the pixels of one.
_LABEL_MAX: Final = 44
_CHARACTER: Final = 6.6
#: Labels stand in so many rows at most; the first one's base, and pixels between two.
_ROWS: Final = 3
_FIRST, _STEP = 12, 15
#: Pixels between a line and its label, and between two labels.
_GAP: Final = 4
#: The plot of a phone, in pixels.
NARROW: Final = 300
#: The plot of a wide card where columns stand side by side, at least.
WIDE: Final = 540


class Mark(NamedTuple):
    """A vertical line at a percentage, with its label: the time, and what was then."""

    at: float
    text: str
    when: str = ""


class _Label(NamedTuple):
    """A label at a percentage, in a row; ``end`` is True where it stands before its line."""

    at: float
    text: str
    row: int
    end: bool

    def within(self, width: float) -> tuple[float, float]:
        """Return where it begins and ends in a plot of so many pixels."""
        line, length = self.at * width / 100, _CHARACTER * len(self.text)
        return (
            (line - _GAP - length, line - _GAP) if self.end else (line + _GAP, line + _GAP + length)
        )


def pins(marks: Sequence[Mark], height: int, width: int = WIDE) -> str:
    """Marks of a plot of a height, the weightiest first, in a plot of so many pixels at least.
    Those of the same place are one; a label for which there is no room is left out."""
    by_place: dict[float, list[Mark]] = {}
    for mark in marks:
        by_place.setdefault(mark.at, []).append(mark)
    placed: list[_Label] = []
    lines = ""
    for at, some in by_place.items():
        found = _placed(at, _text(some), placed, width)
        top = _base(found.row) - 10 if found is not None else 2
        lines += f'<line class="mark" x1="{px(at)}%" x2="{px(at)}%" y1="{top}" y2="{height}"/>'
        if found is not None:
            placed.append(found)
    # Behind all lines, so that none goes through a label.
    narrow: list[_Label] = []
    return lines + "".join(_drawn(label, narrow) for label in placed)


def _text(some: Sequence[Mark]) -> str:
    """Return the label of marks in one place: as many of their texts as there is room for, and the
    number of the others."""
    texts = [mark.text for mark in some if mark.text]
    if not texts:
        return ""
    label = cut(f"{some[0].when} {texts[0]}".strip(), _LABEL_MAX)
    for place, text in enumerate(texts[1:], 1):
        longer = f"{label}, {text}"
        if len(longer) > _LABEL_MAX:
            return f"{label} +{len(texts) - place}"
        label = longer
    return label


def _placed(at: float, text: str, others: Sequence[_Label], width: float) -> _Label | None:
    """Return a label where there is room for it; None if there is none, or it has no text."""
    if not text:
        return None
    sides = (True, False) if at > 70 else (False, True)
    for row in range(_ROWS):
        for end in sides:
            label = _Label(at, text, row, end)
            if _has_room(label, others, width):
                return label
    return None


def _has_room(label: _Label, others: Sequence[_Label], width: float) -> bool:
    begins, ends = label.within(width)
    if begins < 0 or ends > width:
        return False
    for other in others:
        low, high = other.within(width)
        if other.row == label.row and begins < high + _GAP and low < ends + _GAP:
            return False
    return True


def _base(row: int) -> int:
    return _FIRST + _STEP * row


def _drawn(label: _Label, narrow: list[_Label]) -> str:
    """Draw a label; ``narrow`` are those that a phone shows, too."""
    fits = _has_room(label, narrow, NARROW)
    if fits:
        narrow.append(label)
    return (
        f'<text class="halo lab{"" if fits else " p-hide"}" x="{px(label.at)}%" '
        f'dx="{-_GAP if label.end else _GAP}" y="{_base(label.row)}" '
        f'text-anchor="{"end" if label.end else "start"}">{escape(label.text)}</text>'
    )
