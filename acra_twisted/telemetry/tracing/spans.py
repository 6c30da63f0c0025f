"""The record of one span: slotted and cheap, converted when it is exported.

Making, filling and finishing one costs about 1 us (OpenCensus' own Span: 14 us).  Ids are hex
text, times nanoseconds since the epoch.  Attributes are str, int, float or bool; never SQL
literals, never data.  A span's context (``trace_id``, ``parent_id``) may be changed until it is
exported: that is how a transport handshake joins the trace that arrives after it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Final

from acra_twisted.wire.link.tracecontext import TraceContext

INTERNAL: Final = 0
SERVER: Final = 1
CLIENT: Final = 2
#: Attributes of a resource that say which of several daemons it is, and where.
ORIGIN: Final = ("service.instance.id", "host.name", "cloud.availability_zone")
#: OpenCensus link types.
LINK_UNSPECIFIED: Final = 0
LINK_PARENT: Final = 2
#: google.rpc codes that we set.
OK: Final = 0
UNKNOWN: Final = 2
PERMISSION_DENIED: Final = 7
ABORTED: Final = 10
UNAVAILABLE: Final = 14
UNAUTHENTICATED: Final = 16

#: Characters of a name, and of a text, that others than this package give.
NAME_MAX: Final = 255
TEXT_MAX: Final = 256
_ATTRIBUTES_MAX: Final = 32
#: Links and events of a span at most.
LINKS_MAX: Final = 32
EVENTS_MAX: Final = 32


class _Ids:
    """Cut from a long random text, for asking the system for each would be a call per span."""

    __slots__ = ("_digits", "_zeros", "_text", "_at")

    def __init__(self, digits: int) -> None:
        self._digits = digits
        self._zeros = "0" * digits
        self.forget()

    def forget(self) -> None:
        """Drop what is left."""
        self._text = ""
        self._at = 0

    def take(self) -> str:
        """Return one that is not all zero."""
        at = self._at
        end = at + self._digits
        if end > len(self._text):
            self._text = self._random()
            at, end = 0, end - at
        self._at = end
        return self._text[at:end]

    def _random(self) -> str:
        # So many zeros in a row come once in 2**52 texts; where they begin does not matter.
        text = os.urandom(self._digits * 128).hex()
        return text if self._zeros not in text else self._random()


class _RawIds:
    """Span ids as bytes, cut from many random ones."""

    __slots__ = ("_data", "_at")

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Drop what is left."""
        self._data = b""
        self._at = 0

    def take(self, count: int) -> bytes:
        """Return so many, one behind the other, none of which is all zero."""
        at = self._at
        end = at + 8 * count
        if end > len(self._data):
            self._data = self._random(max(8 * count, 2048))
            at, end = 0, end - at
        self._at = end
        return self._data[at:end]

    def _random(self, size: int) -> bytes:
        data = os.urandom(size)
        return data if b"\0\0\0\0\0\0\0\0" not in data else self._random(size)


_trace_ids: Final = _Ids(32)
_span_ids: Final = _Ids(16)
_raw_span_ids: Final = _RawIds()


def new_trace_id() -> str:
    """16 random bytes as hex, not all zero."""
    return _trace_ids.take()


def new_span_id() -> str:
    """8 random bytes as hex, not all zero."""
    return _span_ids.take()


def new_span_ids(count: int) -> bytes:
    """Return so many of them, 8 bytes each."""
    return _raw_span_ids.take(count)


def _begin_ids() -> None:
    """After a fork: else both processes would go on with the same ones."""
    _trace_ids.forget()
    _span_ids.forget()
    _raw_span_ids.forget()


os.register_at_fork(after_in_child=_begin_ids)


#: An event within a span: nanoseconds since the epoch, a name, attributes.
Event = tuple[int, str, dict[str, Any]]
#: The name of an event that is OpenCensus's MessageEvent, and its attributes.
MESSAGE: Final = "message"
MESSAGE_TYPE: Final = "message.type"
MESSAGE_ID: Final = "message.id"
MESSAGE_SIZE: Final = "message.uncompressed_size"
MESSAGE_COMPRESSED: Final = "message.compressed_size"
#: OpenCensus's types of a MessageEvent, by number.
MESSAGE_TYPES: Final = ("UNSPECIFIED", "SENT", "RECEIVED")


class Span:
    """One operation.  Exporters receive ``sampled`` spans, and spans that are ``kept`` without
    being sampled: those of a connection with an exchange that had to be reported.
    ``has_children``: a span below it was made here."""

    __slots__ = (
        "name",
        "trace_id",
        "span_id",
        "parent_id",
        "kind",
        "start",
        "end",
        "attributes",
        "links",
        "events",
        "status",
        "message",
        "sampled",
        "kept",
        "remote_parent",
        "has_children",
    )
    #: Its daemon, if it is another one.
    service = ""

    def __init__(
        self,
        name: str,
        trace_id: str,
        parent_id: str,
        kind: int,
        start: int,
        sampled: bool,
        remote_parent: bool = False,
        attributes: dict[str, Any] | None = None,
    ) -> None:
        self.name = name
        self.trace_id = trace_id
        self.span_id = new_span_id()
        self.parent_id = parent_id
        self.kind = kind
        self.start = start
        self.end = 0
        self.attributes: dict[str, Any] = {} if attributes is None else attributes
        self.links: Sequence[tuple[str, str, int]] = ()
        self.events: Sequence[Event] = ()
        self.status = OK
        self.message = ""
        self.sampled = sampled
        self.kept = False
        self.remote_parent = remote_parent
        self.has_children = False

    def child(self, name: str, kind: int, start: int) -> Span:
        """A span below this one.  The parent keeps no reference to it."""
        self.has_children = True
        return Span(name, self.trace_id, self.span_id, kind, start, self.sampled)

    def add_attribute(self, key: str, value: str | int | float | bool) -> None:
        """At most 32; what comes later is left out."""
        if len(self.attributes) < _ATTRIBUTES_MAX:
            self.attributes[key] = value

    def add_link(self, trace_id: str, span_id: str, kind: int = LINK_UNSPECIFIED) -> None:
        """At most 32; what comes later is left out."""
        if len(self.links) < LINKS_MAX:
            self.links = (*self.links, (trace_id, span_id, kind))

    def add_event(self, event: Event) -> None:
        """At most 32; what comes later is left out."""
        if len(self.events) < EVENTS_MAX:
            self.events = (*self.events, event)

    def fail(self, status: int, message: str) -> None:
        """Set an error status; the first one holds."""
        if not self.status:
            self.status, self.message = status, message

    @property
    def context(self) -> TraceContext:
        """Return the context, which crosses links and appears in log lines."""
        return TraceContext(self.trace_id, self.span_id, self.sampled)


def bounded(value: Any) -> Any:
    """Return a value of an attribute, or a text, cut to what others than this package may give."""
    return value[:TEXT_MAX] if isinstance(value, str) else value


def message_event(when: int, event: Any) -> Event:
    """Return OpenCensus's MessageEvent as an event, without the parts that it lacks."""
    known: dict[str, Any] = {MESSAGE_TYPE: MESSAGE_TYPES[event.type or 0]}
    for name, value in (
        (MESSAGE_ID, event.id),
        (MESSAGE_SIZE, event.uncompressed_size_bytes),
        (MESSAGE_COMPRESSED, event.compressed_size_bytes),
    ):
        if value is not None:
            known[name] = value
    return when, MESSAGE, known


def iso_time(nanoseconds: int) -> str:
    """UTC with microseconds, as OpenCensus writes it."""
    from datetime import UTC, datetime

    moment = datetime.fromtimestamp(nanoseconds // 1_000_000_000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{nanoseconds // 1000 % 1_000_000:06d}Z"
