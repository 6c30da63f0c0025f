"""Answers of a source of secrets, kept for as long as they may be used.

An answer has two ages.  Until it is as old as ``soft`` it is used without asking.  Until it is as
old as ``hard`` it is used while the source cannot be asked.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

#: Answers of one kind that are kept.
LIMIT = 10_000
#: Seconds before an answer may be asked anew because of a wrong proof.
_YOUNG = 1.0
#: Times that this may happen, and the seconds in which they are counted.
_RENEWALS, _MINUTE = 3, 60.0


class Entry:
    """The answer ``secret``, None for a user that has none, asked for at ``asked`` (seconds).

    ``renewed`` has the times at which a wrong proof has had it asked anew.
    """

    __slots__ = ("asked", "renewed", "secret")

    def __init__(self, secret: bytes | None, asked: float, renewed: tuple[float, ...]) -> None:
        self.secret = secret
        self.asked = asked
        self.renewed = renewed


class SecretCache:
    """The latest answer for each user.

    ``clock`` gives seconds.  Users with a secret and users without have room of their own, for
    ``limit`` each, so that a spray of names cannot push out real users; the user that was asked for
    longest ago makes room.
    """

    def __init__(
        self, clock: Callable[[], float], soft: float, hard: float, limit: int = LIMIT
    ) -> None:
        self._clock = clock
        self._soft = soft
        self._hard = hard
        self._limit = limit
        self._known: OrderedDict[bytes, Entry] = OrderedDict()
        self._unknown: OrderedDict[bytes, Entry] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known) + len(self._unknown)

    def age(self, entry: Entry) -> float:
        """Return the time in seconds since the entry was asked for."""
        return self._clock() - entry.asked

    def fresh(self, user: bytes) -> Entry | None:
        """Return the answer for a user if it may be used without asking."""
        return self._younger(user, self._soft)

    def usable(self, user: bytes) -> Entry | None:
        """Return the answer for a user if it may be used while the source cannot be asked."""
        return self._younger(user, self._hard)

    def put(self, user: bytes, secret: bytes | None, asked: float) -> Entry | None:
        """Keep an answer, in place of the one that is returned; None if there was none."""
        old = self.drop(user)
        kept = self._unknown if secret is None else self._known
        kept[user] = Entry(secret, asked, old.renewed if old is not None else ())
        if len(kept) > self._limit:
            kept.popitem(last=False)
        return old

    def drop(self, user: bytes) -> Entry | None:
        """Forget the answer for a user, and return it."""
        return self._known.pop(user, None) or self._unknown.pop(user, None)

    def clear(self) -> None:
        """Forget everything."""
        self._known.clear()
        self._unknown.clear()

    def renews(self, user: bytes) -> bool:
        """Take note of a wrong proof by ``user``.  Return True if the answer is to be asked anew:
        it is older than a second, and this has not happened three times within the last minute."""
        entry = self._find(user)
        if entry is None or self.age(entry) <= _YOUNG:
            return False
        now = self._clock()
        entry.renewed = tuple(time for time in entry.renewed if now - time < _MINUTE)
        if len(entry.renewed) >= _RENEWALS:
            return False
        entry.renewed += (now,)
        return True

    def _younger(self, user: bytes, limit: float) -> Entry | None:
        entry = self._find(user)
        return entry if entry is not None and self.age(entry) < limit else None

    def _find(self, user: bytes) -> Entry | None:
        for kept in (self._known, self._unknown):
            entry = kept.get(user)
            if entry is not None:
                kept.move_to_end(user)
                return entry
        return None
