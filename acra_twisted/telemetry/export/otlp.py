"""Spans to OTLP/HTTP protobuf: what Jaeger, Lightstep, Datadog and every collector understand.

Source: opencensus reference, sections 4b and 7 (mapping); opentelemetry-proto's trace.proto.
Written by hand: a span takes half of what it takes with the library's messages, a quarter where
this is compiled (docs/performance.rst); most attributes are the same ones over and over, so that
their bytes are kept.
"""

from __future__ import annotations

import struct
from binascii import unhexlify
from collections.abc import Mapping, Sequence
from typing import Any, Final

from acra_twisted import __version__
from acra_twisted.cache import GenerationCache
from acra_twisted.telemetry.export.queue import Payload
from acra_twisted.telemetry.export.resource import Resource
from acra_twisted.telemetry.tracing.spans import Span
from acra_twisted.wire.formats.protobuf import delimited, double, integer, key, varint

_HEADERS: Final = {"content-type": "application/x-protobuf"}
# Ours: internal, server, client; OTLP's numbers for them.
_KINDS: Final = (1, 2, 3)
_ERROR: Final = 2
# Bytes before ids, as hex digits: trace_id (1), span_id (2), parent_span_id (4).
_TRACE_ID: Final = "0a10"
_SPAN_ID: Final = "1208"
_PARENT_ID: Final = "2208"
# Both times: fields 7 and 8.
_TIMES: Final = struct.Struct("<cQcQ").pack
_EVENT_TIME: Final = struct.Struct("<cQ").pack
_DOUBLE: Final = struct.Struct("<d").pack
_INT64_END: Final = 1 << 63
#: The instrumentation scope: name and version.
_SCOPE: Final = delimited(1, b"acra_twisted") + delimited(2, __version__.encode())

#: Names of attributes that are known; more than we have.
_NAMES_MAX: Final = 128


class _Name:
    """The constant bytes of every attribute of one name."""

    __slots__ = ("_key", "_texts", "_before_float", "_before_byte")

    def __init__(self, name: str) -> None:
        self._key = delimited(1, name.encode("utf-8", "replace"))
        # Texts as they are written: most attributes have few.
        self._texts: GenerationCache[str, bytes] = GenerationCache(256, 1 << 16)
        # Lengths of values with a constant length: a float, a number below 128.
        self._before_float = self._whole(double(4, 0.0))[:-8]
        self._before_byte = self._whole(integer(3, 0))[:-1]

    def _whole(self, value: bytes) -> bytes:
        """The span's field of a KeyValue."""
        return delimited(9, self._key + delimited(2, value))

    def attribute(self, value: Any) -> bytes:
        """With a value; what is neither text, number nor truth is written as text."""
        if type(value) is str:
            found = self._texts.get(value)
            if found is None:
                found = self._text(value)
                self._texts.put(value, found)
            return found
        if value is True or value is False:
            return self._whole(integer(2, value))
        if isinstance(value, float):
            return self._before_float + _DOUBLE(value)
        if isinstance(value, int):
            if 0 <= value < 128:
                return self._before_byte + varint(value)
            if -_INT64_END <= value < _INT64_END:
                return self._whole(integer(3, value))
        return self._text(str(value))

    def _text(self, value: str) -> bytes:
        return self._whole(delimited(1, value.encode("utf-8", "replace")))


_names: Final[dict[str, _Name]] = {}
#: Names and kinds of spans, as they are written; by kind.
_titles: Final[tuple[GenerationCache[str, bytes], ...]] = tuple(
    GenerationCache(1024, 1 << 18) for _ in _KINDS
)


def attribute(name: str, value: Any) -> bytes:
    """A span's attribute, as its field of the message."""
    known = _names.get(name)
    if known is None:
        known = _Name(name)
        if len(_names) < _NAMES_MAX:
            _names[name] = known
    return known.attribute(value)


def _key_value(name: str, value: bytes) -> bytes:
    """A KeyValue, for what is no attribute of a span."""
    return delimited(1, name.encode("utf-8", "replace")) + delimited(2, value)


def _link_head(kind: int) -> tuple[str, bytes]:
    """Hex digits of what stands before a link's ids, and bytes of what stands behind them."""
    known = delimited(4, _key_value("opencensus.link.type", integer(3, kind)))
    return (b"\x6a" + varint(28 + len(known))).hex(), known


_LINK_HEADS: Final = [_link_head(kind) for kind in range(3)]


def link(trace_id: str, span_id: str, kind: int) -> bytes:
    """A link, as its field of the message."""
    head, known = _LINK_HEADS[kind] if 0 <= kind < len(_LINK_HEADS) else _link_head(kind)
    return unhexlify(f"{head}{_TRACE_ID}{trace_id}{_SPAN_ID}{span_id}") + known


def ids(trace_id: str, span_id: str, parent_id: str) -> bytes:
    """A span's ids, as the fields of the message; its parent's may be empty."""
    parent = f"{_PARENT_ID}{parent_id}" if parent_id else ""
    return unhexlify(f"{_TRACE_ID}{trace_id}{_SPAN_ID}{span_id}{parent}")


def times(start: int, end: int) -> bytes:
    """Start and end, as the fields of the message."""
    return _TIMES(b"\x39", start, b"\x41", end if end > start else start)


def title(name: str, kind: int) -> bytes:
    """A span's name and kind, as the fields of the message."""
    cache = _titles[kind]
    found = cache.get(name)
    if found is None:
        found = delimited(5, name.encode("utf-8", "replace")) + integer(6, _KINDS[kind])
        cache.put(name, found)
    return found


def encode_span(span: Span) -> bytes:
    """A Span message."""
    parts = [
        ids(span.trace_id, span.span_id, span.parent_id),
        title(span.name, span.kind),
        times(span.start, span.end),
    ]
    for name, value in span.attributes.items():
        parts.append(attribute(name, value))
    if span.status:
        parts.append(attribute("status.code", span.status))
    for when, text, known in span.events:
        parts.append(_event(when, text, known))
    for trace_id, span_id, kind in span.links:
        parts.append(link(trace_id, span_id, kind))
    if span.status:
        message = span.message.encode("utf-8", "replace")
        parts.append(delimited(15, delimited(2, message) + integer(3, _ERROR)))
    return b"".join(parts)


def _event(when: int, text: str, known: Mapping[str, Any]) -> bytes:
    """Return an event, as its field of the message."""
    parts = [_EVENT_TIME(b"\x09", when), delimited(2, text.encode("utf-8", "replace"))]
    for name, value in known.items():
        parts.append(delimited(3, _key_value(name, _any_value(value))))
    return delimited(11, b"".join(parts))


def before(size: int) -> bytes:
    """Return the bytes before a Span message of so many bytes in the message that holds it."""
    return b"\x12" + varint(size)


def piece(span: Span) -> bytes:
    """A span as the field of the message that holds it: what `assemble` wants."""
    data = encode_span(span)
    return before(len(data)) + data


def assemble(pieces: Sequence[bytes], resource: Resource) -> Payload:
    """An ExportTraceServiceRequest with one resource."""
    whose = b"".join(
        delimited(1, _key_value(name, _any_value(value)))
        for name, value in resource.attributes().items()
    )
    size = sum(map(len, pieces))
    # Of the spans one copy is made: they are many.
    before_spans = delimited(1, _SCOPE)
    scope = key(2, 2) + varint(len(before_spans) + size)
    before_scope = delimited(1, whose) + scope + before_spans
    head = key(1, 2) + varint(len(before_scope) + size)
    return Payload((b"".join((head, before_scope, *pieces)),), _HEADERS)


def _any_value(value: Any) -> bytes:
    if value is True or value is False:
        return integer(2, value)
    if isinstance(value, float):
        return double(4, value)
    if isinstance(value, int) and -_INT64_END <= value < _INT64_END:
        return integer(3, value)
    return delimited(1, str(value).encode("utf-8", "replace"))


def encode(spans: Sequence[Span], resource: Resource) -> Payload:
    """`assemble` of spans."""
    return assemble([piece(span) for span in spans], resource)
