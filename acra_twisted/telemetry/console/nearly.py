"""Finds what a search for traces that has found nothing would find without one of its filters."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import Final, NamedTuple

from acra_twisted.telemetry.pages.found import in_memory
from acra_twisted.telemetry.pages.search import Filters
from acra_twisted.telemetry.tracing.store import SpanStore

#: Arguments that let nothing fit, or change only how it is listed.
_NOT_FILTERS: Final = frozenset(("limit", "offset", "of", "sort"))
#: Filters that are tried, and told, at most.
_TRIED, _TOLD = 8, 3


class Nearly(NamedTuple):
    """So many traces in memory would fit ``without`` a filter."""

    without: str
    traces: int


def nearly(
    store: SpanStore,
    arguments: Mapping[str, str],
    filters_of: Callable[[Mapping[str, str]], Filters],
) -> Generator[str, None, list[Nearly]]:
    """Return what would fit in memory without one of the filters, most first, in steps."""
    found = []
    names = [name for name in arguments if name not in _NOT_FILTERS]
    for name in names[:_TRIED]:
        others = {one: value for one, value in arguments.items() if one not in (name, "offset")}
        memory = yield from in_memory(store, filters_of(others))
        traces = len(memory.alone) + len(memory.others)
        if traces:
            found.append(Nearly(name, traces))
    return sorted(found, key=lambda one: -one.traces)[:_TOLD]
