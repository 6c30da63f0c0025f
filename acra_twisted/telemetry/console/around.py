"""The session around a request: the kept requests before and behind it."""

from __future__ import annotations

from collections.abc import Container, Generator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from markupsafe import Markup

from acra_twisted.telemetry.console import formats, requests
from acra_twisted.telemetry.console.formats import px
from acra_twisted.telemetry.console.gathering import kept_spans
from acra_twisted.telemetry.console.view import Sources
from acra_twisted.telemetry.tracing.records import as_record
from acra_twisted.telemetry.tracing.spans import Span

#: Nanoseconds before and behind the request that are drawn.
SPAN: Final = 5 * 10**9
#: Requests that are drawn at most: the nearest.
_DRAWN_MAX: Final = 60
_STEP: Final = 16
_HEIGHT: Final = 38
_BASE: Final = 20
_LOOKS: Final = {
    requests.POISON: "intr",
    requests.DENIED: "deny",
    requests.FAILED: "fail",
    requests.SLOW: "slow",
}
_REQUEST: Final = Markup(
    '<a href="{}" aria-label="{}"><title>{}</title>'
    '<rect class="f-{}" x="{}%" width="{}" height="{}" y="{}"/></a>'
)
_LABEL: Final = Markup('<text x="{}%" y="35" text-anchor="{}">{}</text>')


class Near(NamedTuple):
    """A request of the session: times are nanoseconds since the epoch."""

    start: int
    end: int
    trace_id: str
    span_id: str
    name: str
    verdict: str

    @property
    def href(self) -> str:
        """Its address."""
        return f"/console/trace?id={self.trace_id}&span={self.span_id}"


class Around(NamedTuple):
    """The session of a request: its number, 0 if it is not known, and its kept requests by their
    start, of which ``place`` is that of the request itself."""

    number: int
    found: Sequence[Near]
    place: int

    @property
    def before(self) -> Near | None:
        """Return the request before it."""
        return self.found[self.place - 1] if self.place > 0 else None

    @property
    def behind(self) -> Near | None:
        """Return the one behind it."""
        return self.found[self.place + 1] if self.place + 1 < len(self.found) else None


def around(
    sources: Sources, records: Sequence[Mapping[str, Any]], main: Mapping[str, Any]
) -> Generator[str, None, Around | None]:
    """Return the session of a request in steps, None if it is not told.  ``records`` are those of
    its trace."""
    linked = [(str(one["trace_id"]), str(one["span_id"])) for one in main["links"]]
    by_id = {one["span_id"]: one for one in records}
    above = by_id.get(main["parent_id"])
    if above is not None and not requests.is_request(above):
        # The requests of a connection are all in one trace.
        linked.append((str(main["trace_id"]), str(above["span_id"])))
    if not linked:
        return None
    found: list[Near] = []
    ids = {span_id for _, span_id in linked}
    number = yield from _live(sources, ids)
    number = (yield from _look(sources, ids, found)) or number
    found.sort()
    place = next((at for at, one in enumerate(found) if one.span_id == main["span_id"]), -1)
    return Around(number, found, place) if place >= 0 else None


def _live(sources: Sources, spans: set[str]) -> Generator[str, None, int]:
    """Return the number of the open session that has one of the spans."""
    for count, session in enumerate(sources.sessions(), 1):
        if session.span is not None and session.span.span_id in spans:
            return session.id
        if not count % _STEP:
            yield ""
    return 0


def _look(sources: Sources, ids: Container[str], found: list[Near]) -> Generator[str, None, int]:
    """Add kept requests that belong to one of the connections, whose ids are given; return their
    session's number if its span is among what is kept."""
    number = 0

    def belongs(span: Span) -> bool:
        return span.parent_id in ids or any(one[1] in ids for one in span.links)

    for span in kept_spans(sources.traces, lambda one: belongs(one.span)):
        if span is None:
            yield ""
        elif span.span_id in ids:
            known = span.attributes.get("acra.session_id")
            number = known if isinstance(known, int) else number
        elif belongs(span):
            record = as_record(span, sources.traces.service)
            if requests.is_request(record):
                found.append(
                    Near(
                        span.start,
                        span.end,
                        span.trace_id,
                        span.span_id,
                        formats.name(span.name),
                        requests.verdict_of(record),
                    )
                )
    return number


def draw(some: Around) -> Markup:
    """Return the requests of some seconds as marks, as high as they took long, the request itself
    in the middle."""
    here = some.found[some.place]
    low, length = here.start - SPAN, 2 * SPAN
    near = [one for one in some.found if low <= one.start <= low + length]
    near = sorted(near, key=lambda one: abs(one.start - here.start))[:_DRAWN_MAX]
    longest = max(one.end - one.start for one in near) or 1
    marks = Markup("").join(
        _mark(one, here, 100 * (one.start - low) / length, (one.end - one.start) / longest)
        for one in sorted(near)
    )
    labels = (
        _LABEL.format("0", "start", formats.clock_s(low))
        + _LABEL.format("50", "middle", "this one")
        + _LABEL.format("100", "end", formats.clock_s(low + length))
    )
    name = f"{formats.several(len(near), 'kept request')} of the session in ten seconds"
    return Markup(
        '<svg class="strip" height="{}" width="100%" role="group" aria-label="{}">{}'
        '<line class="axis" x1="0" x2="100%" y1="{}.5" y2="{}.5"/>{}</svg>'
    ).format(_HEIGHT, name, marks, _BASE, _BASE, labels)


def _mark(one: Near, here: Near, at: float, part: float) -> Markup:
    look = _LOOKS.get(one.verdict, "control")
    width = 3
    if one == here:
        look, width = "accent" if look == "control" else look, 5
    height = max(round(part * 16), 5)
    took = formats.ms((one.end - one.start) / 1e6)
    name = f"{formats.clock_ms(one.start)} {one.name}, {one.verdict}, {took}"
    return _REQUEST.format(one.href, name, name, look, px(at), width, height, _BASE - height)
