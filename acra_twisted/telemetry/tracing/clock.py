"""One clock for all spans of a process: nanoseconds since the epoch that never jump.

The wall clock is read once; from there on time advances with the monotonic clock, so that a step
of the wall clock gives no span a negative length.  (Slewing by NTP applies to both.)
"""

from __future__ import annotations

import time
from collections.abc import Callable

from acra_twisted.fast.syscalls import clock


def steady_clock(wall: Callable[[], int] = time.time_ns) -> Callable[[], int]:
    """Return a function of no arguments that returns nanoseconds since the epoch.

    ``wall``, a clock in nanoseconds since the epoch, is read once.
    """
    return clock(wall() - time.monotonic_ns())
