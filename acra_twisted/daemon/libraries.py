"""Gives back the pages of libraries that only the start of a daemon needs.

A library is mapped from its file page by page, as its code and constants are used, and pages around
these with them.  Much of that runs once: what makes modules and classes.  A page that is given back
stays in the kernel's cache of files, as long as there is room, and is mapped again when it is used.
Linux alone: proc(5), madvise(2).
"""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Iterable, Iterator
from typing import Final

_DONTNEED: Final = 4
_TASKS: Final = "/proc/self/task"
_MAPPINGS: Final = "/proc/self/smaps"
#: A mapping's first line: where it begins and ends, whether it is private and never written, and
#: the number of its file, 0 where there is none.
_HEAD: Final = re.compile(rb"([0-9a-f]+)-([0-9a-f]+) (\S{4}) [0-9a-f]+ [0-9a-f:]+ ([0-9]+)").match
_KEPT: Final = re.compile(rb"r-[-x]p").fullmatch
#: The lines that tell how much of a mapping is no longer what its file has, in memory and not.
_OWN: Final = (b"Anonymous:", b"Swap:")
#: The line that tells how much of it is in memory.  An emulator of another processor says 0 of all
#: mappings, and does not know which of them were written.
_THERE: Final = b"Rss:"


def give_back() -> int:
    """Give back all pages of files that are mapped to be read alone; return the bytes of these
    mappings.

    A page that was changed all the same, by a debugger for instance, keeps its whole mapping.
    Nothing is done where the system does not tell, or while there is another thread: it may be
    loading a library, whose mappings change meanwhile.
    """
    try:
        if len(os.listdir(_TASKS)) != 1:
            return 0
        with open(_MAPPINGS, "rb") as lines:
            found = list(unchanged(lines))
    except OSError:
        return 0
    advise = getattr(ctypes.CDLL(None), "madvise", None)
    if advise is None:
        return 0
    advise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    return sum(end - start for start, end in found if advise(start, end - start, _DONTNEED) == 0)


def unchanged(lines: Iterable[bytes]) -> Iterator[tuple[int, int]]:
    """Find the mappings of files, in lines as proc(5) has them, whose pages are those of the file
    and cannot be written: where each begins and ends."""
    where = (0, 0)
    missing = -1
    for line in lines:
        head = _HEAD(line)
        if head is not None:
            start, end, may, number = head.groups()
            where = (int(start, 16), int(end, 16))
            missing = len(_OWN) if _KEPT(may) is not None and number != b"0" else -1
        elif line.startswith(_THERE) and line.split()[1:2] == [b"0"]:
            missing = -1
        elif line.startswith(_OWN):
            missing = missing - 1 if line.split()[1:2] == [b"0"] else -1
            if missing == 0:
                yield where
