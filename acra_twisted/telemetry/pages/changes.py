"""Keep the moments at which something about a daemon has changed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Final

#: As many are kept.
CHANGES_MAX: Final = 1000
_TEXT_MAX: Final = 300

#: Kinds of changes: the daemon was started; a part was read anew, or could not be; keys were.
STARTED, RELOADED, NOT_RELOADED, KEYS = "start", "reload", "reload failed", "keys"


class Changes:
    """The newest changes; ``clock`` gives nanoseconds since the epoch."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._kept: deque[dict[str, Any]] = deque(maxlen=CHANGES_MAX)

    def note(self, kind: str, text: str) -> None:
        """Take note of a change of this moment; ``text`` is a sentence without data."""
        self._kept.append({"time": self._clock(), "kind": kind, "text": text[:_TEXT_MAX]})

    def shown(self) -> list[dict[str, Any]]:
        """Return them as plain values, the newest first."""
        return list(reversed(self._kept))
