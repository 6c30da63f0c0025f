"""Spans as plain values, for JSON."""

from __future__ import annotations

from typing import Any, Final

from acra_twisted.telemetry.tracing.spans import CLIENT, SERVER, Span

_KINDS: Final = {SERVER: "server", CLIENT: "client"}


def as_record(span: Span, service: str) -> dict[str, Any]:
    """A span as plain JSON values; times are nanoseconds since the epoch."""
    return {
        "service": span.service or service,
        "name": span.name,
        "trace_id": span.trace_id,
        "span_id": span.span_id,
        "parent_id": span.parent_id,
        "kind": _KINDS.get(span.kind, "internal"),
        "start": span.start,
        "end": max(span.end, span.start),
        "sampled": span.sampled,
        "status": span.status,
        "message": span.message,
        "attributes": dict(span.attributes),
        "events": [
            {"time": when, "name": text, "attributes": dict(known)}
            for when, text, known in span.events
        ],
        "links": [
            {"trace_id": trace_id, "span_id": span_id, "type": kind}
            for trace_id, span_id, kind in span.links
        ],
    }
