"""Stream chunks in, a buffer to scan out: the carry-over shared by every framing.

A scanner reads from ``data`` starting at ``position`` and says where it stopped.  What is left is
carried over once per chunk, and a frame known to be longer than what has arrived is collected
without joining until it can be whole, so that a large message costs one copy, not one per chunk.
`Fed` is what the readers of bulk data return.
"""

from __future__ import annotations

from typing import NamedTuple


class ChunkBuffer:
    """Unread bytes of one stream: those of ``data`` from ``position`` on, or ``held`` bytes that
    are not joined yet.

    Its owner enforces the limits on what it waits for.
    """

    __slots__ = ("data", "position", "_parts", "held", "_wanted")

    def __init__(self) -> None:
        self.data = b""
        self.position = 0
        self._parts: list[bytes] = []
        self.held = 0
        self._wanted = 0

    def feed(self, data: bytes) -> None:
        """Append a chunk."""
        if self.held:
            self._parts.append(data)
            self.held += len(data)
            if self.held >= self._wanted:
                self._join()
        elif self.position == len(self.data):
            # The usual case: nothing is left over, the chunk itself becomes the buffer.
            self.data = data
            self.position = 0
        else:
            self.data = self.data[self.position :] + data
            self.position = 0

    def forget(self) -> None:
        """Drop a chunk of which everything was read."""
        self.data = b""
        self.position = 0

    def wait_for(self, size: int) -> None:
        """Keep what is unread until ``size`` bytes from ``position`` on are there."""
        rest = self.data[self.position :] if self.position else self.data
        self.data = b""
        self.position = 0
        if rest:
            self._parts = [rest]
            self.held = len(rest)
            self._wanted = size

    def __len__(self) -> int:
        """Bytes that were fed and not consumed."""
        return self.held or len(self.data) - self.position

    def drain(self) -> bytes:
        """Everything unread, taken out."""
        self._join()
        rest = self.data[self.position :]
        self.data = b""
        self.position = 0
        return rest

    def _join(self) -> None:
        if self.held:
            self.data = b"".join(self._parts)
            self.position = 0
            self._parts = []
            self.held = self._wanted = 0


class Fed(NamedTuple):
    """The bytes of bulk data that are complete with a piece of it.

    ``rows`` are whole rows, ``before`` and ``behind`` the parts that are none: a header, the mark
    of the end, and nothing else.
    """

    before: bytes
    rows: list[bytes]
    behind: bytes
