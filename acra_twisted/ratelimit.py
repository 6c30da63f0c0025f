"""A limit of how often something may happen."""

from __future__ import annotations

from collections.abc import Callable


class TokenBucket:
    """Lets ``rate`` things a second pass, and as many at once after a quiet second.

    ``clock`` gives nanoseconds.
    """

    def __init__(self, rate: float, clock: Callable[[], int]) -> None:
        self._rate = rate
        self._clock = clock
        self._tokens = max(rate, 1.0)
        self._filled = clock()

    def take(self) -> bool:
        """True if one may pass now."""
        now = self._clock()
        gained = (now - self._filled) * self._rate / 1e9
        self._filled = now
        self._tokens = min(max(self._rate, 1.0), self._tokens + gained)
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True
