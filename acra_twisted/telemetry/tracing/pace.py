"""A rate that is kept to, for what comes at any rate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mypy_extensions import i64

_SECOND: Final = 1_000_000_000


class Pace:
    """Lets ``rate`` things a second pass, and ``at_once`` after some quiet time."""

    __slots__ = ("_each", "_credit", "_due")

    _each: i64
    _credit: i64
    _due: i64

    def __init__(self, rate: int, at_once: int) -> None:
        self._each = _SECOND // rate
        self._credit = self._each * (at_once - 1)
        self._due = 0

    def admits(self, now: i64) -> bool:
        """Return True if one may pass now (nanoseconds)."""
        due = self._due
        if due - now > self._credit:
            return False
        self._due = (due if due > now else now) + self._each
        return True
