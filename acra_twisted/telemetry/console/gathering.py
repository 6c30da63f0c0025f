"""Gather figures for the views, in steps: each gives an empty piece of a page."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from typing import Final

from acra_twisted.telemetry.console.ranges import Range
from acra_twisted.telemetry.figures.rows import Row
from acra_twisted.telemetry.figures.statements import Found, StatementFigures
from acra_twisted.telemetry.pages.kept import KeptTraces
from acra_twisted.telemetry.tracing.spans import Span

#: Kept spans that are looked at between two turns.
_STEP: Final = 16


def kept_spans(traces: KeptTraces) -> Iterator[Span | None]:
    """Give the spans that memory has, the newest traces first.  None is no span: it says that some
    were looked at, after which others may have their turn."""
    seen = 0
    for kept in traces.store.traces():
        for span in kept.spans():
            yield span
            seen += 1
            if not seen % _STEP:
                yield None
        yield None


def totals(figures: StatementFigures, span: Range) -> Generator[str, None, dict[str, Found]]:
    """Return the figures of a range by the ids of shapes."""
    found: dict[str, Found] = {}
    for some in figures.total(span.since, span.until):
        found = some
        yield ""
    return found


def by_column(
    figures: StatementFigures, shape_id: str, span: Range
) -> Generator[str, None, list[Row]]:
    """Return the figures of one shape in each column of a range's charts."""
    columns = [Row() for _ in range(span.columns)]
    for part in figures.series(shape_id, span.since, span.until):
        if part is not None:
            columns[span.column(part.number)].add(part.row)
        yield ""
    return columns


def added(columns: Iterable[Row]) -> Row:
    """Return the sum of figures."""
    whole = Row()
    for column in columns:
        whole.add(column)
    return whole
