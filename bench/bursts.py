"""Compare two servers on a machine that others use: in bursts before all others.

Client, database, what takes spans, and the server whose turn it is have real-time priority, so that
other programs are as good as silent; that needs root or CAP_SYS_NICE.  A pair of turns gives one
ratio.  Of many pairs the median is told, and the interval in which the true median is in 95 of 100
cases, which assumes nothing of how ratios are spread.

A turn is to cost what a running server costs.  What is done once a second must be in nearly each
turn, or the median knows nothing of it: so turns are nearly a second long.  A server that was
stopped has saved up what it may do so often a second, and does it at once: so it works for as long
before its turn.
"""

from __future__ import annotations

import math
import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

#: Real-time priority, the lowest there is: it is above all that have none.
_PRIORITY = 1
#: Seconds between two turns, in which others run: a system lets nobody have all of a processor.
PAUSE = 0.6
#: Seconds of others between the work before a turn and the turn.  From what has real-time priority
#: a system may take a processor away that it has had for 0.95 of a second.
_REST = 0.1
#: Of the deviation of a coin's heads: 95 of 100 cases are within so many.
_WITHIN = 1.96

#: Runs so many transactions, as its arguments say, at a port: their rate.
Work = Callable[[int, int, tuple[str, ...]], float]


class Ratio(NamedTuple):
    """The median of ratios, and between what it is in 95 of 100 cases."""

    median: float
    least: float
    most: float


def ratio(pairs: Sequence[tuple[float, float]]) -> Ratio:
    """Return the ratio of each pair's second to its first, for all of them."""
    ratios = sorted(second / first for first, second in pairs)
    count = len(ratios)
    # The rank below which the median lies in one case of forty: a sign's chance is a half.
    rank = max(math.floor(count / 2 - _WITHIN / 2 * math.sqrt(count)), 0)
    return Ratio(statistics.median(ratios), ratios[rank], ratios[count - 1 - rank])


def need_priority() -> None:
    """Raises PermissionError, with what to do, where no process may have real-time priority."""
    try:
        with before_others(os.getpid()):
            pass
    except PermissionError:
        raise PermissionError(
            "bursts need real-time priority: run this as root, or with CAP_SYS_NICE"
        ) from None


def compare(
    ports: Sequence[int],
    processes: Sequence[int],
    others: Sequence[int],
    work: Work,
    arguments: tuple[str, ...],
    awake: Callable[[int], None],
    asleep: Callable[[int], None],
    pairs: int,
    seconds: float,
) -> tuple[Ratio, Ratio]:
    """Compare two servers, which listen at ``ports`` and are ``processes``: ratios of the second
    one's rate, and of its processor time a transaction.  They work with ``others``, as the
    database's server.

    ``awake`` lets one run that ``asleep`` has stopped.  There are ``pairs`` of turns, each of about
    so many ``seconds``, and as many before it that are not measured.
    """
    count = count_of(ports[0], (processes[0], *others), work, arguments, awake, asleep, seconds)
    rates: list[tuple[float, float]] = []
    spent: list[tuple[float, float]] = []
    for number in range(pairs):
        turn: dict[int, tuple[float, float]] = {}
        # Forwards and backwards: whatever comes later in a pair is so in every other.
        for each in (0, 1) if number % 2 else (1, 0):
            time.sleep(PAUSE)
            awake(processes[each])
            try:
                with before_others(processes[each], *others, os.getpid()):
                    work(ports[each], count, arguments)
                time.sleep(_REST)
                with before_others(processes[each], *others, os.getpid()):
                    clock = _clock(processes[each])
                    before = time.clock_gettime(clock)
                    rate = work(ports[each], count, arguments)
                    used = time.clock_gettime(clock) - before
            finally:
                asleep(processes[each])
            turn[each] = rate, used
        rates.append((turn[0][0], turn[1][0]))
        spent.append((turn[0][1], turn[1][1]))
    return ratio(rates), ratio(spent)


def count_of(
    port: int,
    processes: Sequence[int],
    work: Work,
    arguments: tuple[str, ...],
    awake: Callable[[int], None],
    asleep: Callable[[int], None],
    seconds: float,
) -> int:
    """Return how many transactions take about so long before all others.  The server is the first
    of ``processes``."""
    awake(processes[0])
    try:
        with before_others(*processes, os.getpid()):
            work(port, 1000, arguments)
            return max(round(work(port, 5000, arguments) * seconds), 100)
    finally:
        asleep(processes[0])


@contextmanager
def before_others(*processes: int) -> Iterator[None]:
    """Have processes, with their threads and what they begin, run before all others.  Raises
    PermissionError where that is not allowed."""
    _schedule(processes, os.SCHED_RR, _PRIORITY)
    try:
        yield
    finally:
        _schedule(processes, os.SCHED_OTHER, 0)


def _schedule(processes: Sequence[int], policy: int, priority: int) -> None:
    for thread in [one for process in processes for one in _threads(process)]:
        # A history's thread ends when it has nothing to do.
        with suppress(ProcessLookupError):
            os.sched_setscheduler(thread, policy, os.sched_param(priority))


def _threads(process: int) -> list[int]:
    return [int(thread.name) for thread in Path(f"/proc/{process}/task").iterdir()]


def _clock(process: int) -> int:
    """Return the clock of the processor time that a process has used, as clock_getcpuclockid(3)
    does."""
    return ~process << 3 | 2
