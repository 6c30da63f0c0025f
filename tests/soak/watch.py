"""Watches daemons of a soak run: memory, descriptors, sessions and the event loop's lag."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import NamedTuple

from acra_twisted.sandbox.processes import resident
from tests.integration.base import get
from tests.support.daemons import descriptors, total


class Sample(NamedTuple):
    """The figures of one daemon at one moment; ``lag`` is the mean of the second, in seconds."""

    at: float
    memory: int
    descriptors: int
    sessions: float
    lag: float


class Watch(threading.Thread):
    """Takes samples of a daemon each second."""

    def __init__(self, name: str, pid: int, pages: int) -> None:
        super().__init__(daemon=True)
        self.name, self._pid, self._pages = name, pid, pages
        self._end = threading.Event()
        self._began = time.monotonic()
        self._lag = (0.0, 0.0)
        self.samples: list[Sample] = []

    def run(self) -> None:
        while not self._end.wait(1.0):
            with suppress(OSError, ValueError):
                self.samples.append(self.sample())

    def sample(self) -> Sample:
        """One now."""
        text = get(self._pages, "/metrics")
        before = self._lag
        self._lag = (
            total(text, "acra_event_loop_lag_seconds_sum"),
            total(text, "acra_event_loop_lag_seconds_count"),
        )
        passed, times = (now - was for now, was in zip(self._lag, before, strict=True))
        return Sample(
            time.monotonic() - self._began,
            resident(self._pid),
            descriptors(self._pid),
            total(text, "acra_sessions"),
            passed / times if times else 0.0,
        )

    def stop(self) -> None:
        """Take no more."""
        self._end.set()
        self.join()
