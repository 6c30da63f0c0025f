"""Spans to Jaeger's own thrift: to the agent by UDP (compact), to the collector by HTTP (binary).

Source: Jaeger's ``jaeger.thrift`` and ``agent.thrift``; what of it means what, as Acra has it:
acra-observability reference, section 2.2.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any

from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.protocol.TCompactProtocol import TCompactProtocol
from thrift.Thrift import TMessageType, TType
from thrift.transport.TTransport import TMemoryBuffer

from acra_twisted.telemetry.batching import Payload
from acra_twisted.telemetry.spans import CLIENT, INTERNAL, SERVER, Span

#: What an agent takes in one datagram.
DATAGRAM_LIMIT = 65_000
_HEADERS = {"content-type": "application/x-thrift"}
_KINDS = {INTERNAL: "internal", SERVER: "server", CLIENT: "client"}
_PREFIXES = {SERVER: "Recv.", CLIENT: "Sent."}
_SAMPLED = 1
_CHILD_OF, _FOLLOWS_FROM = 0, 1
# Tag: key 1, type 2, string 3, double 4, bool 5, long 6.
_STRING, _DOUBLE, _BOOL, _LONG = 0, 1, 2, 3


def collector(acra_names: bool) -> Callable[[Sequence[Span], str], Payload]:
    """Encoder for ``POST /api/traces``: one Batch, binary protocol.

    ``acra_names``: names begin with ``Sent.`` or ``Recv.``, and a link is a CHILD_OF, as in Acra.
    """

    def encode(spans: Sequence[Span], service: str) -> Payload:
        buffer = TMemoryBuffer()
        _Writer(TBinaryProtocol(buffer), acra_names).batch(spans, service)
        return Payload((buffer.getvalue(),), _HEADERS)

    return encode


def agent(acra_names: bool) -> Callable[[Sequence[Span], str], Payload]:
    """Encoder for datagrams: ``emitBatch`` messages, compact protocol, none over the limit."""

    def datagrams(spans: Sequence[Span], service: str) -> Payload:
        buffer = TMemoryBuffer()
        protocol = TCompactProtocol(buffer)
        protocol.writeMessageBegin("emitBatch", TMessageType.ONEWAY, 1)
        protocol.writeStructBegin("emitBatch_args")
        protocol.writeFieldBegin("batch", TType.STRUCT, 1)
        _Writer(protocol, acra_names).batch(spans, service)
        protocol.writeFieldEnd()
        protocol.writeFieldStop()
        protocol.writeStructEnd()
        protocol.writeMessageEnd()
        found = buffer.getvalue()
        if len(found) <= DATAGRAM_LIMIT:
            return Payload((found,))
        if len(spans) == 1:
            return Payload((), skipped=1)
        half = len(spans) // 2
        first, second = datagrams(spans[:half], service), datagrams(spans[half:], service)
        return Payload((*first.parts, *second.parts), skipped=first.skipped + second.skipped)

    return datagrams


def _signed(digits: str) -> int:
    """16 hex digits as thrift's i64."""
    return int(struct.unpack(">q", bytes.fromhex(digits.rjust(16, "0")))[0])


class _Writer:
    """Writes jaeger.thrift's structs."""

    def __init__(self, protocol: Any, acra_names: bool) -> None:
        self._out = protocol
        self._acra_names = acra_names

    def _field(self, number: int, kind: int, write: Callable[[Any], Any], value: Any) -> None:
        self._out.writeFieldBegin("", kind, number)
        write(value)
        self._out.writeFieldEnd()

    def _structs(self, number: int, write: Callable[[Any], None], items: Sequence[Any]) -> None:
        self._out.writeFieldBegin("", TType.LIST, number)
        self._out.writeListBegin(TType.STRUCT, len(items))
        for item in items:
            self._out.writeStructBegin("")
            write(item)
            self._end()
        self._out.writeListEnd()
        self._out.writeFieldEnd()

    def _end(self) -> None:
        self._out.writeFieldStop()
        self._out.writeStructEnd()

    def batch(self, spans: Sequence[Span], service: str) -> None:
        """Batch: process 1, spans 2."""
        out = self._out
        out.writeStructBegin("Batch")
        out.writeFieldBegin("process", TType.STRUCT, 1)
        out.writeStructBegin("Process")
        self._field(1, TType.STRING, out.writeString, service)
        self._end()
        out.writeFieldEnd()
        self._structs(2, self._span, spans)
        self._end()

    def _span(self, span: Span) -> None:
        out = self._out
        prefix = _PREFIXES.get(span.kind, "") if self._acra_names else ""
        for number, value in (
            (1, _signed(span.trace_id[16:])),
            (2, _signed(span.trace_id[:16])),
            (3, _signed(span.span_id)),
            (4, _signed(span.parent_id)),
        ):
            self._field(number, TType.I64, out.writeI64, value)
        self._field(5, TType.STRING, out.writeString, prefix + span.name)
        if span.links:
            self._structs(6, self._reference, span.links)
        self._field(7, TType.I32, out.writeI32, _SAMPLED)
        self._field(8, TType.I64, out.writeI64, span.start // 1000)
        self._field(9, TType.I64, out.writeI64, max((span.end - span.start) // 1000, 0))
        self._structs(10, self._tag, list(self._tags(span).items()))

    def _reference(self, link: tuple[str, str, int]) -> None:
        trace_id, span_id, _ = link
        kind = _CHILD_OF if self._acra_names else _FOLLOWS_FROM
        self._field(1, TType.I32, self._out.writeI32, kind)
        for number, digits in ((2, trace_id[16:]), (3, trace_id[:16]), (4, span_id)):
            self._field(number, TType.I64, self._out.writeI64, _signed(digits))

    def _tags(self, span: Span) -> dict[str, Any]:
        tags = {**span.attributes, "status.code": span.status, "status.message": span.message}
        if not self._acra_names:
            tags["span.kind"] = _KINDS[span.kind]
        if span.status:
            tags["error"] = True
        return tags

    def _tag(self, item: tuple[str, Any]) -> None:
        key, value = item
        out = self._out
        self._field(1, TType.STRING, out.writeString, key)
        if value is True or value is False:
            kind, number, written, write = _BOOL, 5, TType.BOOL, out.writeBool
        elif isinstance(value, int):
            kind, number, written, write = _LONG, 6, TType.I64, out.writeI64
        elif isinstance(value, float):
            kind, number, written, write = _DOUBLE, 4, TType.DOUBLE, out.writeDouble
        else:
            value = str(value)
            kind, number, written, write = _STRING, 3, TType.STRING, out.writeString
        self._field(2, TType.I32, out.writeI32, kind)
        self._field(number, written, write, value)
