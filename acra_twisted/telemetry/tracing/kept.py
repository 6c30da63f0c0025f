"""The kept part of a trace: spans, and requests as they were recorded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from acra_twisted.telemetry.tracing.recorded import Recorded
from acra_twisted.telemetry.tracing.spans import Span

#: Spans of a trace that are kept: its first ones.
SPANS_MAX: Final = 512


class Kept:
    """The kept part of one trace.  Its spans are made while they are looked at, one by one, for
    there may be many."""

    __slots__ = ("trace_id", "_items")

    def __init__(self, trace_id: str, items: Sequence[Span | Recorded]) -> None:
        self.trace_id = trace_id
        self._items = items

    def __len__(self) -> int:
        """The number of its spans."""
        count = 0
        for item in self._items:
            count += item.size if isinstance(item, Recorded) else 1
        return min(count, SPANS_MAX)

    def plain(self) -> Sequence[Recorded] | None:
        """Return its requests, if it is whole and has nothing but plain ones, whose spans say no
        more than they do; else None."""
        found: list[Recorded] = []
        count = 0
        for item in self._items:
            if not isinstance(item, Recorded) or not item.plain:
                return None
            count += item.size
            found.append(item)
        return found if count <= SPANS_MAX else None

    def spans(self) -> Iterator[Span]:
        """Give as many as a trace may have, in the order in which they came."""
        left = SPANS_MAX
        for at in range(len(self._items)):
            item = self._items[at]
            found = item.spans() if isinstance(item, Recorded) else [item]
            for span in found:
                if not left:
                    return
                left -= 1
                yield span


def trace_id_of(item: Span | Recorded) -> str:
    """Return the id of the trace of a span, or of a request."""
    return item.span.trace_id if isinstance(item, Recorded) else item.trace_id
