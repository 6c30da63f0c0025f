"""Spans to Jaeger's own thrift: to the agent by UDP (compact), to the collector by HTTP (binary).

Source: Jaeger's ``jaeger.thrift`` and ``agent.thrift``; what of it means what, as Acra has it:
acra-observability reference, section 2.2.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

from acra_twisted.telemetry.export.queue import Payload
from acra_twisted.telemetry.export.resource import Resource
from acra_twisted.telemetry.tracing.spans import CLIENT, INTERNAL, SERVER, Event, Span
from acra_twisted.wire.formats import thrift
from acra_twisted.wire.formats.thrift import BOOL, DOUBLE, I32, I64, LIST, STRING, STRUCT

#: Limit of an agent's datagram.
DATAGRAM_LIMIT = 65_000
_HEADERS = {"content-type": "application/x-thrift"}
_KINDS = {INTERNAL: "internal", SERVER: "server", CLIENT: "client"}
_PREFIXES = {SERVER: "Recv.", CLIENT: "Sent."}
_SAMPLED = 1
_CHILD_OF, _FOLLOWS_FROM = 0, 1
# Tag: key 1, type 2, and the value in the field of its type.
_TEXT, _NUMBER, _TRUTH, _WHOLE = range(4)

Struct = Callable[[Iterable[thrift.Field]], bytes]


def collector(acra_names: bool) -> Callable[[Sequence[Span], Resource], Payload]:
    """Encoder for ``POST /api/traces``: one Batch, binary protocol.

    ``acra_names``: names begin with ``Sent.`` or ``Recv.``, and a link is a CHILD_OF, as in Acra.
    """

    def encode(spans: Sequence[Span], resource: Resource) -> Payload:
        return Payload((_batch(thrift.binary, spans, resource, acra_names),), _HEADERS)

    return encode


def agent(acra_names: bool) -> Callable[[Sequence[Span], Resource], Payload]:
    """Encoder for datagrams: ``emitBatch`` messages, compact protocol, none over the limit."""

    def datagrams(spans: Sequence[Span], resource: Resource) -> Payload:
        batch = _batch(thrift.compact, spans, resource, acra_names)
        arguments = thrift.compact([(1, STRUCT, batch)])
        found = thrift.compact_message("emitBatch", 1, arguments)
        if len(found) <= DATAGRAM_LIMIT:
            return Payload((found,))
        if len(spans) == 1:
            return Payload((), skipped=1)
        half = len(spans) // 2
        first, second = datagrams(spans[:half], resource), datagrams(spans[half:], resource)
        return Payload((*first.parts, *second.parts), skipped=first.skipped + second.skipped)

    return datagrams


def _batch(write: Struct, spans: Sequence[Span], resource: Resource, acra_names: bool) -> bytes:
    """Batch: process 1, spans 2.  Acra's process has no tags."""
    whose: list[thrift.Field] = [(1, STRING, resource.service)]
    if not acra_names:
        known = resource.attributes()
        del known["service.name"]
        whose.append((2, LIST, [_tag(write, key, value) for key, value in known.items()]))
    process = write(whose)
    written = [_span(write, span, acra_names) for span in spans]
    return write([(1, STRUCT, process), (2, LIST, written)])


def _span(write: Struct, span: Span, acra_names: bool) -> bytes:
    prefix = _PREFIXES.get(span.kind, "") if acra_names else ""
    high, low = _ids(span.trace_id)
    fields: list[thrift.Field] = [
        (1, I64, low),
        (2, I64, high),
        (3, I64, _id(span.span_id)),
        (4, I64, _id(span.parent_id)),
        (5, STRING, prefix + span.name),
    ]
    if span.links:
        kind = _CHILD_OF if acra_names else _FOLLOWS_FROM
        fields.append((6, LIST, [_reference(write, kind, link) for link in span.links]))
    known: dict[str, Any] = {
        **span.attributes,
        "status.code": span.status,
        "status.message": span.message,
    }
    if not acra_names:
        known["span.kind"] = _KINDS[span.kind]
    if span.status:
        known["error"] = True
    tags = [_tag(write, key, value) for key, value in known.items()]
    fields += (
        (7, I32, _SAMPLED),
        (8, I64, span.start // 1000),
        (9, I64, max((span.end - span.start) // 1000, 0)),
        (10, LIST, tags),
    )
    if span.events:
        fields.append((11, LIST, [_log(write, event) for event in span.events]))
    return write(fields)


def _reference(write: Struct, kind: int, link: tuple[str, str, int]) -> bytes:
    trace_id, span_id, _ = link
    high, low = _ids(trace_id)
    return write([(1, I32, kind), (2, I64, low), (3, I64, high), (4, I64, _id(span_id))])


def _log(write: Struct, event: Event) -> bytes:
    when, text, known = event
    tags = [_tag(write, key, value) for key, value in {"event": text, **known}.items()]
    return write([(1, I64, when // 1000), (2, LIST, tags)])


def _tag(write: Struct, key: str, value: Any) -> bytes:
    if value is True or value is False:
        return write([(1, STRING, key), (2, I32, _TRUTH), (5, BOOL, value)])
    if isinstance(value, int):
        return write([(1, STRING, key), (2, I32, _WHOLE), (6, I64, value)])
    if isinstance(value, float):
        return write([(1, STRING, key), (2, I32, _NUMBER), (4, DOUBLE, value)])
    return _text(write, key, str(value))


# Most texts are the same over and over: stages, verdicts, names of databases.
@lru_cache(maxsize=4096)
def _text(write: Struct, key: str, value: str) -> bytes:
    return write([(1, STRING, key), (2, I32, _TEXT), (3, STRING, value)])


def _ids(trace_id: str) -> tuple[int, int]:
    """The high and the low half of a trace id, as thrift's i64."""
    high, low = struct.unpack(">qq", bytes.fromhex(trace_id))
    return high, low


def _id(digits: str) -> int:
    """16 hex digits as thrift's i64; 0 for none."""
    return int(struct.unpack(">q", bytes.fromhex(digits))[0]) if digits else 0
