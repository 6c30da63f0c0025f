"""Appending lines to files: one that cannot be written whole spoils no other.

A disk that is full takes the beginning of a line; what is written when there is room again is on a
line of its own.
"""

from __future__ import annotations

import errno
import os
import stat


def printable(text: str, instead: str = "?") -> str:
    """Return a text of somebody else's for a line of ours: ``instead`` stands for each character
    that cannot be printed."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else instead for c in text)


def write_whole(descriptor: int, data: bytes | bytearray) -> None:
    """Write all of it, in as many pieces as the system wants.  Raises OSError."""
    Lines(descriptor).append(data)


def is_cut(path: str) -> bool:
    """Return True if a file ends in the midst of a line; False of what cannot be read or is no
    file."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return False
        with open(path, "rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(end - 1, 0))
            return file.read(1) not in (b"", b"\n")
    except OSError:
        return False


class Lines:
    """Appends to ``descriptor``.  ``cut``: what is there ends in the midst of a line."""

    def __init__(self, descriptor: int, cut: bool = False) -> None:
        self.descriptor = descriptor
        self._cut = cut

    def append(self, line: bytes | bytearray) -> None:
        """Write a line with its end.  Raises OSError if not all of it is written."""
        data = b"\n" + line if self._cut else line
        written = 0
        try:
            # One write mostly, so that lines of two threads do not mix.
            while written < len(data):
                count = os.write(self.descriptor, data[written:] if written else data)
                if not count:
                    raise OSError(errno.EIO, os.strerror(errno.EIO))
                written += count
        finally:
            if written:
                self._cut = data[written - 1] != 0x0A
