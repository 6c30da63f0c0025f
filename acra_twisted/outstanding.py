"""The queue of replies that are owed to a client, whatever its database's protocol.

Every message that draws a reply appends one entry: what is to be done with the reply, the dialect's
code of the message, the exchange that it belongs to, and what else the dialect must know of it.
The reply flow attributes what the database says to the head, and takes it off at the end of its
reply.  An answer of our own is an entry like any other and is sent only once it has become the
head: a refusal cannot overtake a reply.

An exchange owns the consecutive entries that name it, and ends when the last of them is taken off.

``collections.deque`` is as good interpreted; compiled, each call of it takes ten times what these
take, and every request makes up to ten (docs/performance.rst).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

# Actions on a reply.
#: The client gets the database's.
FORWARD: Final = 0
#: The database answers a message that we have added; the client gets nothing of it.
SKIP: Final = 1
#: The database fails at something that we have sent instead, and the client gets the payload in
#: place of its error.
REPLACE: Final = 2
#: The database has not seen the message: the client gets an answer of ours, the entry's payload.
ANSWER: Final = 3
#: The same; if the database answers what stands behind it, both replies go in one write.
ANSWER_WITH_NEXT: Final = 4

#: An action, the dialect's code of the message, its Exchange (or None), and the dialect's payload.
#: A type that named all four would, compiled, take each entry apart and put it together again
#: wherever it is handed on.
Entry = tuple[Any, ...]

_GONE: Final[Entry] = (-1, -1, None, None)
#: So many that are gone may stand before the head before they are cut off.
_GONE_MAX: Final = 64


class Outstanding:
    """Entries in the order in which their replies are owed."""

    __slots__ = ("_entries", "_first")

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._first = 0

    def __len__(self) -> int:
        return len(self._entries) - self._first

    def __bool__(self) -> bool:
        return len(self._entries) > self._first

    @property
    def head(self) -> Entry | None:
        """The entry whose reply comes next; None if nothing is owed."""
        entries, first = self._entries, self._first
        return entries[first] if len(entries) > first else None

    def all(self) -> list[Entry]:
        """Every entry, from the head on."""
        return self._entries[self._first :]

    def __getitem__(self, index: int) -> Entry:
        """Return an entry, counted from the head.  Raises IndexError if there is none."""
        return self._entries[self._first + index]

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries[self._first :])

    @property
    def is_due(self) -> bool:
        """True if the head is an answer of ours that the client should have now."""
        entries, first = self._entries, self._first
        if len(entries) == first:
            return False
        action: int = entries[first][0]
        if action == ANSWER_WITH_NEXT:
            return len(entries) == first + 1 or is_answer(entries[first + 1][0])
        return action == ANSWER

    def forwards(self, first: int, codes: list[int], exchange: Any) -> bool:
        """Return True if ``first`` and those behind it are forwarded replies to these codes, all of
        one exchange, and nothing else is owed."""
        entries, at = self._entries, self._first + first
        if len(entries) - at != len(codes):
            return False
        for code in codes:
            entry = entries[at]
            action: int = entry[0]
            other: int = entry[1]
            if action != FORWARD or other != code or entry[2] is not exchange:
                return False
            at += 1
        return True

    def append(self, entry: Entry) -> None:
        """Add one behind all others."""
        self._entries.append(entry)

    def extend(self, entries: Sequence[Entry]) -> None:
        """Add several behind all others."""
        self._entries.extend(entries)

    def appendleft(self, entry: Entry) -> None:
        """Add one before all others."""
        if self._first:
            self._first -= 1
            self._entries[self._first] = entry
        else:
            self._entries.insert(0, entry)

    def popleft(self) -> Entry:
        """Take the head off.  Raises IndexError if there is none."""
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
        """Forget what is owed."""
        # Compiled, a new list takes a fifth of what clearing the old one takes.
        self._entries = []
        self._first = 0


def is_answer(action: int) -> bool:
    """Return True if a reply is ours, and the database says nothing to its message."""
    return action >= ANSWER
