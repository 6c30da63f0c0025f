"""Which of the traces that are kept fit: by id, client id, verdict and duration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from acra_twisted.telemetry.spans import Span

#: Names of what may be asked for, as the page's arguments have them.
FILTERS = ("trace_id", "client_id", "verdict", "min_ms")
_FOUND_MAX = 50


class Filters(NamedTuple):
    """``minimum`` is nanoseconds; empty texts fit everything, ``trace_id`` by its beginning.

    One span must fit all of client id, verdict and duration: they are an exchange's, and a
    connection is long because it stays open.
    """

    trace_id: str = ""
    client_id: str = ""
    verdict: str = ""
    minimum: int = 0

    @classmethod
    def of(cls, arguments: Mapping[str, str]) -> Filters:
        """From a page's arguments.  Raises ValueError if min_ms is no number."""
        try:
            minimum = float(arguments.get("min_ms") or 0)
        except ValueError:
            raise ValueError("min_ms") from None
        if not 0 <= minimum < 1e12:
            raise ValueError("min_ms")
        return cls(
            arguments.get("trace_id", "").strip().lower(),
            arguments.get("client_id", "").strip(),
            arguments.get("verdict", "").strip().lower(),
            int(minimum * 1e6),
        )

    def fit(self, span: Span) -> bool:
        """Whether a span is one that is looked for."""
        found = span.attributes
        return (
            (not self.verdict or found.get("acra.verdict") == self.verdict)
            and (not self.client_id or found.get("acra.client_id") == self.client_id)
            and span.end - span.start >= self.minimum
        )


class Match(NamedTuple):
    """A trace, and the longest of its spans that fit; times are nanoseconds."""

    trace_id: str
    spans: int
    name: str
    start: int
    took: int
    client_id: str
    verdict: str


def search(traces: Iterable[tuple[str, Sequence[Span]]], filters: Filters) -> list[Match]:
    """The traces that fit, in the order in which they are given; 50 at most."""
    found: list[Match] = []
    for trace_id, spans in traces:
        if not trace_id.startswith(filters.trace_id):
            continue
        fitting = [span for span in spans if filters.fit(span)]
        if fitting:
            # The longest: of an exchange and its stages, the exchange.
            fitting.sort(key=lambda span: span.start - span.end)
            span = fitting[0]
            found.append(
                Match(
                    trace_id,
                    len(spans),
                    span.name,
                    span.start,
                    span.end - span.start,
                    _first(fitting, "acra.client_id"),
                    _first(fitting, "acra.verdict"),
                )
            )
            if len(found) == _FOUND_MAX:
                break
    return found


def _first(spans: Iterable[Span], key: str) -> str:
    """An attribute of the first span that has it: a connector's exchange has no verdict."""
    return next((str(s.attributes[key]) for s in spans if key in s.attributes), "")
