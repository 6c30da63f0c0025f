"""Read a running daemon's descriptors, metrics and lines about defects.

Users other than root see descriptors only of daemons that have `WATCHED` in their sections.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

from tests.integration.base import get

WATCHED = {"core_dump_enable": "true"}
_DEFECT = re.compile("internal error|Traceback|Unhandled|failed to call")

#: The state of a listening socket in /proc/net/tcp.
_LISTENS = "0A"


def descriptors(pid: int) -> int:
    """How many are open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def sockets(pid: int) -> set[str]:
    """Connections of a process, also those that the other side has closed."""
    inodes = set()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        with suppress(FileNotFoundError):
            kind, _, inode = os.readlink(f"/proc/{pid}/fd/{fd}").partition(":")
            if kind == "socket":
                inodes.add(inode[1:-1])
    rows = Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]
    found = (row.split() for row in rows)
    return {row[9] for row in found if row[3] != _LISTENS and row[9] in inodes}


def held(pid: int, wanted: bytes) -> int:
    """How often a process has some bytes in its memory, that which it has given back to itself
    included."""
    found = 0
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            span, access = line.split()[:2]
            start, end = (int(part, 16) for part in span.split("-"))
            # Pages of the kernel cannot be read so.
            if access[0] == "r" and "[v" not in line:
                memory.seek(start)
                found += memory.read(end - start).count(wanted)
    return found


def total(text: str, name: str) -> float:
    """The sum of a metric's series in what `/metrics` says."""
    return sum(map(float, re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.M)))


def metric(pages: int, name: str) -> float:
    """The sum of a metric's series, of the daemon whose pages are there."""
    return total(get(pages, "/metrics"), name)


def defects(log: Path) -> list[str]:
    """The first lines of a daemon's log that tell of a defect of ours."""
    return [line for line in log.read_text().splitlines() if _DEFECT.search(line)][:3]
