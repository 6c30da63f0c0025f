"""The packets of a login on its two legs, each with numbers of its own."""

from __future__ import annotations

from typing import Final

from acra_twisted.errors import WireError
from acra_twisted.loginactions import Write
from acra_twisted.wire.framing import ChunkBuffer
from acra_twisted.wire.mysql.frames import (
    AUTHENTICATION_LIMIT,
    Assembler,
    out_of_order,
    packets,
)

#: More than this that is not read yet is no login.
UNREAD_LIMIT: Final = 2 * AUTHENTICATION_LIMIT


class Leg:
    """A leg, ``name`` as in `loginactions`.

    Packets that come and packets that are sent are numbered together; ``due`` is the next number.
    ``speaks``: the peer's packet is due, and it listens to nothing before it has sent that.
    """

    __slots__ = ("name", "due", "speaks", "_buffer", "_assembler")

    def __init__(self, name: str) -> None:
        self.name = name
        self.due = 0
        self.speaks = False
        self._buffer = ChunkBuffer()
        self._assembler = Assembler(name, self._buffer, AUTHENTICATION_LIMIT)

    def feed(self, data: bytes) -> None:
        """Take bytes.  Raises WireError if too many wait."""
        self._buffer.feed(data)
        if len(self._buffer) > UNREAD_LIMIT:
            raise WireError(self.name, "too much data before the end of the login")

    @property
    def waiting(self) -> bool:
        """Bytes wait to be read."""
        return len(self._buffer) > 0

    def take(self) -> bytes | None:
        """The payload of the next packet, None if it has not come whole.  Raises WireError."""
        packet = self._assembler.take()
        if packet is None:
            self._assembler.wait()
            return None
        if packet.sequence != self.due:
            raise out_of_order(self.name)
        self.due = packet.following
        self.speaks = False
        return packet.payload

    def take_unasked(self) -> bytes | None:
        """The payload of the next packet, whatever its number; None if it has not come whole.
        Raises WireError."""
        packet = self._assembler.take()
        if packet is None:
            self._assembler.wait()
        return None if packet is None else packet.payload

    @property
    def heard(self) -> int:
        """The number that a packet must have which the peer listens to."""
        return (self.due + self.speaks) & 0xFF

    def write(self, payload: bytes) -> Write:
        """The action that sends a payload with the number that is due."""
        number = self.due
        self.due = (number + 1) & 0xFF
        return Write(self.name, packets(payload, number))

    def tell(self, payload: bytes) -> Write:
        """The action that sends a payload with the number that the peer listens to."""
        self.due = self.heard
        return self.write(payload)

    def drain(self) -> bytes:
        """Everything that is not read, taken out."""
        return self._buffer.drain()
