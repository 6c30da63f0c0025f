"""Limits of logins: wrong ones wait longer and longer, and no address has too many at once.

Failures are counted by address and user together, by address, and by user.  A count halves with
each quiet minute.  From the fifth failure on the answer waits, twice as long with each: up to
eight seconds by address, up to one by user alone, so that nobody can lock a user out from
elsewhere.  Of each user only the first two failures count for the whole address, and of each
address for the user: an application with an old password slows down none but itself, one that
tries many users slows down its address.  A right password waits as long as a wrong one would have,
or the wait would tell them apart.  Nobody is banned.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final, NamedTuple, TypeVar

from acra_twisted.authentication.greeted import GREETED_OF_ALL, Greeted, Silent

_Key = TypeVar("_Key", bound=Hashable)

#: The entries of a table; the one that was used least recently makes room.
ENTRIES: Final = 65_536
#: Seconds in which a count halves.
HALF_LIFE: Final = 60.0
#: The first failure whose answer waits, and the seconds that it waits.
FIRST: Final = 5
SHORTEST: Final = 0.25
#: The longest waits, in seconds: by address, and by user alone.
LONGEST: Final = 8.0
LONGEST_OF_USER: Final = 1.0
#: The part of a wait by which chance makes it shorter or longer.
SPREAD: Final = 0.2
#: A count does not grow beyond this: three minutes of quiet make up for any number of failures.
_HIGHEST: Final = 16.0
#: The failures of a pair of address and user that count for either alone.
_SHARED: Final = 2
#: The bytes of a user's name that count: PostgreSQL cuts names off there.
_NAME: Final = 63


#: What counts as one address, and what counts as one user.
_Pair = tuple[str, bytes]


class Repeated(NamedTuple):
    """So many failures in a row of one key; ``kind`` is "user and address", "address" or "user"."""

    kind: str
    failures: int


class Penalty(NamedTuple):
    """The price of a failure: ``delay`` in seconds.  ``failures`` are those of the user at this
    address in a row; ``repeated`` are the counts that have reached a threshold by it, see
    `is_threshold`."""

    delay: float
    failures: int
    repeated: tuple[Repeated, ...]


class _Failures:
    """The failures of one key."""

    __slots__ = ("weight", "total", "at")

    def __init__(self, at: float) -> None:
        # The decayed count, all failures since it was nothing, and the time of the last.
        self.weight = 0.0
        self.total = 0
        self.at = at


class _Table:
    """Failures by key; bounded."""

    def __init__(self, entries: int) -> None:
        self._entries = entries
        self._found: OrderedDict[Hashable, _Failures] = OrderedDict()

    def __len__(self) -> int:
        return len(self._found)

    def weight(self, key: Hashable, now: float) -> float:
        """Return the decayed count."""
        failures = self._found.get(key)
        return 0.0 if failures is None else _decayed(failures, now)

    def add(self, key: Hashable, now: float) -> int:
        """Count a failure; return how many there were in a row."""
        found = self._found
        failures = found.pop(key, None)
        if failures is None:
            failures = _Failures(now)
            if len(found) >= self._entries:
                found.popitem(last=False)
        found[key] = failures
        weight = _decayed(failures, now)
        if weight < 0.5:
            failures.total = 0
        failures.weight = min(weight + 1.0, _HIGHEST)
        failures.total += 1
        failures.at = now
        return failures.total


def _decayed(failures: _Failures, now: float) -> float:
    # An exponent that is large enough gives 0.0, and no error.
    return float(failures.weight * 2.0 ** (-max(0.0, now - failures.at) / HALF_LIFE))


class LoginLimits:
    """Counts the logins of all listeners of a server.

    ``clock`` gives seconds and never goes back; ``chance`` gives numbers from 0 to 1.  At most
    ``of_address`` logins of an address are in progress at once and ``of_all`` of all; while
    ``waiting`` answers to a user at an address wait, that user begins no login there, and no other
    answer waits.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        chance: Callable[[], float],
        *,
        of_address: int = 100,
        of_all: int = 1000,
        waiting: int = 16,
        entries: int = ENTRIES,
    ) -> None:
        self._clock = clock
        self._chance = chance
        self._of_address, self._of_all, self._most_waiting = of_address, of_all, waiting
        self._pairs = _Table(entries)
        self._addresses = _Table(entries)
        self._users = _Table(entries)
        # Failures that say nothing of a password.
        self._others = _Table(entries)
        self._in_progress: dict[str, int] = {}
        self._waiting: dict[_Pair, int] = {}
        #: The logins in progress.
        self.in_progress = 0
        self._greeted = Greeted(min(of_all, GREETED_OF_ALL))

    def __len__(self) -> int:
        """The number of entries of all tables."""
        kept = len(self._pairs) + len(self._addresses) + len(self._users) + len(self._others)
        return kept + len(self._in_progress) + len(self._greeted) + len(self._waiting)

    @property
    def greeted(self) -> int:
        """The logins in progress of clients that were greeted, and have not said who they are."""
        return self._greeted.count

    # -- logins in progress -----------------------------------------------------------------------

    def begin(self, address: str, user: bytes) -> bool:
        """Return True if a login may begin; it must be `ended` then."""
        pair = _pair(address, user)
        if (
            self.in_progress >= self._of_all
            or self._in_progress.get(pair[0], 0) >= self._of_address
            or self._waiting.get(pair, 0) >= self._most_waiting
        ):
            return False
        self.goes_on(address)
        return True

    def goes_on(self, address: str) -> None:
        """Count a login that goes on, whatever the limits; it must be `ended` then."""
        place = network(address)
        self.in_progress += 1
        self._in_progress[place] = self._in_progress.get(place, 0) + 1

    def greets(self, address: str, client: Silent) -> bool:
        """Return True if a database may be reached for a login before its client has said who it
        is, which another may have to give way for.  Both its first words (`spoke`) and its end
        (`ended`) must be told then."""
        place = network(address)
        if not self._greeted.add(place, client):
            return False
        if self.begin(address, b""):
            return True
        self._greeted.remove(place, client)
        return False

    def spoke(self, address: str, client: Silent) -> None:
        """Take note that a greeted client has said who it is, or has gone."""
        self._greeted.remove(network(address), client)

    def ended(self, address: str) -> None:
        """Take note that a login that had begun is over."""
        self.in_progress -= 1
        _one_less(self._in_progress, network(address))

    def waits(self, address: str, user: bytes) -> bool:
        """Return True if the answer to a login may wait; it must be `answered` then."""
        pair = _pair(address, user)
        waiting = self._waiting.get(pair, 0)
        if waiting >= self._most_waiting:
            return False
        self._waiting[pair] = waiting + 1
        return True

    def answered(self, address: str, user: bytes) -> None:
        """Take note that an answer waits no longer."""
        _one_less(self._waiting, _pair(address, user))

    # -- failures ---------------------------------------------------------------------------------

    def failed(self, address: str, user: bytes, adds_delay: bool = True) -> Penalty:
        """Count a failed login.

        Without ``adds_delay`` it is counted apart, by user and address, and no later login waits
        longer: somebody in the middle must not be able to slow down his victim.
        """
        now, pair = self._clock(), _pair(address, user)
        delay = self.delay_of(address, user)
        if not adds_delay:
            counted = [("user and address", self._others.add(pair, now))]
        else:
            shared = self._is_shared(pair, now)
            counted = [("user and address", self._pairs.add(pair, now))]
            if shared:
                place, name = pair
                counted.append(("address", self._addresses.add(place, now)))
                counted.append(("user", self._users.add(name, now)))
        # What the pair's count says already is not said again.
        own = counted[0][1]
        return Penalty(
            delay,
            own,
            tuple(
                Repeated(kind, failures)
                for kind, failures in counted
                if is_threshold(failures) and (failures != own or kind == counted[0][0])
            ),
        )

    def delay_of(self, address: str, user: bytes) -> float:
        """Return the seconds that the answer to a login waits, right or wrong."""
        now, pair = self._clock(), _pair(address, user)
        more = 1.0 if self._is_shared(pair, now) else 0.0
        by_pair = self._pairs.weight(pair, now) + 1.0
        by_address = self._addresses.weight(pair[0], now) + more
        of_address = _seconds(max(by_pair, by_address))
        of_user = _seconds(self._users.weight(pair[1], now) + more)
        if not (of_address or of_user):
            return 0.0
        factor = 1.0 + SPREAD * (2.0 * self._chance() - 1.0)
        return max(min(LONGEST, of_address * factor), min(LONGEST_OF_USER, of_user * factor))

    def _is_shared(self, pair: _Pair, now: float) -> bool:
        return round(self._pairs.weight(pair, now)) < _SHARED


def is_threshold(count: int) -> bool:
    """Return True for 5, 10, 20, 50, 100, 200, 500..."""
    while count >= 100 and count % 10 == 0:
        count //= 10
    return count in (5, 10, 20, 50)


def network(address: str) -> str:
    """Return the addresses that count as one: the /64 of IPv6; a text that is no address, such as
    the peer of a unix socket, as it stands."""
    if ":" not in address:
        return address
    try:
        parsed = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Address(int(parsed) >> 64 << 64))


def _pair(address: str, user: bytes) -> _Pair:
    return network(address), user[:_NAME]


def _seconds(weight: float) -> float:
    # Rounded: the failures of one second are a little less than their number.
    count = round(weight)
    return 0.0 if count < FIRST else float(SHORTEST * 2.0 ** (count - FIRST))


def _one_less(counts: dict[_Key, int], key: _Key) -> None:
    left = counts.get(key, 0) - 1
    if left > 0:
        counts[key] = left
    else:
        counts.pop(key, None)
