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
from acra_twisted.telemetry.tracing.kept import Kept
from acra_twisted.telemetry.tracing.recorded import Recorded
from acra_twisted.telemetry.tracing.spans import Span

#: Spans that are looked at between two turns.
_STEP: Final = 16
#: Verdicts, the weightiest first.
WEIGHTS: Final = (POISON, DENY, ERROR, SLOW, ALLOW)
_REFUSED: Final = ("deny", "hangup")


class Among(NamedTuple):
    """Summaries, clients and errors of the spans of a trace that fit, in the order of letters."""

    names: tuple[str, ...] = ()
    clients: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()


class Match(NamedTuple):
    """A trace, and of its spans that fit the request of the weightiest verdict, or else the
    longest; times are nanoseconds.  ``mark`` is poison or slow if one of them is.  ``verdicts`` are
    those of its requests that fit, the weightiest first; of a trace in which no request fits,
    whether it has failed.  ``longest`` is how long the longest one took, where it is not the one
    that is shown."""

    trace_id: str
    spans: int
    name: str
    start: int
    took: int
    client_id: str
    verdict: str
    error: str
    mark: str
    verdicts: tuple[str, ...] = ()
    among: Among = Among()
    longest: int = 0

    @property
    def end(self) -> int:
        """When it ended."""
        return self.start + self.took

    def as_json(self) -> dict[str, Any]:
        """Its plain values."""
        known = self._asdict()
        del known["among"], known["longest"]
        return known


def search(traces: Iterable[Kept], filters: Filters) -> Iterator[Match | None]:
    """The traces that fit, in the order in which they are given.  None is no match: it says that
    some spans, or requests, were looked at, after which others may have their turn."""
    shapes: dict[recorded.Shape, bool] = {}
    said: dict[recorded.Shape, Match] = {}
    looked = 0
    for kept in traces:
        fits = kept.trace_id.startswith(filters.trace_id)
        plain = kept.plain() if fits else ()
        requests: list[Recorded] = []
        spans: list[Span] = []
        judged: set[str] = set()
        for one in kept.spans() if plain is None else plain:
            if isinstance(one, Recorded):
                if filters.fit_request(one, shapes):
                    requests.append(one)
            else:
                if "acra.verdict" in one.attributes:
                    judged.add(one.parent_id)
                if filters.fit(one):
                    spans.append(one)
            looked += 1
            if not looked % _STEP:
                yield None
        if requests:
            yield _plain_match(kept, requests, said)
        elif spans:
            match = _match(kept, spans, judged, filters.verdict)
            if match is not None:
                yield match


def _plain_match(
    kept: Kept, fitting: Sequence[Recorded], said: dict[recorded.Shape, Match]
) -> Match:
    """Return what is said of plain requests that fit; ``said`` remembers what is said of a shape:
    nearly all traces are a request of one that is known."""
    if len(fitting) > 1:
        return _several(kept, sorted(fitting, key=_took, reverse=True))
    shape = fitting[0].shape
    known = said.get(shape)
    if known is None:
        known = said[shape] = of_shape(shape)
    return match_of(fitting[0], known, kept.trace_id, len(kept))


def match_of(request: Recorded, known: Match, trace_id: str, spans: int) -> Match:
    """Return what is said of a plain request in a trace of so many spans; ``known`` is said of its
    shape."""
    span = request.span
    return Match(
        trace_id,
        spans,
        known.name,
        span.start,
        span.end - span.start,
        known.client_id,
        known.verdict,
        known.error,
        known.mark,
        known.verdicts,
        known.among,
    )


def _several(kept: Kept, fitting: Sequence[Recorded]) -> Match:
    """Return what is said of several plain requests, the longest first."""
    main, longest = fitting[0], 0
    shapes = {one.shape: of_shape(one.shape) for one in fitting}
    verdicts = _weighed(one for known in shapes.values() for one in known.verdicts)
    if len(verdicts) > 1:
        longest = _took(main)
        main = next(one for one in fitting if shapes[one.shape].verdicts[0] == verdicts[0])
        main = next((one for one in fitting if one.span.span_id == main.span.parent_id), main)
    return shapes[main.shape]._replace(
        trace_id=kept.trace_id,
        spans=len(kept),
        start=main.span.start,
        took=_took(main),
        verdict=next((known.verdict for known in shapes.values() if known.verdict), ""),
        mark=SLOW if SLOW in verdicts else "",
        verdicts=verdicts,
        among=Among(
            _sorted({one.name for one in shapes}), _sorted({one.client_id for one in shapes})
        ),
        longest=longest,
    )


def _took(request: Recorded) -> int:
    return request.span.end - request.span.start


def of_shape(shape: recorded.Shape) -> Match:
    """Return what all plain requests of a shape have in common; its trace and times are none."""
    verdict = SLOW if shape.flags & recorded.SLOW else ALLOW
    return Match(
        "",
        0,
        shape.name,
        0,
        0,
        shape.client_id,
        ALLOW if shape.server is not None else "",
        "",
        verdict if verdict == SLOW else "",
        (verdict,),
        Among(_sorted({shape.name}), _sorted({shape.client_id})),
    )


def _match(kept: Kept, spans: list[Span], judged: set[str], wanted: str) -> Match | None:
    """Return what is said of the spans that fit; None if none has the verdict that is wanted.
    ``judged`` are the ids of those below which AcraServer has judged a request."""
    requests: list[Span] = []
    others: list[Span] = []
    for one in spans:
        (requests if is_request(one) else others).append(one)
    # What a connector saw of a request is no other one.
    told = [
        one for one in requests if one.span_id not in judged or "acra.verdict" in one.attributes
    ]
    known = {id(one): verdict_of(one) for one in told or requests}
    if not requests:
        known = {id(one): ERROR for one in spans if _has_failed(one)}
    verdicts = _weighed(known.values())
    if wanted:
        requests = [one for one in requests if known.get(id(one)) == wanted]
        others = [one for one in others if known.get(id(one)) == wanted]
        verdicts = (wanted,)
    # A request before its connection, which is longer; of requests, and of others, the longest.
    for some in (requests, others):
        if len(some) > 1:
            some.sort(key=_shortness)
    longest = 0
    if len(verdicts) > 1:
        longest = -_shortness(requests[0])
        # Before others the request that the verdict of the trace is of.
        first = next(one for one in requests if known.get(id(one)) == verdicts[0])
        whole = next((one for one in requests if one.span_id == first.parent_id), first)
        requests.sort(key=lambda one: (one is not whole, one is not first))
    spans = requests + others
    if not spans:
        return None
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
        next(filter(None, map(_mark, spans)), ""),
        verdicts,
        Among(
            _sorted({one.name for one in requests}),
            _sorted({one.attributes.get("acra.client_id", "") for one in spans}),
            _sorted({one.attributes.get("error.type", "") for one in spans}),
        ),
        longest,
    )


def _shortness(span: Span) -> int:
    return span.start - span.end


def joined(match: Match, other: Match) -> Match:
    """Return what is said of a trace of which another part fits, too: the part whose verdict is the
    weightier one names it, the first of two that are alike."""
    both = zip(match.among, other.among, strict=True)
    shown, beside = (other, match) if outweighs(other, match) else (match, other)
    longest = max(shown.longest, beside.took, beside.longest)
    return shown._replace(
        verdicts=_weighed((*match.verdicts, *other.verdicts)),
        among=Among(*(tuple(sorted({*one, *another})) for one, another in both)),
        longest=longest if longest > shown.took else 0,
    )


def outweighs(match: Match, other: Match) -> bool:
    """Return True if the verdict of a part of a trace is weightier than that of another one."""
    mine, theirs = (
        WEIGHTS.index(one.verdicts[0]) if one.verdicts else len(WEIGHTS) for one in (match, other)
    )
    return mine < theirs


def _sorted(values: Iterable[Any]) -> tuple[str, ...]:
    """Return texts in the order of letters, without empty ones."""
    return tuple(sorted({str(value) for value in values if value}))


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


def _mark(span: Span) -> str:
    """Return whether a request read poison records, or was slow."""
    known = span.attributes
    if known.get("acra.poison_records"):
        return POISON
    return SLOW if known.get("acra.slow") else ""


def _first(spans: Iterable[Span], key: str) -> str:
    """An attribute of the first span that has it: a connector's exchange has no verdict."""
    for span in spans:
        known = span.attributes
        if key in known:
            return str(known[key])
    return ""
