"""Our spans as OpenCensus's SpanData and back: what exporters made for OpenCensus take and give.

OpenCensus is imported where it is used: it brings protobuf, 40 ms and 11 MB.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from acra_twisted.telemetry.tracing import spans
from acra_twisted.telemetry.tracing.spans import Event, Span

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_ISO = "%Y-%m-%dT%H:%M:%S.%f%z"


def to_span_data(span: Span) -> Any:
    """Return the SpanData of a finished span.  Times are to the microsecond."""
    from opencensus.trace.link import Link
    from opencensus.trace.span_context import SpanContext
    from opencensus.trace.span_data import SpanData
    from opencensus.trace.status import Status
    from opencensus.trace.trace_options import TraceOptions

    return SpanData(
        name=span.name,
        context=SpanContext(
            trace_id=span.trace_id, trace_options=TraceOptions("1" if span.sampled else "0")
        ),
        span_id=span.span_id,
        parent_span_id=span.parent_id or None,
        attributes=span.attributes,
        start_time=spans.iso_time(span.start),
        end_time=spans.iso_time(span.end),
        child_span_count=0,
        stack_trace=None,
        annotations=[_annotation(event) for event in span.events if not _is_message(event)],
        message_events=[_message_event(event) for event in span.events if _is_message(event)],
        links=[Link(*link) for link in span.links],
        status=Status(span.status, span.message or None),
        same_process_as_parent_span=not span.remote_parent,
        span_kind=span.kind,
    )


def from_span_data(data: Any) -> Span:
    """Return a finished span with what a SpanData holds.

    Names are cut at 255 characters, texts at 256.  Attributes of other types than text, number and
    truth are left out, as are a stack trace and the attributes of links.
    """
    context = data.context
    # A SpanData without options is one that OpenCensus's own tracer has made: of a sampled trace.
    sampled = bool(context.trace_options is None or context.trace_options.get_enabled())
    span = Span(
        data.name[: spans.NAME_MAX],
        context.trace_id,
        data.parent_span_id or "",
        data.span_kind or spans.INTERNAL,
        _nanoseconds(data.start_time),
        sampled,
        data.same_process_as_parent_span is False,
    )
    span.span_id = data.span_id
    span.end = _nanoseconds(data.end_time)
    for name, value in (data.attributes or {}).items():
        if isinstance(value, (str, int, float)):
            span.add_attribute(name, spans.bounded(value))
    for link in data.links or ():
        span.add_link(link.trace_id, link.span_id, link.type)
    if data.status is not None and data.status.canonical_code:
        span.fail(data.status.canonical_code, spans.bounded(data.status.description or ""))
    for event in sorted(_events(data), key=lambda event: event[0]):
        span.add_event(event)
    return span


def _events(data: Any) -> Iterable[Event]:
    for annotation in data.annotations or ():
        given = annotation.attributes.attributes if annotation.attributes else {}
        known = {
            name: spans.bounded(value)
            for name, value in given.items()
            if isinstance(value, (str, int, float))
        }
        yield _nanoseconds(annotation.timestamp), spans.bounded(annotation.description), known
    for event in data.message_events or ():
        yield spans.message_event(_nanoseconds(event.timestamp), event)


def _is_message(event: Event) -> bool:
    return event[1] == spans.MESSAGE and spans.MESSAGE_TYPE in event[2]


def _annotation(event: Event) -> Any:
    from opencensus.trace.attributes import Attributes
    from opencensus.trace.time_event import Annotation

    when, text, known = event
    return Annotation(_datetime(when), text, Attributes(known))


def _message_event(event: Event) -> Any:
    from opencensus.trace.time_event import MessageEvent

    when, _, known = event
    return MessageEvent(
        _datetime(when),
        known.get(spans.MESSAGE_ID),
        spans.MESSAGE_TYPES.index(known[spans.MESSAGE_TYPE]),
        known.get(spans.MESSAGE_SIZE),
        known.get(spans.MESSAGE_COMPRESSED),
    )


def _datetime(nanoseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=nanoseconds // 1000)


def _nanoseconds(text: str) -> int:
    return (datetime.strptime(text, _ISO) - _EPOCH) // _MICROSECOND * 1000
