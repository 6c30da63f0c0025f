"""A file that the database has asked the client for: its packets pass as they come, unread, or what
is in them is taken out.

They are numbered for the database, whose numbers may be others than the client's.  An empty packet
ends the file, unless it is the rest of one in several parts.
"""

from __future__ import annotations

from typing import Final

from acra_twisted.dialects.mysql.state import MysqlState
from acra_twisted.fast.littleendian import uint24
from acra_twisted.wire.framing import ChunkBuffer
from acra_twisted.wire.mysql.frames import HEADER_SIZE, PART_MAX, header

#: Bytes of a packet of ours, and of a piece that is taken out: what is made of one is many times as
#: long, and everybody waits while it is taken apart.
PIECE: Final = 8 * 1024


class Upload:
    """Takes the packets of one file after the other from a client's buffer.

    ``size``: bytes of the file so far; ``left``: bytes that are to come of the part at hand;
    ``ended``: all of a file was taken out.
    """

    __slots__ = ("size", "left", "ended", "_goes_on")

    def __init__(self) -> None:
        self.size = 0
        self.left = 0
        self.ended = False
        self._goes_on = False

    def pass_on(self, buffer: ChunkBuffer, state: MysqlState, out: list[bytes]) -> bool:
        """Put out what is there of a file, and return True if that is all of it: then nothing is
        uploaded any more, as the state knows.  The buffer stands behind what was read."""
        data, at = buffer.data, buffer.position
        begin, size = at, len(data)
        ended = False
        while not ended:
            step = min(self.left, size - at)
            self.left -= step
            self.size += step
            at += step
            if self.left or size - at < HEADER_SIZE:
                break
            length = int(uint24(data, at))
            state.following = (data[at + 3] + 1) & 0xFF
            if data[at + 3] != state.upload:
                out += (data[begin:at], header(length, state.upload))
                begin = at + HEADER_SIZE
            at += HEADER_SIZE
            ended = not (length or self._goes_on)
            self._goes_on = length == PART_MAX
            self.left = length
            state.upload = -1 if ended else (state.upload + 1) & 0xFF
        if at > begin:
            out.append(data if begin == 0 and at == size else data[begin:at])
        buffer.position = at
        return ended

    def take_out(self, buffer: ChunkBuffer, state: MysqlState, room: int) -> bytes:
        """Return what is there of a file without its headers, ``room`` bytes at most.  The buffer
        stands behind what was read."""
        data, at = buffer.data, buffer.position
        size = len(data)
        parts: list[bytes] = []
        while not self.ended:
            step = min(self.left, size - at, room)
            if step:
                parts.append(data[at : at + step])
                self.left -= step
                self.size += step
                room -= step
                at += step
            if self.left or size - at < HEADER_SIZE:
                break
            length = int(uint24(data, at))
            state.following = (data[at + 3] + 1) & 0xFF
            at += HEADER_SIZE
            self.ended = not (length or self._goes_on)
            self._goes_on = length == PART_MAX
            self.left = length
        buffer.position = at
        return b"".join(parts)

    def sent(self, data: bytes, state: MysqlState, out: list[bytes]) -> None:
        """Put out data of ours in packets of a file."""
        for at in range(0, len(data), PIECE):
            piece = data[at : at + PIECE]
            out += (header(len(piece), state.upload), piece)
            state.upload = (state.upload + 1) & 0xFF

    def end(self, state: MysqlState, out: list[bytes]) -> None:
        """Put out the end of a file of ours."""
        out.append(header(0, state.upload))
        state.upload = -1
        self.ended = False
