"""Numbers of values of protected columns as plain integers, for every statement adds some."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: A column's setting, and what became of a value.
_Key = tuple[Any, str]


class ColumnCounts:
    """Adds up what somebody takes now and then."""

    __slots__ = ("_numbers",)

    def __init__(self) -> None:
        # Each in a list, so that its key is looked up once.
        self._numbers: dict[_Key, list[int]] = {}

    def add(self, counts: Mapping[_Key, int]) -> None:
        """Add numbers of values by their columns' settings and what became of them."""
        numbers = self._numbers
        for key, number in counts.items():
            found = numbers.get(key)
            if found is None:
                numbers[key] = [number]
            else:
                found[0] += number

    def taken(self) -> list[tuple[_Key, int]]:
        """Return the numbers since they were taken last, without those that are 0."""
        taken = []
        for key, found in self._numbers.items():
            if found[0]:
                taken.append((key, found[0]))
                found[0] = 0
        return taken
