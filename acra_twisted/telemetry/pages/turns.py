"""Work that no session waits for, done a slice in each turn of the reactor.

However much there is, and however many ask for it, all of it together takes one slice of a turn: so
many steps, or half a millisecond if that is less.  Behind it comes a pause that is twice as long.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Protocol

from twisted.logger import Logger

#: Steps and seconds of a slice.
STEPS = 64
_SECONDS = 0.0005
#: Seconds between two slices, at most.
_PAUSE = 0.005

_log = Logger()


class Job(Protocol):
    """Work in steps.  A job that raises is run no longer."""

    def step(self) -> bool:
        """Do a little, some microseconds' worth; False if nothing is left to do now."""

    def rest(self) -> None:
        """A slice has ended: hand on what the steps have made."""


class Turns:
    """Runs jobs one after the other, each a slice at a time."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._jobs: deque[Job] = deque()
        self._has_run = False

    def add(self, job: Job) -> None:
        """Run a job: at once if this turn has had no slice yet."""
        if job not in self._jobs:
            self._jobs.append(job)
        if not self._has_run:
            self._run()

    def drop(self, job: Job) -> None:
        """Run a job no longer."""
        if job in self._jobs:
            self._jobs.remove(job)

    def _run(self) -> None:
        self._has_run = True
        began = self._reactor.seconds()
        steps = STEPS
        # Work added meanwhile is for the next turn.
        for job in tuple(self._jobs):
            if steps <= 0:
                break
            if job in self._jobs:
                self._jobs.remove(job)
                steps = self._slice(job, steps, began + _SECONDS)
        # A third of the time at most, however many ask for however much.
        took = self._reactor.seconds() - began
        self._reactor.callLater(min(2 * max(took, 0.0), _PAUSE), self._next_turn)

    def _slice(self, job: Job, steps: int, until: float) -> int:
        """Run a job for so many steps or so long; how many steps are left for others."""
        goes_on = True
        try:
            while goes_on and steps > 0:
                goes_on = job.step()
                steps = steps - 1 if self._reactor.seconds() < until else 0
            if goes_on:
                self._jobs.append(job)
            job.rest()
        except Exception:
            self.drop(job)
            _log.failure("internal error")
        return steps

    def _next_turn(self) -> None:
        self._has_run = False
        if self._jobs:
            self._run()
