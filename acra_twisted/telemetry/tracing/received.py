"""Spans of other daemons, for the pages: what arrives is checked before anything is kept.

A connector hands its finished spans to its server over their own link, as OTLP requests; see
`wire.link.spanlink`.  It may have been taken over: its spans say nothing that only AcraServer
knows, such as a verdict, and do not pass for those of the server.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.resource.v1 import resource_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

from acra_twisted.errors import WireError
from acra_twisted.ratelimit import TokenBucket
from acra_twisted.telemetry.tracing.spans import (
    CLIENT,
    EVENTS_MAX,
    LINKS_MAX,
    NAME_MAX,
    ORIGIN,
    Span,
)
from acra_twisted.telemetry.tracing.vocabulary import ATTRIBUTES
from acra_twisted.wire.formats import otlprequest

#: Spans a second, of all connectors together.
RATE: Final = 5000.0
_SPANS_MAX: Final = 1000
#: Bytes of one: ours have a tenth of it.
_SPAN_MAX: Final = 1 << 16
_VALUE_MAX: Final = 4096
_ATTRIBUTES_MAX: Final = 33
# OTLP's numbers to ours: internal, server, client; others are internal.
_KINDS: Final = {2: 1, 3: 2}
_STATUS: Final = range(1, 17)
#: Attributes below ``acra.`` that a connector's spans have; all others are AcraServer's own word.
CONNECTORS: Final = (
    "acra.client_id",
    "acra.connection_id",
    "acra.direction",
    "acra.in_transaction",
    "acra.listener",
    "acra.mysql.infile_bytes",
    "acra.mysql.results",
    "acra.mysql.warnings",
    "acra.protocol",
    "acra.revocation.leg",
    "acra.revocation.result",
    "acra.slow",
    "acra.tag.KEY",
    "acra.time.client_read_ms",
    "acra.traceparent_conflict",
    "acra.traceparent_malformed",
    "acra.unread",
)
_CONNECTOR: Final = "acra-connector"
_OURS: Final = "acra."
#: Types of attributes that are described; the ends of names below _OURS that vary are not there.
_TYPES: Final[Mapping[str, type]] = {known.name: known.type for known in ATTRIBUTES}
_TAG: Final = "acra.tag."
_BY_CONNECTORS: Final = frozenset(CONNECTORS)


class ReceivedSpan(Span):
    """A finished span of another daemon, whose ``service`` it names."""

    __slots__ = ("service",)


def decode(blob: bytes, client_id: str, server: str = "") -> Iterator[ReceivedSpan | None]:
    """The spans of an ExportTraceServiceRequest; whose they are says the link, not the request.
    None is no span: it says that much was passed over, after which others may have their turn.
    ``server`` is the name of the service that this daemon is, which no connector is.

    Raises WireError if it is none.  What is too much or odd in it is left out.
    """
    found = 0
    last: bytes | None = None
    service = ""
    origin: dict[str, Any] = {}
    for part in otlprequest.parts(blob):
        if part is None or len(part.span) > _SPAN_MAX or found == _SPANS_MAX:
            yield None
            continue
        if part.resource is not last:
            last = part.resource
            service, origin = _origin(part.resource)
            if service == server:
                service = _CONNECTOR
        record = trace_pb2.Span()
        _parse(record, part.span)
        span = _span(record, service, {**origin, "acra.client_id": client_id})
        if span is not None:
            found += 1
        yield span


def _origin(data: bytes) -> tuple[str, dict[str, Any]]:
    """Return the name of the service that a resource is, and which one of its kind it is."""
    resource = resource_pb2.Resource()
    _parse(resource, data)
    attributes = _attributes(resource.attributes)
    service = str(attributes.get("service.name", _CONNECTOR))[:NAME_MAX]
    return service, {name: attributes[name] for name in ORIGIN if name in attributes}


def _parse(message: Any, data: bytes) -> None:
    try:
        message.ParseFromString(data)
    except DecodeError:
        raise WireError("connector", "not an OTLP request") from None


def _span(record: Any, service: str, origin: dict[str, Any]) -> ReceivedSpan | None:
    trace_id, span_id = record.trace_id, record.span_id
    if len(trace_id) != 16 or len(span_id) != 8 or not (any(trace_id) and any(span_id)):
        return None
    start, end = record.start_time_unix_nano, record.end_time_unix_nano
    if not 0 < start <= end < 1 << 63:
        return None
    parent = record.parent_span_id if len(record.parent_span_id) == 8 else b""
    kind = _KINDS.get(record.kind, 0)
    span = ReceivedSpan(record.name[:NAME_MAX], trace_id.hex(), parent.hex(), kind, start, True)
    span.span_id = span_id.hex()
    span.end = end
    span.service = service
    attributes = _told_of(record.attributes)
    status = attributes.pop("status.code", 0)
    if record.status.code == 2:
        span.status = status if type(status) is int and status in _STATUS else 2
        span.message = record.status.message[:_VALUE_MAX]
    span.attributes = {**attributes, **origin}
    for event in record.events[:EVENTS_MAX]:
        told = _told_of(event.attributes)
        # Whose an event is says its span.
        known = {name: value for name, value in told.items() if name not in origin}
        span.add_event((event.time_unix_nano, event.name[:NAME_MAX], known))
    for link in record.links[:LINKS_MAX]:
        if len(link.trace_id) == 16 and len(link.span_id) == 8:
            span.add_link(link.trace_id.hex(), link.span_id.hex())
    return span


def _attributes(pairs: Iterable[Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pair in islice(pairs, 2 * _ATTRIBUTES_MAX):
        which = pair.value.WhichOneof("value")
        if len(found) == _ATTRIBUTES_MAX or which is None or not pair.key:
            continue
        if which == "string_value":
            found[pair.key[:NAME_MAX]] = pair.value.string_value[:_VALUE_MAX]
        elif which in ("bool_value", "int_value"):
            found[pair.key[:NAME_MAX]] = getattr(pair.value, which)
        elif which == "double_value" and math.isfinite(pair.value.double_value):
            found[pair.key[:NAME_MAX]] = pair.value.double_value
    return found


def _told_of(pairs: Iterable[Any]) -> dict[str, Any]:
    """Return the attributes of a span or an event that a connector may say."""
    told = ((name, _told(name, value)) for name, value in _attributes(pairs).items())
    return {name: value for name, value in told if value is not None}


def _told(name: str, value: Any) -> Any:
    """Return what a connector says by an attribute of a span or an event; None if that is not for
    it to say, or of another type than what has this name."""
    if name.startswith(_OURS) and name not in _BY_CONNECTORS:
        return value if name.startswith(_TAG) and type(value) is str else None
    expected = _TYPES.get(name)
    if expected is None or type(value) is expected:
        return value
    return float(value) if expected is float and type(value) is int else None


class SpanReceiver:
    """Hands what connectors send to ``store``, which keeps it (``add_received``).  ``counts`` are
    for metrics.

    ``timed`` is called with the id and the nanoseconds of each span of a connector's request.
    ``server``: see `decode`.
    """

    def __init__(
        self,
        store: Any,
        clock: Callable[[], int],
        timed: Callable[[str, int], None] | None = None,
        server: str = "",
    ) -> None:
        self._store = store
        self._server = server
        self._timed = timed
        self._bucket = TokenBucket(RATE, clock)
        self.counts = {"kept": 0, "dropped_rate": 0}

    def take(self, blob: bytes, client_id: str) -> Iterator[None]:
        """One request, in steps of some ten microseconds.  Raises WireError."""
        for span in decode(blob, client_id, self._server):
            if span is not None:
                if self._bucket.take():
                    self._store.add_received(span)
                    if self._timed is not None and span.kind == CLIENT:
                        self._timed(span.span_id, span.end - span.start)
                    self.counts["kept"] += 1
                else:
                    self.counts["dropped_rate"] += 1
            yield None
