"""Find the kept traces that match a query, and what became of their requests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from acra_twisted.telemetry.pages.search import (
    ALLOW,
    DENY,
    ERROR,
    POISON,
    SLOW,
    Filters,
    is_request,
)
from acra_twisted.telemetry.tracing import recorded
from acra_twisted.telemetry.tracing.recorded import Recorded
from acra_twisted.telemetry.tracing.spans import Span
from acra_twisted.telemetry.tracing.store import Kept

#: Spans that are looked at between two turns.
_STEP: Final = 16
#: Verdicts, the weightiest first.
WEIGHTS: Final = (POISON, DENY, ERROR, SLOW, ALLOW)
_REFUSED: Final = ("deny", "hangup")


class Among(NamedTuple):
    """Summaries, clients and errors of the spans of a trace that fit, in the order of letters."""

    names: Sequence[str] = ()
    clients: Sequence[str] = ()
    errors: Sequence[str] = ()


class Match(NamedTuple):
    """A trace, and the longest of its spans that fit; times are nanoseconds.  ``mark`` is poison or
    slow if one of them is.  ``verdicts`` are those of its requests that fit, the weightiest first;
    of a trace in which no request fits, whether it has failed."""

    trace_id: str
    spans: int
    name: str
    start: int
    took: int
    client_id: str
    verdict: str
    error: str
    mark: str
    verdicts: Sequence[str] = ()
    among: Among = Among()

    def as_json(self) -> dict[str, Any]:
        """Its plain values."""
        known = self._asdict()
        del known["among"]
        return known


def search(traces: Iterable[Kept], filters: Filters) -> Iterator[Match | None]:
    """The traces that fit, in the order in which they are given.  None is no match: it says that
    some spans, or requests, were looked at, after which others may have their turn."""
    shapes: dict[recorded.Shape, bool] = {}
    looked = 0
    for kept in traces:
        fits = kept.trace_id.startswith(filters.trace_id)
        plain = kept.plain() if fits else ()
        requests: list[Recorded] = []
        spans: list[Span] = []
        judged: set[str] = set()
        for one in kept.spans() if plain is None else plain:
            if isinstance(one, Span):
                if "acra.verdict" in one.attributes:
                    judged.add(one.parent_id)
                if filters.fit(one):
                    spans.append(one)
            elif filters.fit_request(one, shapes):
                requests.append(one)
            looked += 1
            if not looked % _STEP:
                yield None
        match = _match(kept, spans, judged, filters.verdict) if spans else None
        if match is not None:
            yield match
        elif requests:
            yield _plain_match(kept, requests)


def _plain_match(kept: Kept, fitting: list[Recorded]) -> Match:
    longest = fitting[0]
    judged = longest.shape.server is not None
    verdicts = {_plain_verdict(one) for one in fitting}
    for one in fitting[1:]:
        judged = judged or one.shape.server is not None
        if one.span.end - one.span.start > longest.span.end - longest.span.start:
            longest = one
    span, shape = longest.span, longest.shape
    return Match(
        kept.trace_id,
        len(kept),
        shape.name,
        span.start,
        span.end - span.start,
        shape.client_id,
        ALLOW if judged else "",
        "",
        SLOW if SLOW in verdicts else "",
        _weighed(verdicts),
        _among((one.shape.name, one.shape.client_id, "") for one in fitting),
    )


def _plain_verdict(request: Recorded) -> str:
    return SLOW if request.shape.flags & recorded.SLOW else ALLOW


def _match(kept: Kept, spans: list[Span], judged: set[str], wanted: str) -> Match | None:
    """Return what is said of the spans that fit; None if none has the verdict that is wanted.
    ``judged`` are the ids of those below which AcraServer has judged a request."""
    requests = [one for one in spans if is_request(one)]
    # What a connector saw of a request is no other one.
    told = [
        one for one in requests if one.span_id not in judged or "acra.verdict" in one.attributes
    ]
    known = {id(one): verdict_of(one) for one in told or requests}
    if not requests:
        known = {id(one): ERROR for one in spans if _has_failed(one)}
    verdicts = _weighed(known.values())
    if wanted:
        spans = [one for one in spans if known.get(id(one)) == wanted]
        verdicts = (wanted,)
    if not spans:
        return None
    # A request before its connection, which is longer; of requests, and of others, the longest.
    spans.sort(key=lambda span: (not is_request(span), span.start - span.end))
    span = spans[0]
    return Match(
        kept.trace_id,
        len(kept),
        span.name,
        span.start,
        span.end - span.start,
        _first(spans, "acra.client_id"),
        _first([span for span in spans if "acra.stage" not in span.attributes], "acra.verdict"),
        _first([span for span in spans if span.status], "error.type"),
        next((mark for one in spans for mark in _marks(one)), ""),
        verdicts,
        _among(
            (
                one.name if is_request(one) else "",
                one.attributes.get("acra.client_id", ""),
                one.attributes.get("error.type", ""),
            )
            for one in spans
        ),
    )


def joined(match: Match, other: Match) -> Match:
    """Return what is said of a trace of which another part fits, too."""
    both = zip(match.among, other.among, strict=True)
    return match._replace(
        verdicts=_weighed((*match.verdicts, *other.verdicts)),
        among=Among(*(tuple(sorted({*one, *another})) for one, another in both)),
    )


def _among(known: Iterable[Sequence[Any]]) -> Among:
    return Among(
        *(tuple(sorted({str(text) for text in some if text})) for some in zip(*known, strict=True))
    )


def verdict_of(span: Span) -> str:
    """Return the verdict of a request."""
    known = span.attributes
    if known.get("acra.poison_records"):
        return POISON
    if known.get("acra.verdict") in _REFUSED:
        return DENY
    if span.status:
        return ERROR
    return SLOW if known.get("acra.slow") else ALLOW


def _has_failed(span: Span) -> bool:
    return bool(span.status) and span.attributes.get("acra.verdict") not in _REFUSED


def _weighed(verdicts: Iterable[str]) -> tuple[str, ...]:
    found = set(verdicts)
    return tuple(one for one in WEIGHTS if one in found)


def _marks(span: Span) -> list[str]:
    """Return whether a request read poison records, and whether it was slow."""
    known = span.attributes
    poisoned = [POISON] if known.get("acra.poison_records") else []
    return poisoned + ([SLOW] if known.get("acra.slow") else [])


def _first(spans: Iterable[Span], key: str) -> str:
    """An attribute of the first span that has it: a connector's exchange has no verdict."""
    return next((str(s.attributes[key]) for s in spans if key in s.attributes), "")


class Listed(NamedTuple):
    """A part of what was found; ``more`` says whether something comes after it."""

    matches: list[Match]
    more: bool


class Listing:
    """Collects matches and gives the part that is asked for, in its order."""

    def __init__(self, filters: Filters) -> None:
        self._filters = filters
        self._found: list[Match] = []

    @property
    def enough(self) -> bool:
        """Return True if no further match can change the part: matches arrive newest first."""
        wanted = self._filters.offset + self._filters.limit
        return not self._filters.slowest and len(self._found) > wanted

    def add(self, match: Match) -> None:
        """One that fits."""
        self._found.append(match)

    def listed(self) -> Listed:
        """The part."""
        filters, found = self._filters, self._found
        if filters.slowest:
            found = sorted(found, key=lambda match: -match.took)
        end = filters.offset + filters.limit
        return Listed(found[filters.offset : end], len(found) > end)
