"""How often somebody has failed of late, in bounded memory."""

from __future__ import annotations

from typing import Final

#: Nanoseconds after which an address that has not failed again is forgotten.
WINDOW: Final = 600 * 10**9
#: Addresses that are remembered; those that failed longest ago go first.
ADDRESSES: Final = 1024


class Attempts:
    """Counts failures by address."""

    def __init__(self, window: int = WINDOW, addresses: int = ADDRESSES) -> None:
        self._window = window
        self._addresses = addresses
        # In the order of the last failure: how many, and when it was.
        self._found: dict[str, tuple[int, int]] = {}

    def __len__(self) -> int:
        return len(self._found)

    def add(self, address: str, now: int) -> int:
        """One more failure; how many there were, each less than the window behind the other."""
        count, last = self._found.pop(address, (0, now))
        count = count + 1 if now - last < self._window else 1
        self._found[address] = (count, now)
        if len(self._found) > self._addresses:
            del self._found[next(iter(self._found))]
        return count
