"""Find processes of a program that was started in its own folder."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path


def heed_hangups() -> None:
    """Restore the handling of hang-ups in a child before it runs: the tests may run under nohup,
    for instance, which ignores them."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def running(folder: Path) -> list[int]:
    """Processes that were started with ``folder`` below their current folder, in their command
    line, or as their ``TMPDIR``; zombies do not count."""
    mark = str(folder).encode()
    return [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and int(entry.name) != os.getpid() and mark in _traces(entry)
    ]


def _traces(process: Path) -> bytes:
    found = b""
    with suppress(OSError):
        if process.joinpath("stat").read_text().rpartition(")")[2].split()[0] == "Z":
            return b""
        found += process.joinpath("cmdline").read_bytes()
        found += os.fsencode(os.readlink(process / "cwd"))
        found += process.joinpath("environ").read_bytes()
    return found
