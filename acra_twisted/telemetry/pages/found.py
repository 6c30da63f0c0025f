"""The traces that a search has found, without what nobody looks at.

Nearly all traces in memory are one plain request, and alike but for their ids and times: what is
said of them is said once, and a `Match` is made of each that somebody looks at.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from functools import cached_property
from itertools import chain
from operator import attrgetter
from typing import Final, NamedTuple, overload

from acra_twisted.telemetry.pages.matching import Match, match_of, of_shape, search
from acra_twisted.telemetry.pages.search import Filters
from acra_twisted.telemetry.tracing.recorded import Recorded, Shape
from acra_twisted.telemetry.tracing.store import SpanStore

_END: Final = attrgetter("end")
#: Plain requests that are looked at between two turns.
_STEP: Final = 256


class Listed(NamedTuple):
    """A part of what was found; ``more`` says whether something comes after it."""

    matches: Sequence[Match]
    more: bool


def lone(request: Recorded, known: Match) -> Match:
    """Return what is said of a plain request that is alone in its trace; ``known`` is said of its
    shape."""
    return match_of(request, known, request.span.trace_id, request.size)


class Matches(Sequence[Match]):
    """Traces that fit, the newest first: some of which a match is made, and others that are one
    plain request.

    ``alike`` has what is said of traces, with the number of those of which it is said: of plain
    requests what their shape has in common, without a trace and times, else a match itself.
    """

    def __init__(self, made: Iterable[Match], alone: Iterable[Recorded] = ()) -> None:
        self._made = sorted(made, key=_END, reverse=True)
        self._alone = sorted(alone, key=_END, reverse=True)
        self._of_shapes: dict[Shape, list[Recorded]] = {}
        for one in self._alone:
            some = self._of_shapes.get(one.shape)
            if some is None:
                some = self._of_shapes[one.shape] = []
            some.append(one)
        self._said = {shape: of_shape(shape) for shape in self._of_shapes}
        self.alike: Sequence[tuple[Match, int]] = [
            *((self._said[shape], len(some)) for shape, some in self._of_shapes.items()),
            *((match, 1) for match in self._made),
        ]

    def __len__(self) -> int:
        return len(self._made) + len(self._alone)

    @overload
    def __getitem__(self, place: int) -> Match: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Match]: ...
    def __getitem__(self, place: int | slice) -> Match | Sequence[Match]:
        """Return the match at a place, or those of some places."""
        items = self._items
        if isinstance(place, slice):
            return list(map(self._match, items[place]))
        return self._match(items[place])

    @cached_property
    def _items(self) -> Sequence[Match | Recorded]:
        """All, the newest first."""
        return sorted(chain(self._made, self._alone), key=_END, reverse=True)

    def _match(self, item: Match | Recorded) -> Match:
        if isinstance(item, Match):
            return item
        return lone(item, self._said[item.shape])

    def only(self, fits: Callable[[Match], bool]) -> list[Match]:
        """Return the matches of which something is said that fits, the newest first."""
        found = list(filter(fits, self._made))
        for shape, some in self._of_shapes.items():
            if fits(self._said[shape]):
                found += map(self._match, some)
        return sorted(found, key=_END, reverse=True)

    def times(self, fits: Callable[[Match], bool]) -> list[tuple[int, int]]:
        """Return when each of these began, and how long it took, in nanoseconds, in any order."""
        found = [(match.start, match.took) for match in self._made if fits(match)]
        for shape, some in self._of_shapes.items():
            if fits(self._said[shape]):
                found += [(one.span.start, one.span.end - one.span.start) for one in some]
        return found

    def listed(self, filters: Filters) -> Listed:
        """Return the part that filters ask for, in their order."""
        end = filters.offset + filters.limit
        items = self._items
        if filters.slowest:
            items = sorted(items, key=_shortness)
        part = items[filters.offset : end]
        return Listed(list(map(self._match, part)), len(items) > end)


def _shortness(item: Match | Recorded) -> int:
    if isinstance(item, Match):
        return -max(item.took, item.longest)
    return item.span.start - item.span.end


class InMemory(NamedTuple):
    """Traces of memory that fit, in any order: those that are one plain request, and the others."""

    alone: Sequence[Recorded]
    others: Sequence[Match]


def in_memory(store: SpanStore, filters: Filters) -> Generator[str, None, InMemory]:
    """Return what fits, in steps."""
    plain, others = store.parted()
    yield ""
    fitting: Sequence[Recorded] = plain
    if filters.narrow:
        fitting = yield from _fitting(plain, filters)
    made = []
    for match in search(others, filters):
        if match is None:
            yield ""
        else:
            made.append(match)
    return InMemory(fitting, made)


def _fitting(plain: Sequence[Recorded], filters: Filters) -> Generator[str, None, list[Recorded]]:
    fitting: list[Recorded] = []
    shapes: dict[Shape, bool] = {}
    for place in range(0, len(plain), _STEP):
        fitting += [
            one
            for one in plain[place : place + _STEP]
            if filters.fit_request(one, shapes) and one.span.trace_id.startswith(filters.trace_id)
        ]
        yield ""
    return fitting
