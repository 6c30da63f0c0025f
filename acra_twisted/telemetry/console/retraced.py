"""Find what is kept of one session: its connection's span, and its requests in their order."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from acra_twisted.session import Session
from acra_twisted.telemetry.console.gathering import kept_spans
from acra_twisted.telemetry.console.timeline import arrange
from acra_twisted.telemetry.console.view import Sources
from acra_twisted.telemetry.pages.rendering import Piece
from acra_twisted.telemetry.pages.sessions import described
from acra_twisted.telemetry.tracing.records import as_record
from acra_twisted.telemetry.tracing.spans import Span

if TYPE_CHECKING:
    from acra_twisted.telemetry.pages.past import Past

#: Requests of a session that are found at most: the newest.
REQUESTS_MAX: Final = 200
_STEP: Final = 16
_NUMBER: Final = "acra.session_id"


class Request(NamedTuple):
    """A request as a record, with milliseconds by layer."""

    record: Mapping[str, Any]
    layers: Mapping[str, float]


class Retraced(NamedTuple):
    """A session: as plain values while it is open, else None; the record of its connection, None if
    that is not kept; its requests by their start, with ``left_out`` earlier ones."""

    live: Mapping[str, Any] | None
    connection: Mapping[str, Any] | None
    requests: Sequence[Request]
    left_out: int


def retrace(sources: Sources, number: int) -> Generator[Piece, None, Retraced | None]:
    """Return what is kept of the session of a number, in steps; None if nothing is."""
    session: Session | None = None
    for count, one in enumerate(sources.sessions()):
        if one.id == number:
            session = one
            break
        if count % _STEP == _STEP - 1:
            yield ""
    live = described(session, sources.clock()) if session is not None else None
    span: Span | None = session.span if session is not None else None
    if span is None:
        span = yield from _connection(sources, number)
    if span is None:
        return Retraced(live, None, [], 0) if live is not None else None
    found = yield from sources.traces.records(span.trace_id)
    records = {record["span_id"]: record for record in found}
    yield from _linked(sources, span, records)
    if sources.traces.past is not None:
        yield from _stored(sources.traces.past, span.trace_id, records)
    return (yield from _made(live, records.get(span.span_id), records))


def retrace_past(sources: Sources, trace_id: str) -> Generator[Piece, None, Retraced | None]:
    """Return what the history has of the session that a trace is of, in steps; None if it has
    nothing."""
    past = sources.traces.past
    if past is None:
        return None
    connection_id = yield from past.connection_of(trace_id)
    told = yield from past.trace(connection_id)
    records = {record["span_id"]: record for record in told.rows}
    yield from _stored(past, connection_id, records)
    if not records:
        return None
    own = (record for record in records.values() if _NUMBER in record["attributes"])
    return (yield from _made(None, next(own, None), records))


def _stored(
    past: Past, connection_id: str, records: dict[str, dict[str, Any]]
) -> Generator[Piece, None, None]:
    """Add requests that only the history has."""
    told = yield from past.requests(connection_id)
    spans = yield from past.spans([row.id for row in told.rows[:REQUESTS_MAX]])
    for _, some in spans.rows:
        for record in some:
            records.setdefault(record["span_id"], record)
        yield ""


def _made(
    live: Mapping[str, Any] | None,
    connection: Mapping[str, Any] | None,
    records: Mapping[str, Mapping[str, Any]],
) -> Generator[Piece, None, Retraced]:
    wanted = sorted(
        (record for record in records.values() if _is_served(record)),
        key=lambda record: record["start"],
    )
    below: dict[str, list[Mapping[str, Any]]] = {}
    for record in records.values():
        below.setdefault(record["parent_id"], []).append(record)
    made = []
    for record in wanted[-REQUESTS_MAX:]:
        yield ""
        made.append(Request(record, arrange([record, *below.get(record["span_id"], ())]).layers))
    return Retraced(live, connection, made, max(len(wanted) - REQUESTS_MAX, 0))


def _connection(sources: Sources, number: int) -> Generator[str, None, Span | None]:
    """Find the span of a connection that has ended: no request is one."""
    for span in kept_spans(sources.traces, lambda request: False):
        if span is None:
            yield ""
        elif span.attributes.get(_NUMBER) == number:
            return span
    return None


def _linked(
    sources: Sources, connection: Span, records: dict[str, dict[str, Any]]
) -> Generator[str, None, None]:
    """Add requests that have traces of their own, with the spans below them."""
    service = sources.traces.service
    passed = 0
    for kept in sources.traces.store.traces():
        if kept.trace_id == connection.trace_id:
            continue
        plain = kept.plain()
        if plain is not None and not any(_is_linked(one.span, connection) for one in plain):
            passed += 1
            if not passed % _STEP:
                yield ""
            continue
        spans = []
        for count, span in enumerate(kept.spans(), 1):
            spans.append(span)
            if not count % _STEP:
                yield ""
        tops = {span.span_id for span in spans if _is_linked(span, connection)}
        if tops:
            for span in spans:
                if span.span_id in tops or span.parent_id in tops:
                    records[span.span_id] = as_record(span, service)
        yield ""


def _is_linked(span: Span, connection: Span) -> bool:
    return any(one[1] == connection.span_id for one in span.links)


def _is_served(record: Mapping[str, Any]) -> bool:
    """Return True for the span of a request in this daemon: a connector has one of it, too."""
    known = record["attributes"]
    if "acra.stage" in known:
        return False
    return "acra.verdict" in known or "acra.time.proxy_ms" in known or "acra.in_database" in known
