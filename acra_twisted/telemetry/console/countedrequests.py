"""How many requests a search among traces is about, where figures tell: they count every request,
kept or not."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import Final

from acra_twisted.telemetry.console.gathering import added, by_column
from acra_twisted.telemetry.console.ranges import RANGES, RECENT, Range, range_of
from acra_twisted.telemetry.console.view import Sources
from acra_twisted.telemetry.figures.counting import MINUTE
from acra_twisted.telemetry.figures.edges import Way
from acra_twisted.telemetry.figures.rows import Row
from acra_twisted.telemetry.pages.search import DENY, ERROR, POISON

#: Arguments that change nothing of what fits.
_FORM: Final = ("sort", "limit", "offset")
#: What is counted of requests, by their verdicts.
_COUNTS: Final[Mapping[str, Callable[[Row], int]]] = {
    "": lambda row: row.calls,
    POISON: lambda row: row.poisoned,
    DENY: lambda row: row.denied,
    ERROR: lambda row: row.errors + row.lost,
}
#: The same of requests that are counted by client.
_WAYS: Final = ("", DENY, ERROR)


def minutes(since: str, now: int) -> Range | None:
    """Return the minutes of a time up to ``now`` (nanoseconds) that has a name; None for another.
    The views of figures have the same ones."""
    if since in RANGES:
        return range_of(since, now)
    if since in RECENT:
        end = now // MINUTE + 1
        return Range(since, end - RECENT[since][1], end)
    return None


def counted(
    sources: Sources, arguments: Mapping[str, str], now: int
) -> Generator[str, None, int | None]:
    """Return how many requests figures have counted of what the arguments of a search ask for, in
    steps; None where they do not tell it apart."""
    asked = {name: value for name, value in arguments.items() if name not in _FORM}
    span, verdict = minutes(asked.pop("since", ""), now), asked.pop("verdict", "")
    if span is None or verdict not in _COUNTS:
        return None
    if set(asked) == {"shape"}:
        columns = yield from by_column(sources.figures, asked["shape"], span)
    elif not asked:
        columns = yield from sources.sums.by_column(span)
    elif set(asked) <= {"client_id", "database"} and verdict in _WAYS and span.key in RECENT:
        return (yield from _of_ways(sources, asked, span, verdict))
    else:
        return None
    return _COUNTS[verdict](added(columns))


def _of_ways(
    sources: Sources, asked: Mapping[str, str], span: Range, verdict: str
) -> Generator[str, None, int | None]:
    """Return what is counted of a client, or a database."""
    if sources.edges is None:
        return None
    rows: Mapping[Way, Row] = {}
    for some in sources.edges.total(span.since, span.until):
        rows = some
        yield ""
    return sum(
        _COUNTS[verdict](row)
        for way, row in rows.items()
        if asked.get("client_id", way.client_id) == way.client_id
        and asked.get("database", way.database) == way.database
    )
