"""The protocol in which a connector hands its spans to its server, on a link of their own.

After the first bytes of a link that offer spans, see `IServerDialect`, the server answers ``S`` (or
``N`` and closes); then each block, a length and an OTLP request as `wire.link.lengthprefix` frames
it, is answered with ``K`` once it is kept.
"""

from __future__ import annotations

from acra_twisted.wire.framing import ChunkBuffer
from acra_twisted.wire.link import lengthprefix

#: Bytes of one request.
LIMIT = 1 << 20
ACCEPTED, DECLINED, KEPT = b"S", b"N", b"K"


class SpanIntake:
    """The server's side, sans-IO: bytes in, requests out, each of which is to be answered."""

    def __init__(self) -> None:
        self._buffer = ChunkBuffer()

    def feed(self, data: bytes) -> list[bytes]:
        """The requests that are whole now.  Raises WireError."""
        buffer = self._buffer
        buffer.feed(data)
        found: list[bytes] = []
        while True:
            block = lengthprefix.decode_at(buffer.data, buffer.position, LIMIT)
            if block is None:
                buffer.wait_for(lengthprefix.wanted(buffer.data, buffer.position))
                return found
            blob, buffer.position = block
            found.append(blob)
