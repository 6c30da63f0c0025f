"""Compare two servers on a machine that others use: in bursts before all others.

Each has turns of some tenths of a second.  Client, database, what takes spans, and that server have
real-time priority then, so that other programs are as good as silent; that needs root or
CAP_SYS_NICE.  A pair of turns gives one ratio.  Of many pairs the median is told, and the interval
in which the true median is in 95 of 100 cases, which assumes nothing of how ratios are spread.
"""

from __future__ import annotations

import math
import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

#: Real-time priority, the lowest there is: it is above all that have none.
_PRIORITY = 1
#: Seconds between two turns, in which others run: a system lets nobody have all of a processor.
_PAUSE = 0.3
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
        with _before_others(os.getpid()):
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

    ``awake`` lets one run that ``asleep`` has stopped; each turn has ``pairs`` of both.
    """
    count = _count(ports[0], processes[0], work, arguments, awake, asleep, seconds)
    rates: list[tuple[float, float]] = []
    spent: list[tuple[float, float]] = []
    for number in range(pairs):
        turn: dict[int, tuple[float, float]] = {}
        # Forwards and backwards: whatever comes later in a pair is so in every other.
        for each in (0, 1) if number % 2 else (1, 0):
            time.sleep(_PAUSE)
            awake(processes[each])
            try:
                with _before_others(processes[each], *others, os.getpid()):
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


def _count(
    port: int,
    process: int,
    work: Work,
    arguments: tuple[str, ...],
    awake: Callable[[int], None],
    asleep: Callable[[int], None],
    seconds: float,
) -> int:
    """Return how many transactions take about so long, on this machine now."""
    awake(process)
    try:
        work(port, 1000, arguments)
        return max(round(work(port, 2000, arguments) * seconds), 100)
    finally:
        asleep(process)


@contextmanager
def _before_others(*processes: int) -> Iterator[None]:
    """Have processes, with their threads and what they begin, run before all others.  Raises
    PermissionError where that is not allowed."""
    threads = [thread for process in processes for thread in _threads(process)]
    for thread in threads:
        os.sched_setscheduler(thread, os.SCHED_RR, os.sched_param(_PRIORITY))
    try:
        yield
    finally:
        for thread in [one for process in processes for one in _threads(process)]:
            os.sched_setscheduler(thread, os.SCHED_OTHER, os.sched_param(0))


def _threads(process: int) -> list[int]:
    return [int(thread.name) for thread in Path(f"/proc/{process}/task").iterdir()]


def _clock(process: int) -> int:
    """Return the clock of the processor time that a process has used, as clock_getcpuclockid(3)
    does."""
    return ~process << 3 | 2
