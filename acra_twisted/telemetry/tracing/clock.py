"""One clock for all spans of a process: nanoseconds since the epoch that never jump.

The wall clock is read once; from there on time advances with the monotonic clock, so that a step
of the wall clock gives no span a negative length.  (Slewing by NTP applies to both.)
"""

from __future__ import annotations

import time
from collections.abc import Callable

from acra_twisted.fast.syscalls import clock


def steady_clock() -> Callable[[], int]:
    """A function of no arguments returning nanoseconds since the epoch."""
    return clock(time.time_ns() - time.monotonic_ns())
