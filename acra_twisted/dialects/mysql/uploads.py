"""A file that the database has asked the client for: its packets pass as they come, unread.

They are numbered for the database, whose numbers may be others than the client's.  An empty packet
ends the file, unless it is the rest of one in several parts.
"""

from __future__ import annotations

from acra_twisted.dialects.mysql.state import MysqlState
from acra_twisted.fast.littleendian import uint24
from acra_twisted.wire.framing import ChunkBuffer
from acra_twisted.wire.mysql.frames import HEADER_SIZE, PART_MAX, header


class Upload:
    """Takes the packets of one file after the other from a client's buffer.

    ``size``: bytes of the file so far; ``left``: bytes that are to come of the part at hand.
    """

    __slots__ = ("size", "left", "_goes_on")

    def __init__(self) -> None:
        self.size = 0
        self.left = 0
        self._goes_on = False

    def take(self, buffer: ChunkBuffer, state: MysqlState, out: list[bytes]) -> bool:
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
