"""Spans to OTLP/HTTP protobuf: what Jaeger, Lightstep, Datadog and every collector understand.

Source: opencensus reference, sections 4b and 7 (mapping), over ``opentelemetry-proto``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

from acra_twisted import __version__
from acra_twisted.telemetry.batching import Payload
from acra_twisted.telemetry.spans import Span

_HEADERS = {"content-type": "application/x-protobuf"}
# Ours: internal, server, client; OTLP's numbers for them.
_KINDS = (1, 2, 3)
_ERROR = 2


def _put(attributes: Any, key: str, value: Any) -> None:
    attribute = attributes.add()
    attribute.key = key
    # Texts first, for they are the most.
    if type(value) is str:
        attribute.value.string_value = value
    elif value is True or value is False:
        attribute.value.bool_value = value
    elif isinstance(value, int):
        attribute.value.int_value = value
    elif isinstance(value, float):
        attribute.value.double_value = value
    else:
        attribute.value.string_value = str(value)


def encode(spans: Sequence[Span], service: str) -> Payload:
    """An ExportTraceServiceRequest with one resource, ``service``."""
    request = trace_service_pb2.ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    _put(resource.resource.attributes, "service.name", service)
    _put(resource.resource.attributes, "service.version", __version__)
    scope = resource.scope_spans.add()
    scope.scope.name = "acra_twisted"
    for span in spans:
        record = scope.spans.add(
            trace_id=bytes.fromhex(span.trace_id),
            span_id=bytes.fromhex(span.span_id),
            name=span.name,
            kind=_KINDS[span.kind],
            start_time_unix_nano=span.start,
            end_time_unix_nano=max(span.end, span.start),
        )
        if span.parent_id:
            record.parent_span_id = bytes.fromhex(span.parent_id)
        for key, value in span.attributes.items():
            _put(record.attributes, key, value)
        for trace_id, span_id, kind in span.links:
            link = record.links.add(
                trace_id=bytes.fromhex(trace_id), span_id=bytes.fromhex(span_id)
            )
            _put(link.attributes, "opencensus.link.type", kind)
        if span.status:
            record.status.code = _ERROR
            record.status.message = span.message
            _put(record.attributes, "status.code", span.status)
    return Payload((bytes(request.SerializeToString()),), _HEADERS)
