"""How programs that start servers end: nothing that they started outlives them.

Whatever is started by way of `bound` is killed by the kernel when its starter is gone, however that
ended, and also while it is stopped.  `in_order` lets the starter itself go through its ``finally``
blocks when it is told to end by a signal, and end when the ``make`` that runs it does.
"""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

#: The signals that ``make`` does not hand on when they come to it alone; it then waits for what it
#: runs, and does not catch them any more.
_ENDS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)


def bound(arguments: Sequence[str]) -> list[str]:
    """A command line whose process is killed when the thread that started it is gone.

    ``setpriv`` is part of util-linux, which every Debian has; without it, nothing is added.
    """
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return list(arguments)
    # A starter that was gone before the kernel was asked is not the parent any more.
    own = ["sh", "-c", 'test "$PPID" = "$0" && exec "$@"', str(os.getpid())]
    return [setpriv, "--pdeathsig", "KILL", "--", *own, *arguments]


def in_order() -> None:
    """Makes TERM and HUP raise KeyboardInterrupt, as INT does, and ends the program with ``make``
    (`with_make`).

    TERM and HUP that follow do nothing, for one cause may send several: to the group, by ``make``,
    and because ``make`` is gone.  An INT that follows is a person's, who does not want to wait.
    """
    for number in _ENDS:
        # HUP that is ignored stays so: that is what nohup is for.
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _interrupt)
    with_make()


def with_make() -> None:
    """Ends this program by TERM when the ``make`` that runs it is killed, or alone interrupted.

    Does nothing where no ``make`` runs it.
    """
    make = _make()
    if make:
        threading.Thread(target=_watch, args=(make, _caught(make)), daemon=True).start()


def _interrupt(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    raise KeyboardInterrupt


def _status(pid: int) -> dict[str, str]:
    """Return the kernel's status of a process; nothing if it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(errors="replace").splitlines()
    except OSError:
        return {}
    status = {name: text.strip() for name, _, text in (line.partition(":") for line in lines)}
    return {} if status["State"].startswith("Z") else status


def _make() -> int:
    """The process id of the nearest ``make`` above, 0 if there is none."""
    pid = os.getppid() if "MAKELEVEL" in os.environ else 0
    while pid and (status := _status(pid)) and status["Name"] not in ("make", "gmake"):
        pid = int(status["PPid"])
    return pid


def _caught(pid: int) -> int:
    """Bits of those signals of `_ENDS` that a process catches."""
    caught = int(_status(pid).get("SigCgt", "0"), 16)
    return caught & sum(1 << (number - 1) for number in _ENDS)


def _watch(make: int, caught: int) -> None:
    while _caught(make) == caught and _status(make):
        time.sleep(0.2)
    os.kill(os.getpid(), signal.SIGTERM)
