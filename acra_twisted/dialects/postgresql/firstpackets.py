"""The packets that a client sends before the protocol proper: a length, a code, and the rest.

Source: PostgreSQL documentation, "Message Formats": StartupMessage, SSLRequest, GSSENCRequest,
CancelRequest.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from acra_twisted.wire.framing import ChunkBuffer
from acra_twisted.wire.postgres import frames

#: The codes that ask for encryption.
ASKS_FOR_ENCRYPTION: Final = frozenset((frames.SSL_REQUEST, frames.GSSENC_REQUEST))
#: How a ClientHello begins, and no packet can.
_TLS_RECORD: Final = b"\x16"


class Packet(NamedTuple):
    """A whole packet: its code, and all its bytes."""

    code: int
    data: bytes


class Impossible(NamedTuple):
    """No packet: it announces ``length`` bytes."""

    length: int


class FirstPackets:
    """Splits a client's first bytes; sans-IO.  At most one packet is held, and no longer one than
    frames.STARTUP_LIMIT.  ``enough`` bytes decide whether a length is possible: 4 to 8."""

    def __init__(self, enough: int = 8) -> None:
        self._enough = enough
        self._buffer = ChunkBuffer()

    def __len__(self) -> int:
        return len(self._buffer)

    @property
    def begins_tls(self) -> bool:
        """True if a TLS record comes next."""
        return self._buffer.data.startswith(_TLS_RECORD, self._buffer.position)

    def feed(self, data: bytes) -> None:
        """More of the client's bytes."""
        self._buffer.feed(data)

    def next(self) -> Packet | Impossible | None:
        """Take the next packet; None if it is not whole."""
        buffer = self._buffer
        data, position = buffer.data, buffer.position
        size = len(data) - position
        if size < self._enough:
            buffer.wait_for(self._enough)
            return None
        length = int.from_bytes(data[position : position + 4], "big")
        if not 8 <= length <= frames.STARTUP_LIMIT:
            return Impossible(length)
        if size < length:
            buffer.wait_for(length)
            return None
        buffer.position = position + length
        packet = data[position : buffer.position]
        return Packet(frames.STARTUP_HEADER.unpack_from(packet)[1], packet)

    def rest(self) -> bytes:
        """Take everything that is left."""
        return self._buffer.drain()
