"""Which of the traces that are kept fit: by id, client id, verdict and duration."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from acra_twisted.telemetry.spans import Span
from acra_twisted.telemetry.zstore import Kept

#: Names of what may be asked for, as the page's arguments have them.
FILTERS = ("trace_id", "client_id", "verdict", "min_ms")
#: Of exchanges; ``error`` is of those that failed without being refused.
ERROR = "error"
VERDICTS = ("allow", "deny", ERROR)
#: As many are shown.
FOUND_MAX = 50
#: Spans that are looked at between two turns.
_STEP = 16


class Unfit(ValueError):
    """Raised where something is asked for that cannot be; the text says what can."""


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
        """From a page's arguments.  Raises Unfit."""
        try:
            minimum = float(arguments.get("min_ms") or 0)
        except ValueError:
            minimum = -1
        if not 0 <= minimum < 1e12:
            raise Unfit("min_ms must be a number of milliseconds")
        verdict = arguments.get("verdict", "").strip().lower()
        if verdict and verdict not in VERDICTS:
            raise Unfit(f"verdict must be one of {', '.join(VERDICTS)}")
        trace_id = arguments.get("trace_id", "").strip().lower()
        if trace_id.strip("0123456789abcdef") or len(trace_id) > 32:
            raise Unfit("trace_id must be hex digits, 32 of them or the first few")
        client_id = arguments.get("client_id", "").strip()
        return cls(trace_id, client_id, verdict, int(minimum * 1e6))

    def fit(self, span: Span) -> bool:
        """Whether a span is one that is looked for."""
        return (
            (not self.verdict or self._has_verdict(span))
            and (not self.client_id or span.attributes.get("acra.client_id") == self.client_id)
            and span.end - span.start >= self.minimum
        )

    def _has_verdict(self, span: Span) -> bool:
        verdict = span.attributes.get("acra.verdict")
        if self.verdict == ERROR:
            return bool(span.status) and verdict not in ("deny", "hangup")
        return bool(verdict == self.verdict)


class Match(NamedTuple):
    """A trace, and the longest of its spans that fit; times are nanoseconds."""

    trace_id: str
    spans: int
    name: str
    start: int
    took: int
    client_id: str
    verdict: str


def search(traces: Iterable[Kept], filters: Filters) -> Iterator[Match | None]:
    """The traces that fit, in the order in which they are given.  None is no match: it says that
    some spans were looked at, after which others may have their turn."""
    for kept in traces:
        if not kept.trace_id.startswith(filters.trace_id):
            continue
        fitting = []
        for number, span in enumerate(kept.spans(), 1):
            if filters.fit(span):
                fitting.append(span)
            if not number % _STEP:
                yield None
        yield _match(kept, fitting) if fitting else None


def _match(kept: Kept, fitting: list[Span]) -> Match:
    # The longest: of an exchange and its stages, the exchange.
    fitting.sort(key=lambda span: span.start - span.end)
    span = fitting[0]
    return Match(
        kept.trace_id,
        len(kept),
        span.name,
        span.start,
        span.end - span.start,
        _first(fitting, "acra.client_id"),
        _first(fitting, "acra.verdict"),
    )


def _first(spans: Iterable[Span], key: str) -> str:
    """An attribute of the first span that has it: a connector's exchange has no verdict."""
    return next((str(s.attributes[key]) for s in spans if key in s.attributes), "")
