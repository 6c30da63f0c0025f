"""Requests that waited long for the database and have ended: a lock that somebody held is over when
most people look, and no mean tells of it any longer."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import Final, NamedTuple

from acra_twisted.telemetry.console import formats
from acra_twisted.telemetry.console.gathering import by_column
from acra_twisted.telemetry.console.ranges import Range
from acra_twisted.telemetry.console.sentences import (
    DATABASE,
    Piece,
    Sentence,
    link,
    sentence,
    strong,
)
from acra_twisted.telemetry.figures.buckets import BOUNDS
from acra_twisted.telemetry.figures.rows import FIRST_BYTE, Row
from acra_twisted.telemetry.figures.shapes import OTHERS
from acra_twisted.telemetry.figures.statements import Found, StatementFigures
from acra_twisted.telemetry.figures.summary import percentiles

#: Nanoseconds to the database's first byte from which on a wait is long.
_LONG: Final = 5 * 10**9
#: Calls of a statement are quick where they take this part of the shortest long one, at most.
_QUICK: Final = 0.1
#: Statements that are looked at between two turns.
_STEP: Final = 16
_MS: Final = 1e6


class Waited(NamedTuple):
    """How many requests waited, the nanoseconds for which each did at least, and the statement of
    most of them with their number, and the columns in which the first and the last of these have
    ended."""

    number: int
    least: int
    most: Found
    of_most: int
    first: int
    last: int


def waited(
    figures: StatementFigures, shapes: Mapping[str, Found], span: Range
) -> Generator[str, None, Waited | None]:
    """Return requests of a time that waited long, in steps: of statements that have as many quick
    calls, at least, for others always take that long.  None if there are none."""
    number, of_most = 0, 0
    most: Found | None = None
    least = BOUNDS[-1]
    for count, one in enumerate(shapes.values(), 1):
        buckets = _long(one.row)
        some = sum(buckets.values())
        if some and one.shape.id != OTHERS.id and _quick(one.row, min(buckets)) >= some:
            number += some
            least = min(least, BOUNDS[min(buckets)])
            if some > of_most:
                most, of_most = one, some
        if not count % _STEP:
            yield ""
    if most is None:
        return None
    columns = yield from by_column(figures, most.shape.id, span)
    places = [place for place, column in enumerate(columns) if _long(column)]
    if not places:
        return None
    return Waited(number, least, most, of_most, places[0], places[-1])


def _long(row: Row) -> dict[int, int]:
    """Return the numbers of requests that waited long, by bucket."""
    layer = row.layers.get(FIRST_BYTE)
    if layer is None:
        return {}
    # A row of another daemon may have a bucket with nothing in it.
    return {n: count for n, count in layer.buckets.items() if count > 0 and BOUNDS[n] >= _LONG}


def _quick(row: Row, bucket: int) -> int:
    """Return how many requests waited for a small part of a bucket's time."""
    buckets = row.layers[FIRST_BYTE].buckets
    return sum(count for n, count in buckets.items() if BOUNDS[n] <= _QUICK * BOUNDS[bucket])


def said(
    found: Waited | None,
    span: Range,
    address: Callable[[str], str],
    traces_of: Callable[[str, Range], str],
) -> Sentence | None:
    """Tell of requests that waited; the last two arguments give the addresses of a statement, and
    of its traces."""
    if found is None:
        return None
    first, last = span.begins(found.first), span.begins(found.last)
    when = f"ended at {first}" if first == last else f"ended {first} to {last}"
    shape, usual = found.most.shape, percentiles(found.most.row, FIRST_BYTE)["p50_ms"]
    pieces: list[str | Piece] = [
        strong(
            f"{formats.several(found.number, 'request')} waited for the database for "
            f"{formats.ms(found.least / _MS)} or longer"
        ),
        ", as behind a lock; ",
    ]
    if found.of_most < found.number:
        pieces.append(f"{formats.count(found.of_most)} of them are ")
    else:
        pieces.append("it is " if found.number == 1 else "they are ")
    traces = f"{traces_of(shape.id, span)}&min_ms={found.least / _MS:g}"
    pieces += [
        link(formats.name(shape.summary), address(shape.id)),
        f", half of which wait {formats.ms(usual)} at most, and ",
        link(when, traces),
    ]
    return sentence("waited", DATABASE, *pieces, ".")
