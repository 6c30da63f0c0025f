"""The queue of replies that are owed to a client: a list and where its head is.

``collections.deque`` is as good interpreted; compiled, each call of it takes ten times what these
take, and every request makes up to ten (docs/performance.rst).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from acra_twisted.model import Exchange

#: A code, an exchange and what else belongs to it: see ``dialects.postgresql.replies``.
Entry = tuple[int, "Exchange | None", Any]

_GONE: Final[Entry] = (-1, None, None)
#: So many that are gone may stand before the head before they are cut off.
_GONE_MAX: Final = 64


class Outstanding:
    """In the order in which they are owed."""

    __slots__ = ("_entries", "_first")

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._first = 0

    def __len__(self) -> int:
        return len(self._entries) - self._first

    def __bool__(self) -> bool:
        return len(self._entries) > self._first

    def __getitem__(self, index: int) -> Entry:
        """From the head on, from 0.  Raises IndexError if there is none."""
        return self._entries[self._first + index]

    def are(self, first: int, codes: list[int], exchange: Exchange) -> bool:
        """Whether those from ``first`` on are these codes of one exchange, and nothing else."""
        entries, at = self._entries, self._first + first
        if len(entries) - at != len(codes):
            return False
        for code in codes:
            entry = entries[at]
            if entry[0] != code or entry[1] is not exchange:
                return False
            at += 1
        return True

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries[self._first :])

    def append(self, entry: Entry) -> None:
        """Behind all others."""
        self._entries.append(entry)

    def extend(self, entries: Sequence[Entry]) -> None:
        """Several of them."""
        self._entries.extend(entries)

    def appendleft(self, entry: Entry) -> None:
        """Before all others."""
        if self._first:
            self._first -= 1
            self._entries[self._first] = entry
        else:
            self._entries.insert(0, entry)

    def popleft(self) -> Entry:
        """Take the head.  Raises IndexError if there is none."""
        entries, first = self._entries, self._first
        entry = entries[first]
        # Nothing keeps it.
        entries[first] = _GONE
        first += 1
        if first == len(entries):
            entries.clear()
            first = 0
        elif first >= _GONE_MAX and 2 * first >= len(entries):
            del entries[:first]
            first = 0
        self._first = first
        return entry

    def clear(self) -> None:
        """Nothing is owed any more."""
        self._entries.clear()
        self._first = 0
