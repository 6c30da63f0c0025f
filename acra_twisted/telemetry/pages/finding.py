"""Finds traces that fit, in memory and in the history, and what they consist of."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from typing import Any, Final, NamedTuple

from acra_twisted.telemetry.pages.found import Matches, in_memory, lone
from acra_twisted.telemetry.pages.kept import KeptTraces
from acra_twisted.telemetry.pages.matching import Match, joined, of_shape, outweighs
from acra_twisted.telemetry.pages.rendering import Piece
from acra_twisted.telemetry.pages.search import Filters

#: Requests of the history that are looked at.
STORED_MAX: Final = 1000
#: Traces behind those that are shown.  Where everything fits and memory has so many more, they are
#: the newest and what stands out, and the history is not asked.
ENOUGH: Final = 200


class Finding(NamedTuple):
    """Traces that fit, the newest first.  ``numbers`` are those of the history's pieces, by trace;
    ``trouble`` says why the history was not searched as a whole; ``whole`` is False also where
    there was no need to."""

    matches: Matches
    numbers: Mapping[str, int]
    trouble: str
    whole: bool = True


def find(traces: KeptTraces, filters: Filters) -> Generator[Piece, None, Finding]:
    """Return all traces that fit, in steps, whatever part of them is asked for."""
    asking = None
    enough = filters.offset + filters.limit + ENOUGH
    if traces.past is not None and (filters.narrow or len(traces.store) < enough):
        # It is answered meanwhile.
        asking = traces.past.search(filters._replace(limit=STORED_MAX, offset=0))
    yield ""
    memory = yield from in_memory(traces.store, filters)
    if asking is None:
        return Finding(Matches(memory.others, memory.alone), {}, "", traces.past is None)
    told = yield from asking
    alone = {one.span.trace_id: one for one in memory.alone}
    found = {match.trace_id: match for match in memory.others}
    numbers: dict[str, int] = {}
    for number, match in told.rows:
        known = found.get(match.trace_id)
        if known is None and match.trace_id in alone:
            request = alone.pop(match.trace_id)
            known = lone(request, of_shape(request.shape))
        if known is None or outweighs(match, known):
            # Its spans are those of what is shown.
            numbers[match.trace_id] = number
        found[match.trace_id] = match if known is None else joined(known, match)
    yield ""
    whole = not told.trouble and len(told.rows) < STORED_MAX
    return Finding(Matches(found.values(), alone.values()), numbers, told.trouble, whole)


def records_of(
    traces: KeptTraces, finding: Finding, matches: Iterable[Match]
) -> Generator[Piece, None, dict[str, list[dict[str, Any]]]]:
    """Return the records of some of the traces that were found: of those in the history, of the
    piece that fits."""
    wanted = {match.trace_id: finding.numbers.get(match.trace_id) for match in matches}
    stored: dict[int, list[dict[str, Any]]] = {}
    numbers = [number for number in wanted.values() if number is not None]
    if traces.past is not None and numbers:
        stored = dict((yield from traces.past.spans(numbers)).rows)
    found = yield from traces.some([one for one, number in wanted.items() if number is None])
    for trace_id, number in wanted.items():
        if number is not None:
            found[trace_id] = stored.get(number, [])
    return found
