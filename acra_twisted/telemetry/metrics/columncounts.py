"""Numbers of values of protected columns as plain integers, for every statement adds some."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: A column's setting, and what became of a value.
_Key = tuple[Any, str]


class ColumnCounts:
    """Adds up what somebody takes now and then."""

    __slots__ = ("_numbers", "_last", "_times")

    def __init__(self) -> None:
        # Each in a list, so that its key is looked up once.
        self._numbers: dict[_Key, list[int]] = {}
        # What was added last, and how often: each hash of a column's setting takes its time.
        self._last: Mapping[_Key, int] = {}
        self._times = 0

    def add(self, counts: Mapping[_Key, int]) -> None:
        """Add numbers of values by their columns' settings and what became of them: a mapping that
        does not change any more."""
        if counts is not self._last:
            self._settle()
            self._last = counts
        self._times += 1

    def taken(self) -> list[tuple[_Key, int]]:
        """Return the numbers since they were taken last, without those that are 0."""
        self._settle()
        taken = []
        for key, found in self._numbers.items():
            if found[0]:
                taken.append((key, found[0]))
                found[0] = 0
        return taken

    def _settle(self) -> None:
        """Put the last ones to the others."""
        numbers, times = self._numbers, self._times
        self._times = 0
        for key, number in self._last.items() if times else ():
            found = numbers.get(key)
            if found is None:
                numbers[key] = [number * times]
            else:
                found[0] += number * times
