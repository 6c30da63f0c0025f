"""The kept part of a trace: spans, and requests as they were recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from acra_twisted.telemetry.tracing.recorded import Recorded
from acra_twisted.telemetry.tracing.spans import Span

if TYPE_CHECKING:
    from mypy_extensions import i64

#: Spans of a trace that are kept: its first ones.
SPANS_MAX: Final = 512
#: Bytes that a request takes beside its spans and texts, that a span takes with the attributes
#: that each has, and that each thing in it takes: an attribute, a link, an event.
_REQUEST: Final = 1280
_SPAN: Final = 512
_THING: Final = 160


class Trace:
    """Spans and requests of one trace, and about how many ``bytes`` they take.  ``is_sample``: one
    of them is a sample."""

    __slots__ = ("items", "bytes", "is_sample")

    bytes: i64

    def __init__(self) -> None:
        self.items: list[Span | Recorded] = []
        self.bytes = 0
        self.is_sample = False

    def add(self, item: Span | Recorded) -> i64:
        """Add one if there is room for it; return by how many bytes that is more."""
        if len(self.items) >= SPANS_MAX:
            return 0
        more = bytes_of(item)
        self.items.append(item)
        self.bytes += more
        return more


def bytes_of(item: Span | Recorded) -> i64:
    """Return about how many bytes something takes once a page has looked at it, no fewer than it
    does.  Texts count for each request, though alike requests share them."""
    if not isinstance(item, Recorded):
        return _bytes_of_span(item)
    shape = item.shape
    size: i64 = _REQUEST + _SPAN * item.size + len(shape.text) + len(shape.name)
    if not item.plain:
        for span in item.spans():
            size += _bytes_of_span(span)
    return size


def _bytes_of_span(span: Span) -> i64:
    size: i64 = _SPAN + len(span.name) + len(span.message) + _THING * len(span.links)
    size += _bytes_of_attributes(span.attributes)
    for _, name, attributes in span.events:
        size += _THING + len(name) + _bytes_of_attributes(attributes)
    return size


def _bytes_of_attributes(attributes: Mapping[str, Any]) -> i64:
    size: i64 = 0
    for key, value in attributes.items():
        size += _THING + len(key)
        if isinstance(value, str):
            # A character takes four bytes at most.
            size += len(value) if value.isascii() else 4 * len(value)
    return size


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

    def fitting(self, may_fit: Callable[[Recorded], bool]) -> Iterator[Span | None]:
        """Give its spans, but for those of plain requests that cannot fit, which are not made.
        None stands for each of these."""
        left = SPANS_MAX
        for at in range(len(self._items)):
            item = self._items[at]
            if isinstance(item, Recorded) and item.plain and not may_fit(item):
                left -= item.size
                yield None
                continue
            found = item.spans() if isinstance(item, Recorded) else [item]
            for span in found:
                if left <= 0:
                    return
                left -= 1
                yield span

    def spans(self) -> Iterator[Span]:
        """Give as many as a trace may have, in the order in which they came."""
        for span in self.fitting(_fits):
            if span is not None:
                yield span


def _fits(request: Recorded) -> bool:
    return True


def trace_id_of(item: Span | Recorded) -> str:
    """Return the id of the trace of a span, or of a request."""
    return item.span.trace_id if isinstance(item, Recorded) else item.trace_id
