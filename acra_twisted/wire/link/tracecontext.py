"""Trace context as bytes: OpenCensus binary format, its frame on Acra's link, and traceparent.

Source: acra-wire reference, section 2; W3C Trace Context, section 3.2.  The decoders are as
tolerant as the original about length and strict about ids: anything else than two non-zero ids
is "no context", never an error.
"""

from __future__ import annotations

import re
from typing import Any, Final

from acra_twisted.fast.compiled import COMPILED
from acra_twisted.wire.link import lengthprefix

if COMPILED:
    from acra_twisted.fast._scan import traceparent  # type: ignore[import-not-found]  # in C

_traceparent: Final[Any] = traceparent if COMPILED else None

#: Larger announced blocks are not a trace context (the real one is 29 bytes).
LIMIT: Final = 1024
#: A connector of ours says so behind the context, in a field that Acra's decoder (like every one
#: of this format) leaves unread.  The bits of its value: the sampled bit of the context is a
#: decision (of Acra's connectors it is always set); the database protocol is followed, so that a
#: server of ours may make itself known in it; the link is not for a session: spans come on it; and
#: the application waits for a greeting, which a server before another database never sends.
DECIDES: Final = 1
FOLLOWS: Final = 2
OFFERS: Final = 4
AWAITS: Final = 8

#: Bytes of a traceparent of version 00.
PLAIN: Final = 55
_MARK_FIELD: Final = 0x7F
_DASH: Final = 0x2D
_HEX: Final = b"0123456789abcdef"
_ODD: Final = b"13579bdf"
_NO_TRACE: Final = "0" * 32
_NO_SPAN: Final = "0" * 16
_TRACEPARENT: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")


class TraceOptions:
    """The sampled bit, with the interface of OpenCensus's TraceOptions.  Not to be changed."""

    __slots__ = ("enabled", "trace_options_byte")

    def __init__(self, enabled: bool) -> None:
        self.enabled = enabled
        self.trace_options_byte = "1" if enabled else "0"

    def get_enabled(self) -> bool:
        """Return whether the trace is sampled."""
        return self.enabled


_SAMPLED: Final = TraceOptions(True)
_NOT_SAMPLED: Final = TraceOptions(False)


class TraceContext:
    """A span's address: 32 and 16 lower-case hex digits, and whether its trace is sampled.

    It has the attributes of OpenCensus's SpanContext: its propagators and samplers take it.
    ``state`` is what others put into a tracestate: handed on as it came, never read.  ``decides``:
    ``sampled`` is a decision; where it is not, whoever goes on decides.  Not to be changed.  (A
    NamedTuple takes ten times as long to make where this is compiled, and every request needs one.)
    """

    __slots__ = ("trace_id", "span_id", "sampled", "state", "decides")

    def __init__(
        self,
        trace_id: str,
        span_id: str,
        sampled: bool,
        state: str = "",
        decides: bool = True,
    ) -> None:
        self.decides = decides
        self.trace_id = trace_id
        self.span_id = span_id
        self.sampled = sampled
        self.state = state

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, TraceContext)
            and self.trace_id == other.trace_id
            and self.span_id == other.span_id
            and self.sampled == other.sampled
            and self.state == other.state
        )

    def __hash__(self) -> int:
        return hash((self.trace_id, self.span_id, self.sampled, self.state))

    def __repr__(self) -> str:
        return f"TraceContext({self.traceparent()!r})"

    @property
    def trace_options(self) -> TraceOptions:
        """The sampled bit, as OpenCensus's SpanContext has it."""
        return _SAMPLED if self.sampled else _NOT_SAMPLED

    @property
    def tracestate(self) -> dict[str, str] | None:
        """The entries of the state, as OpenCensus's SpanContext has them; None without one."""
        found: dict[str, str] = {}
        for entry in self.state.split(","):
            key, equals, value = entry.strip(" \t").partition("=")
            if equals:
                found[key] = value
        return found or None

    def with_state(self, state: str) -> TraceContext:
        """The same with a tracestate."""
        return TraceContext(self.trace_id, self.span_id, self.sampled, state, self.decides)

    def traceparent(self) -> str:
        """The W3C header value, version 00."""
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"


def encode(context: TraceContext, mark: int = 0, startup: str = "") -> bytes:
    """Encode for the link: length prefix and OpenCensus binary context, 33 bytes, and ten more
    with a ``mark`` and the id of the span that it gives the session's startup."""
    blob = b"\0\0%b\1%b\2%c" % (
        bytes.fromhex(context.trace_id),
        bytes.fromhex(context.span_id),
        context.sampled,
    )
    if mark:
        blob += b"%c%c%b" % (_MARK_FIELD, mark, bytes.fromhex(startup))
    return lengthprefix.encode(blob)


def encode_offer(mark: int = 0) -> bytes:
    """Encode what a link begins with on which a connector offers spans: no context, and a mark, to
    which ``mark`` is added."""
    return encode(TraceContext(_NO_TRACE, _NO_SPAN, False), OFFERS | mark)


def decode(blob: bytes) -> TraceContext | None:
    """Read a binary context without its length prefix; trailing bytes are ignored."""
    if len(blob) < 27 or blob[0] or blob[1] or blob[18] != 1:
        return None
    trace_id, span_id = blob[2:18], blob[19:27]
    if not any(trace_id) or not any(span_id):
        return None
    options = blob[28] if len(blob) >= 29 and blob[27] == 2 else 0
    return TraceContext(trace_id.hex(), span_id.hex(), bool(options & 1))


def mark_of(blob: bytes) -> int:
    """Return the sender's mark behind a whole context; 0 for Acra's connectors."""
    if len(blob) < 31 or blob[27] != 2 or blob[29] != _MARK_FIELD:
        return 0
    return blob[30]


def startup_of(blob: bytes) -> str:
    """The id of the span of the session's startup behind the mark; empty if there is none."""
    span_id = blob[31:39].hex()
    return span_id if mark_of(blob) and len(span_id) == 16 and span_id != _NO_SPAN else ""


def parse_traceparent(value: str) -> TraceContext | None:
    """Read a traceparent; None unless well-formed (a later version may have more fields)."""
    match = _TRACEPARENT.fullmatch(value)
    if match is None or match[1] == "ff" or (match[1] == "00" and match[5]):
        return None
    if not match[2].strip("0") or not match[3].strip("0"):
        return None
    return TraceContext(match[2], match[3], bool(int(match[4], 16) & 1))


def plain_at(data: bytes, start: int) -> TraceContext | None:
    """Read a traceparent of version 00, as nearly all are, from the `PLAIN` bytes at ``start``.

    None if there are fewer, or they are none.  Where compiled a module in C does it.
    """
    if COMPILED:
        found = _traceparent(data, start)
        return None if found is None else TraceContext(found[0], found[1], found[2])
    return plain_by_python(data, start)


def plain_by_python(data: bytes, start: int) -> TraceContext | None:
    """See `plain_at`.  A fifth of what `parse_traceparent` takes."""
    value = data[start : start + PLAIN]
    if len(value) != PLAIN or value[:3] != b"00-" or value[35] != _DASH or value[52] != _DASH:
        return None
    # All the rest is digits if nothing but the three dashes is left of it.
    if value.translate(None, _HEX) != b"---":
        return None
    trace_id, span_id = value[3:35].decode("ascii"), value[36:52].decode("ascii")
    if trace_id == _NO_TRACE or span_id == _NO_SPAN:
        return None
    return TraceContext(trace_id, span_id, value[54] in _ODD)


def looks_framed(head: bytes) -> bool:
    """Tell whether a stream that starts with these 4 bytes starts with a framed context.

    A PostgreSQL startup packet starts with a big-endian length of at most 10,000, so its first
    two bytes are zero and its length is not; a TLS record starts with 0x16 0x03.  A framed
    context starts with a little-endian length of at most `LIMIT`: its last two bytes are zero.
    The only text in common is four zeros, which PostgreSQL forbids and which is an empty context.
    """
    return head[2:4] == b"\0\0" and int.from_bytes(head, "little") <= LIMIT
