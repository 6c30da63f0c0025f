"""Requests that have become many more lately, and the statement that most of them are."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Final, NamedTuple

from acra_twisted.telemetry.console.gathering import totals
from acra_twisted.telemetry.console.ranges import Range
from acra_twisted.telemetry.figures.rows import Row
from acra_twisted.telemetry.figures.shapes import OTHERS
from acra_twisted.telemetry.figures.statements import Found, StatementFigures

#: Requests have grown if they are so many times as many as before, and so many in each column.
_TIMES: Final = 3
_MANY: Final = 60
#: Columns with requests that tell what was usual.
_USUAL: Final = 10
#: A statement's part of the requests that came in addition that is worth its name.
_MOST: Final = 0.5


class Growth(NamedTuple):
    """Requests of a column lately and before, from which column on these are, and the statement
    with most of those that came in addition, with its part of them."""

    was: float
    now: float
    place: int
    most: Found | None
    part: float


def growth(
    figures: StatementFigures, span: Range, columns: Sequence[Row]
) -> Generator[str, None, Growth | None]:
    """Return how requests have grown in the last quarter of a time, in steps; None if they have
    not, or if its columns are hours: days have their own ups and downs."""
    if span.step > 1:
        return None
    place = len(columns) - max(len(columns) // 4, 1)
    then = [column.calls for column in columns[:place] if column.calls]
    late = [column.calls for column in columns[place:] if column.calls]
    if len(then) < _USUAL or not late:
        return None
    was, now = sum(then) / len(then), sum(late) / len(late)
    if now < _TIMES * was or now < _MANY:
        return None
    middle = span.since + place * span.step
    early = yield from totals(figures, Range(span.key, span.since, middle))
    found = yield from totals(figures, Range(span.key, middle, span.until))
    most, part = None, 0.0
    for shape_id, one in found.items():
        before = early[shape_id].row.calls if shape_id in early else 0
        added = (one.row.calls / len(late) - before / len(then)) / (now - was)
        if added > part and shape_id != OTHERS.id:
            most, part = one, added
        yield ""
    return Growth(was, now, place, most if part >= _MOST else None, part)
