"""Work that no session waits for, done a slice in each turn of the reactor.

However much there is, and however many ask for it, all of it together takes one slice of a turn: so
many steps, or half a millisecond if that is less.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Protocol

#: Of a slice.
STEPS = 64
_SECONDS = 0.0005


class Job(Protocol):
    """Work in steps.  Neither method raises."""

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
        self._reactor.callLater(0, self._next_turn)
        steps, until = STEPS, self._reactor.seconds() + _SECONDS
        # What is added meanwhile is for the next turn.
        for job in tuple(self._jobs):
            if steps <= 0:
                break
            if job not in self._jobs:
                continue
            self._jobs.remove(job)
            goes_on = True
            while goes_on and steps > 0:
                goes_on = job.step()
                steps = steps - 1 if self._reactor.seconds() < until else 0
            if goes_on:
                self._jobs.append(job)
            job.rest()

    def _next_turn(self) -> None:
        self._has_run = False
        if self._jobs:
            self._run()
