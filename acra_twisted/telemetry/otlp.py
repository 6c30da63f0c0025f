"""Spans to OTLP/HTTP protobuf: what Jaeger, Lightstep, Datadog and every collector understand.

Source: opencensus reference, sections 4b and 7 (mapping); opentelemetry-proto's trace.proto.
Written by hand: a span takes half of what it takes with the library's messages, a quarter where
this is compiled (docs/performance.rst); most attributes are the same ones over and over, so that
their bytes are kept.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

from acra_twisted import __version__
from acra_twisted.cache import GenerationCache
from acra_twisted.telemetry.batching import Payload
from acra_twisted.telemetry.spans import Span
from acra_twisted.wire.protobuf import delimited, double, integer, varint

_HEADERS = {"content-type": "application/x-protobuf"}
# Ours: internal, server, client; OTLP's numbers for them.
_KINDS = (1, 2, 3)
_ERROR = 2
# Spans begin alike: trace_id (1), span_id (2); their times (7, 8) stand behind name and kind.
_IDS = struct.Struct("2s16s2s8s").pack
_TIMES = struct.Struct("<cQcQ").pack
_INT64 = range(-(1 << 63), 1 << 63)

#: Attributes whose values are texts, as they are written; most are few.
_texts: GenerationCache[bytes] = GenerationCache(4096, 1 << 20)


def attribute(name: str, value: Any) -> bytes:
    """A KeyValue.  What is neither text, number nor truth is written as text."""
    if type(value) is str:
        text = value.encode("utf-8", "replace")
        wanted = name.encode() + b"\0" + text
        found = _texts.get(wanted)
        if found is None:
            found = _key_value(name, delimited(1, text))
            _texts.put(wanted, found)
        return found
    if value is True or value is False:
        return _key_value(name, integer(2, value))
    if isinstance(value, int) and value in _INT64:
        return _key_value(name, integer(3, value))
    if isinstance(value, float):
        return _key_value(name, double(4, value))
    return _key_value(name, delimited(1, str(value).encode("utf-8", "replace")))


def _key_value(name: str, value: bytes) -> bytes:
    return delimited(1, name.encode("utf-8", "replace")) + delimited(2, value)


def encode_span(span: Span) -> bytes:
    """A Span message."""
    parts = [
        _IDS(b"\x0a\x10", bytes.fromhex(span.trace_id), b"\x12\x08", bytes.fromhex(span.span_id))
    ]
    if span.parent_id:
        parts.append(b"\x22\x08" + bytes.fromhex(span.parent_id))
    parts.append(delimited(5, span.name.encode("utf-8", "replace")))
    parts.append(integer(6, _KINDS[span.kind]))
    parts.append(_TIMES(b"\x39", span.start, b"\x41", max(span.end, span.start)))
    for name, value in span.attributes.items():
        parts.append(delimited(9, attribute(name, value)))
    if span.status:
        parts.append(delimited(9, attribute("status.code", span.status)))
    for trace_id, span_id, kind in span.links:
        ids = _IDS(b"\x0a\x10", bytes.fromhex(trace_id), b"\x12\x08", bytes.fromhex(span_id))
        parts.append(delimited(13, ids + delimited(4, attribute("opencensus.link.type", kind))))
    if span.status:
        message = span.message.encode("utf-8", "replace")
        parts.append(delimited(15, delimited(2, message) + integer(3, _ERROR)))
    return b"".join(parts)


def encode(spans: Sequence[Span], service: str) -> Payload:
    """An ExportTraceServiceRequest with one resource, ``service``."""
    resource = delimited(1, attribute("service.name", service))
    resource += delimited(1, attribute("service.version", __version__))
    parts = [delimited(1, delimited(1, b"acra_twisted"))]
    for span in spans:
        data = encode_span(span)
        parts.append(b"\x12" + varint(len(data)))
        parts.append(data)
    scope = b"".join(parts)
    return Payload((delimited(1, delimited(1, resource) + delimited(2, scope)),), _HEADERS)
