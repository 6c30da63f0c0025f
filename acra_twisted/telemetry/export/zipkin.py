"""Spans to Zipkin v2 JSON (``POST /api/v2/spans``).

Source: opencensus reference, section 7: microseconds, durations of at least 1, every tag a
string, no ``parentId`` at a root, no ``kind`` where there is none, tag ``error`` on failure.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from acra_twisted.telemetry.export.queue import Payload
from acra_twisted.telemetry.export.resource import Resource
from acra_twisted.telemetry.tracing.spans import CLIENT, SERVER, Span

_HEADERS = {"content-type": "application/json"}
_KINDS = {SERVER: "SERVER", CLIENT: "CLIENT"}


def _tag(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _annotation(text: str, known: Mapping[str, Any]) -> str:
    """Return an event as the one text that an annotation has, as OpenTelemetry maps it."""
    return json.dumps({text: known}) if known else text


def encode(spans: Sequence[Span], resource: Resource) -> Payload:
    """A JSON array of spans.  Zipkin has no place for whose they are: each has it in its tags."""
    known = resource.attributes()
    del known["service.name"]
    whose = {key: _tag(value) for key, value in known.items()}
    records = []
    for span in spans:
        record: dict[str, Any] = {
            "traceId": span.trace_id,
            "id": span.span_id,
            "name": span.name,
            "timestamp": span.start // 1000,
            "duration": max((span.end - span.start) // 1000, 1),
            "localEndpoint": {"serviceName": resource.service},
            "tags": {**whose, **{key: _tag(value) for key, value in span.attributes.items()}},
        }
        if span.parent_id:
            record["parentId"] = span.parent_id
        if span.kind in _KINDS:
            record["kind"] = _KINDS[span.kind]
        if span.status:
            record["tags"]["error"] = span.message or "error"
            record["tags"]["status.code"] = str(span.status)
        if span.events:
            record["annotations"] = [
                {"timestamp": when // 1000, "value": _annotation(text, known)}
                for when, text, known in span.events
            ]
        for place, (trace_id, span_id, kind) in enumerate(span.links):
            record["tags"][f"link.{place}"] = f"{trace_id}-{span_id}-{kind}"
        records.append(record)
    return Payload((json.dumps(records).encode(),), _HEADERS)
