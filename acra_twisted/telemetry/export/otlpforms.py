"""OTLP spans of an exchange, all at once: a form for each shape, filled in with numbers and ids.

A sampled exchange costs a fifth of what it takes to make its spans and encode each of them
(docs/performance.rst).  A form is made of an exchange's spans and compared with what the general
way makes of them before it is used: where they differ, it is not.
"""

from __future__ import annotations

from binascii import unhexlify
from typing import Final

from acra_twisted.cache import GenerationCache
from acra_twisted.fast.byteswriter import BytesWriter, write_f64_le, write_i64_le
from acra_twisted.telemetry.export import otlp
from acra_twisted.telemetry.tracing.recorded import (
    FIRST_BYTE,
    JUDGED,
    LINK,
    PARENT,
    RETURNED_ROWS,
    SENT,
    WAITED,
    Recorded,
)
from acra_twisted.telemetry.tracing.spans import Span

#: Attributes that differ from one exchange to the next, and bytes of their values.
_VARYING: Final = {
    "db.response.returned_rows": 1,
    "acra.time.parse_ms": 8,
    "acra.time.database_ms": 8,
    "acra.time.proxy_ms": 8,
    "acra.time.first_byte_ms": 8,
    "acra.time.waiting_ms": 8,
}
# Not looked up in the module for each id.
_unhexlify: Final = unhexlify
#: Links to connections; twice as many are kept at most.
_links: Final[GenerationCache[str, tuple[str, int, bytes]]] = GenerationCache(1024, 4096)
#: The largest number that takes one byte.
_ROWS_MAX: Final = 127

# What stands before trace_id (1), span_id (2), parent_span_id (4), as hex digits as they are, and
# before the times (7 and 8).
_TRACE_ID: Final = "0a10"
_SPAN_ID: Final = "1208"
_PARENT_ID: Final = "2208"
#: Bytes before a span's own id.
_HEAD_SIZE: Final = 20
_START: Final = 0x39
_END: Final = 0x41


def pieces(recorded: Recorded) -> bytes | None:
    """Return `otlp.piece` of all its spans, joined; None if there is no form for it."""
    if recorded.rows > _ROWS_MAX:
        return None
    form: _Form | None = recorded.shape.form
    if form is None:
        form = recorded.shape.form = _Form(recorded)
    return form.fill(recorded) if form.fits else None


class _Form:
    """``fits``: what comes out of it is what comes out of the general way."""

    __slots__ = ("fits", "_between")

    def __init__(self, recorded: Recorded) -> None:
        made = recorded.spans()
        #: The bytes before each filled-in value, and after the last.
        self._between: list[bytes] = [b""]
        for span in made:
            first, *rest = _of_span(span)
            self._between[-1] += first
            self._between += rest
        self.fits: bool = self.fill(recorded) == b"".join([otlp.piece(span) for span in made])

    def fill(self, recorded: Recorded) -> bytes:
        """The spans of an exchange of the shape."""
        # In the order in which they stand there.
        span, times, flags = recorded.span, recorded.times, recorded.shape.flags
        between = self._between
        # What stands before each span's own id, and behind the ids of those below this one.
        both = _unhexlify(f"{_TRACE_ID}{span.trace_id}{_SPAN_ID}{_PARENT_ID}{span.span_id}")
        head, tail = both[:_HEAD_SIZE], both[_HEAD_SIZE:]
        ids, end = recorded.ids, span.end
        writer = BytesWriter()
        id_at = at = 0
        for index in range(0, len(times), 2):
            writer.write(between[at])
            writer.write(head)
            writer.write(ids[id_at : id_at + 8])
            writer.write(tail)
            writer.write(between[at + 1])
            _write_times(writer, times[index], times[index + 1])
            id_at += 8
            at += 2
        if flags & SENT:
            writer.write(between[at])
            writer.write(head)
            writer.write(ids[id_at:])
            writer.write(tail)
            writer.write(between[at + 1])
            _write_times(writer, recorded.sent, end)
            at += 2
            if flags & FIRST_BYTE:
                writer.write(between[at])
                write_f64_le(writer, recorded.first_byte_ms)
                at += 1
            if flags & WAITED:
                writer.write(between[at])
                write_f64_le(writer, recorded.waiting_ms)
                at += 1
        writer.write(between[at])
        writer.write(head)
        writer.write(tail[2:])
        if flags & PARENT:
            writer.write(_unhexlify(f"{_PARENT_ID}{span.parent_id}"))
        writer.write(between[at + 1])
        _write_times(writer, span.start, end)
        at += 2
        if flags & RETURNED_ROWS:
            writer.write(between[at])
            writer.append(recorded.rows)
            at += 1
        if flags & JUDGED:
            writer.write(between[at])
            write_f64_le(writer, recorded.parse_ms)
            at += 1
        if recorded.shape.server is not None:
            writer.write(between[at])
            write_f64_le(writer, recorded.database_ms)
            writer.write(between[at + 1])
            write_f64_le(writer, recorded.proxy_ms)
            at += 2
        if flags & LINK:
            writer.write(between[at])
            writer.write(_link(span.links[0]))
            at += 1
        writer.write(between[at])
        return writer.getvalue()


def _link(link: tuple[str, str, int]) -> bytes:
    """Return a link as `otlp.link` makes it: all exchanges of a connection have the same."""
    trace_id, span_id, kind = link
    # By one text: its hash is kept, that of the three of them would be made each time.
    known = _links.get(span_id)
    if known is None or known[0] != trace_id or known[1] != kind:
        known = (trace_id, kind, otlp.link(trace_id, span_id, kind))
        _links.put(span_id, known)
    return known[2]


def _write_times(writer: BytesWriter, start: int, end: int) -> None:
    """As `otlp.times` makes them."""
    writer.append(_START)
    write_i64_le(writer, start)
    writer.append(_END)
    write_i64_le(writer, end if end > start else start)


def _of_span(span: Span) -> list[bytes]:
    """Return `otlp.piece` of a span, cut at its varying parts, and without them."""
    parts = [otlp.before(len(otlp.encode_span(span))), otlp.title(span.name, span.kind), b""]
    for name, value in span.attributes.items():
        written, size = otlp.attribute(name, value), _VARYING.get(name, 0)
        parts[-1] += written[: len(written) - size]
        if size:
            parts.append(b"")
    return parts + [b""] * len(span.links)
