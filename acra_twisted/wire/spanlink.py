"""The protocol in which a connector hands its spans to its server, on a link of their own.

After the packet `frames.SPANS_OFFERED` the server answers ``S`` (or ``N`` and closes); then each
block, a length and an OTLP request as `wire.lengthprefix` frames it, is answered with ``K`` once
it is kept.
"""

from __future__ import annotations

from collections.abc import Callable

from acra_twisted.wire import lengthprefix
from acra_twisted.wire.framing import ChunkBuffer

#: Bytes of one request.
LIMIT = 1 << 20
ACCEPTED, DECLINED, KEPT = b"S", b"N", b"K"


class SpanIntake:
    """The server's side, sans-IO: ``take`` is given each request."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take = take
        self._buffer = ChunkBuffer()

    def feed(self, data: bytes) -> bytes:
        """Bytes to answer.  Raises WireError."""
        buffer = self._buffer
        buffer.feed(data)
        answer = b""
        while True:
            block = lengthprefix.decode_at(buffer.data, buffer.position, LIMIT)
            if block is None:
                buffer.wait_for(lengthprefix.wanted(buffer.data, buffer.position))
                return answer
            blob, buffer.position = block
            self._take(blob)
            answer += KEPT
