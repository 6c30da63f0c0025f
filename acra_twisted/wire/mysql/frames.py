"""Packets: payloads in parts, and the numbers of these.

A part is three bytes of length, a number, and so many bytes.  A payload of `PART_MAX` bytes or more
goes in parts of exactly so many and a last one of fewer, which may be empty.  Numbers rise by one
from part to part, in both directions together, and begin anew behind 255.
"""

from __future__ import annotations

from typing import Final

from acra_twisted.endreason import EndReason
from acra_twisted.errors import FrameTooLarge, WireError
from acra_twisted.fast.littleendian import uint24
from acra_twisted.fast.record import Record
from acra_twisted.wire.framing import ChunkBuffer

#: Bytes of a part's header.
HEADER_SIZE: Final = 4
#: Bytes of a part behind which another one follows.
PART_MAX: Final = 0xFFFFFF
#: For packets before authentication has ended.
AUTHENTICATION_LIMIT: Final = 64 * 1024


class Packet(Record):
    """A whole payload.  ``sequence`` is the number of its first part, ``following`` the number that
    comes behind its last.

    ``start`` and ``end`` are where it lies, header included, in the buffer's ``data``; both are -1
    if it came in several parts.
    """

    __slots__ = ("payload", "sequence", "following", "start", "end")

    def __init__(
        self, payload: bytes, sequence: int, following: int, start: int = -1, end: int = -1
    ) -> None:
        self.payload = payload
        self.sequence = sequence
        self.following = following
        self.start = start
        self.end = end

    def kept(self) -> Packet:
        """The same, wherever the buffer's bytes go."""
        return Packet(self.payload, self.sequence, self.following)

    def _parts(self) -> tuple[object, ...]:
        return self.payload, self.sequence, self.following, self.start, self.end


def following(sequence: int, size: int) -> int:
    """The number behind a payload of ``size`` bytes whose first part has ``sequence``."""
    return (sequence + size // PART_MAX + 1) & 0xFF


def header(size: int, sequence: int) -> bytes:
    """The header of a part of ``size`` bytes, at most `PART_MAX`."""
    return (size | sequence << 24).to_bytes(HEADER_SIZE, "little")


#: Sizes below this, and the headers of such parts with the number 0, as most commands have.
_SHORT: Final = 256
_SHORT_HEADERS: Final = [header(size, 0) for size in range(_SHORT)]


def packets(payload: bytes, sequence: int) -> bytes:
    """A payload as it is sent, its first part with the number ``sequence``."""
    size = len(payload)
    if size < _SHORT and not sequence:
        return _SHORT_HEADERS[size] + payload
    if size < PART_MAX:
        return header(size, sequence) + payload
    out: list[bytes] = []
    for start in range(0, size + 1, PART_MAX):
        part = payload[start : start + PART_MAX]
        out += (header(len(part), sequence), part)
        sequence = (sequence + 1) & 0xFF
    return b"".join(out)


def renumbered(data: bytes, start: int, end: int, shift: int) -> bytes:
    """The whole parts in ``data[start:end]`` with numbers that are higher by ``shift``."""
    if not shift:
        return data[start:end]
    out = bytearray(data[start:end])
    at, size = 0, end - start
    while at < size:
        out[at + 3] = (out[at + 3] + shift) & 0xFF
        at += HEADER_SIZE + uint24(data, start + at)
    return bytes(out)


class Assembler:
    """Whole payloads out of a buffer, at most ``limit`` bytes each.

    ``side`` is whose packets they are.  The buffer stays its owner's: it feeds it, calls `take`
    until there is none, does what it has to with the bytes of ``data`` that were taken, and calls
    `wait`.
    """

    __slots__ = ("limit", "_side", "_buffer", "_parts", "_size", "_sequence", "_following", "_want")

    def __init__(self, side: str, buffer: ChunkBuffer, limit: int) -> None:
        self.limit = limit
        self._side = side
        self._buffer = buffer
        self._parts: list[bytes] = []
        self._size = 0
        self._sequence = 0
        self._following = 0
        self._want = HEADER_SIZE

    @property
    def unfinished(self) -> bool:
        """Some of a packet has come, but not all of it."""
        return bool(self._parts) or len(self._buffer) > 0

    @property
    def held(self) -> int:
        """The bytes of the parts that were taken of an unfinished packet, with their headers."""
        return self._size + HEADER_SIZE * len(self._parts)

    def take(self) -> Packet | None:
        """The next payload, if it has come whole.

        Raises FrameTooLarge before the bytes of a part that exceeds the limit are waited for, and
        WireError if the parts of a payload are not numbered one behind the other.
        """
        buffer = self._buffer
        while True:
            data = buffer.data
            start = buffer.position
            have = len(data) - start
            if have < HEADER_SIZE:
                self._want = HEADER_SIZE
                return None
            size: int = uint24(data, start)
            sequence: int = data[start + 3]
            if self._size + size > self.limit:
                raise too_large(self._side, self.limit)
            if self._parts and sequence != self._following:
                raise out_of_order(self._side)
            end = start + HEADER_SIZE + size
            if end > len(data):
                self._want = HEADER_SIZE + size
                return None
            buffer.position = end
            payload = data[start + HEADER_SIZE : end]
            after = (sequence + 1) & 0xFF
            if size < PART_MAX:
                if not self._parts:
                    return Packet(payload, sequence, after, start, end)
                parts, self._parts, self._size = self._parts, [], 0
                return Packet(b"".join([*parts, payload]), self._sequence, after)
            if not self._parts:
                self._sequence = sequence
            self._parts.append(payload)
            self._size += size
            self._following = after

    def wait(self) -> None:
        """Keep what is unread until the next part can be whole."""
        self._buffer.wait_for(self._want)


def too_large(side: str, limit: int) -> FrameTooLarge:
    """The error of a payload over a limit."""
    return FrameTooLarge(side, f"packet is larger than the limit of {limit} bytes")


def out_of_order(side: str) -> WireError:
    """The error of a packet with another number than is due."""
    return WireError(side, "packets out of order", EndReason.SEQUENCE)
