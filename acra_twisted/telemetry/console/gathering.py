"""Gather figures for the views, in steps: each gives an empty piece of a page."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Final

from acra_twisted.telemetry.console.ranges import Range
from acra_twisted.telemetry.figures.rows import Row
from acra_twisted.telemetry.figures.statements import Found, StatementFigures
from acra_twisted.telemetry.pages.kept import KeptTraces
from acra_twisted.telemetry.tracing.recorded import Recorded
from acra_twisted.telemetry.tracing.spans import Span

#: Requests that are passed over between two turns, and how many of these a kept span is worth.
_STEP: Final = 64
_SPAN: Final = 4


def kept_spans(
    traces: KeptTraces, may_fit: Callable[[Recorded], bool] = lambda request: True
) -> Iterator[Span | None]:
    """Give the spans that memory has, in any order, without plain requests that cannot fit: their
    spans are not made.  None is no span: it says that some were looked at, after which others may
    have their turn."""
    alone, others = traces.store.parted()
    yield None
    seen = 0
    for request in alone:
        seen += 1
        if may_fit(request):
            for one in request.spans():
                yield one
                seen += _SPAN
        if seen >= _STEP:
            seen = 0
            yield None
    for kept in others:
        for span in kept.fitting(may_fit):
            if span is None:
                seen += 1
            else:
                yield span
                seen += _SPAN
            if seen >= _STEP:
                seen = 0
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
