"""Asks daemons of a soak run how much memory they use, without what is kept within bounds."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import NamedTuple

from tests.soak.inside import sitecustomize

_PATIENCE = 60.0


class Used(NamedTuple):
    """Bytes of Python's own blocks, and all others of the C library's heap."""

    python: int
    others: int

    def __str__(self) -> str:
        return f"{self.python / 1e6:.2f} + {self.others / 1e6:.2f} MB"


def environment(folder: Path) -> dict[str, str]:
    """Return what daemons need, which may write to a folder, to be asked by `used`."""
    inside = str(Path(sitecustomize.__file__).parent)
    path = os.pathsep.join(filter(None, (inside, os.environ.get("PYTHONPATH"))))
    return {sitecustomize.FOLDER: str(folder), "PYTHONPATH": path}


def used(pid: int, folder: Path) -> Used:
    """Have a daemon forget what it keeps within bounds, and return what it uses then.  Raises
    TimeoutError."""
    answer = folder / str(pid)
    answer.unlink(missing_ok=True)
    os.kill(pid, sitecustomize.SIGNAL)
    deadline = time.monotonic() + _PATIENCE
    while not answer.exists():
        if time.monotonic() > deadline:
            raise TimeoutError("a daemon does not tell how much memory it uses")
        time.sleep(0.05)
    return Used(*map(int, answer.read_text().split()))
