"""Changes of the schema that were seen: statements that define, and when they ran."""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from acra_twisted.telemetry.console import formats
from acra_twisted.telemetry.console.gathering import by_column
from acra_twisted.telemetry.console.pins import Mark
from acra_twisted.telemetry.console.ranges import Range
from acra_twisted.telemetry.console.sentences import PLAIN, Sentence, link, sentence
from acra_twisted.telemetry.figures.shapes import STATEMENT, Shape
from acra_twisted.telemetry.figures.statements import Found, StatementFigures

#: First words of statements that change a schema, or what a planner knows of it.
_WORDS: Final = frozenset(
    ("CREATE", "ALTER", "DROP", "TRUNCATE", "REINDEX", "RENAME", "ANALYZE", "VACUUM", "CLUSTER")
)
#: Tables of a session alone are none of others.
_TEMPORARY: Final = re.compile(r"\A\w+\s+(?:GLOBAL\s+|LOCAL\s+)?TEMP(?:ORARY)?\b", re.I)
_WORD: Final = re.compile(r"\w+")
#: Shapes that are looked at, marks of a chart, and characters of its label.
_SHAPES_MAX: Final = 12
_MARKS_MAX: Final = 4
_LABEL: Final = 28


class Change(NamedTuple):
    """A statement that ran in a column of the charts."""

    column: int
    shape: Shape

    @property
    def label(self) -> str:
        """Return the beginning of it, in one line, without the columns that it defines."""
        text = " ".join(self.shape.text.split()).partition(" (")[0]
        return formats.name(formats.cut(text, _LABEL))

    def as_json(self, span: Range) -> dict[str, Any]:
        """Its plain values."""
        return {
            "since": span.begins(self.column),
            "id": self.shape.id,
            "database": self.shape.database,
            "statement": self.shape.text,
        }


def is_change(shape: Shape) -> bool:
    """Return True if statements of a shape change what others see of the schema."""
    first = shape.text.split(maxsplit=1)[0].upper() if shape.text.strip() else ""
    is_kind = shape.kind == STATEMENT and first in _WORDS
    return is_kind and _TEMPORARY.match(shape.text.strip()) is None


def changes(
    figures: StatementFigures, found: Mapping[str, Found], span: Range, of: Shape | None = None
) -> Generator[str, None, list[Change]]:
    """Return when statements of ``found`` have changed the schema, in steps: of all databases, or
    of that of one statement.  Those that were denied or failed have not."""
    some = [
        one.shape
        for one in found.values()
        if is_change(one.shape) and (of is None or one.shape.database == of.database)
    ]
    if of is not None:
        some.sort(key=lambda shape: not _are_related(shape, of))
    made = []
    for shape in some[:_SHAPES_MAX]:
        columns = yield from by_column(figures, shape.id, span)
        made += [
            Change(place, shape)
            for place, row in enumerate(columns)
            if row.calls > row.errors + row.denied + row.lost
        ]
    return sorted(made, key=lambda change: change.column)


def _are_related(change: Shape, of: Shape) -> bool:
    """Return True if a change names a table of a statement."""
    names = {word.lower() for word in _WORD.findall(of.summary)[1:]}
    return bool(names & {word.lower() for word in _WORD.findall(change.text)[1:]})


def marks(some: Sequence[Change], span: Range) -> list[Mark]:
    """Return the marks of a chart: of each column one, of those that are too many the last."""
    by_place: dict[int, list[Change]] = {}
    for change in some:
        by_place.setdefault(change.column, []).append(change)
    drawn = []
    for place in sorted(by_place)[-_MARKS_MAX:]:
        here = by_place[place]
        more = f" and {len(here) - 1} more" if len(here) > 1 else ""
        drawn.append(Mark(span.at(place), f"{here[0].label}{more}", span.begins(place)))
    return drawn


def said(some: Sequence[Change], place: int | None, span: Range, of: Shape) -> Sentence | None:
    """Tell of a change that names a table of a statement and came in the column of a break, or in
    the one before it."""
    if place is None:
        return None
    for change in some:
        if place - 1 <= change.column <= place and _are_related(change.shape, of):
            return sentence(
                "schema",
                PLAIN,
                link(change.label, f"/console/statement?id={change.shape.id}"),
                f" ran at {span.begins(change.column)}, and names a table of it.",
            )
    return None
