"""A bounded memory in front of a key store: keys opened once, forgotten on demand.

What is kept is dropped, least recently used first, when there is too much of it; when the store
says that the key has changed (asked about each kept key every RECHECK seconds at most, so a rotated
or destroyed key takes effect within a second); and on `forget`, after which an answer that was
asked for before is not kept either.  A symmetric key's buffer is overwritten when its last user
lets go; on `close` at once.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Final

from twisted.internet.defer import Deferred
from zope.interface import classImplements

from acra_twisted.interfaces import IKeys
from acra_twisted.keystore.openers import make_opener
from acra_twisted.keystore.secret import Secret
from acra_twisted.purposes import CONNECTOR, SERVER, Purpose

#: Seconds for which a kept key is not compared with the store's, and for which those who follow
#: need not ask for it again: together no more than a second.
RECHECK: Final = 0.75
TRUST: Final = 0.25

#: The size that keeps nothing.
OFF: Final = -1

# Keys that anybody may have looked for by any name, before anything is proven: that there are none
# is not kept, for there is no end of names.
_UNPROVEN: Final = frozenset((CONNECTOR, SERVER))


# Kinds of answers.
_KEYS: Final = "keys"
_PUBLIC: Final = "public"
_OPENER: Final = "opener"
#: The name of an answer: its kind, the ids of its purposes, of which the second may be empty, and
#: the owner.  Texts know their hashes; all fields of a purpose are hashed each time.
_Name = tuple[str, str, str, str]


class _Kept:
    __slots__ = ("value", "version", "checked")

    def __init__(self, value: Any, version: Hashable, checked: float) -> None:
        self.value = value
        self.version = version
        self.checked = checked


class KeyCache:
    """Keeps what ``store``, an IKeyStore, answers.

    ``size`` is in entries; 0 is unlimited, -1 keeps nothing.  ``seconds`` is a monotonic clock.

    ``counts`` holds ``hit``, ``miss`` and ``evicted``.
    """

    def __init__(self, store: Any, size: int, seconds: Callable[[], float]) -> None:
        self._store = store
        self._size = size
        self._seconds = seconds
        self._kept: OrderedDict[_Name, _Kept] = OrderedDict()
        # Rises when everything is dropped.
        self._generation = 0
        self._followers: list[Callable[[], None]] = []
        self.counts = {"hit": 0, "miss": 0, "evicted": 0}

    def __len__(self) -> int:
        return len(self._kept)

    def keys(self, purpose: Purpose, owner: str = "") -> Any:
        """See IKeyStore."""
        name: _Name = (_KEYS, purpose.key_id, "", owner)
        kept = self._known(name)
        if kept is not None:
            return kept.value
        return self._ask(name, (purpose,), self._store.keys, purpose, owner)

    def public_key(self, purpose: Purpose, owner: str = "") -> Any:
        """See IKeyStore."""
        name: _Name = (_PUBLIC, purpose.key_id, "", owner)
        kept = self._known(name)
        if kept is not None:
            return kept.value
        return self._ask(name, (purpose,), self._store.public_key, purpose, owner)

    def opener(self, pair: Purpose, symmetric: Purpose, owner: str = "") -> Any:
        """See IKeys."""
        name: _Name = (_OPENER, pair.key_id, symmetric.key_id, owner)
        kept = self._known(name)
        if kept is not None:
            return kept.value
        ask = (make_opener, self._store, pair, symmetric, owner)
        return self._ask(name, (pair, symmetric), *ask)

    def _known(self, name: _Name) -> _Kept | None:
        """Return what is kept under a name, unless it has to be compared with the store's."""
        kept = self._kept.get(name)
        if kept is None or self._seconds() - kept.checked >= RECHECK:
            return None
        self._kept.move_to_end(name)
        self.counts["hit"] += 1
        return kept

    def _ask(
        self,
        name: _Name,
        involved: tuple[Purpose, ...],
        function: Callable[..., Any],
        *given: Any,
    ) -> Any:
        """Ask the store for what is not kept, or may be another now."""
        owner: str = given[-1]
        now = self._seconds()
        # Before the keys are read: what changes meanwhile is then noticed the next time.
        version = self._version(involved, owner)
        kept = self._kept.get(name)
        if kept is not None:
            if version == kept.version:
                kept.checked = now
                self._kept.move_to_end(name)
                self.counts["hit"] += 1
                return kept.value
            del self._kept[name]
            self._tell()
        self.counts["miss"] += 1
        generation = self._generation
        found = function(*given)
        is_proven = _UNPROVEN.isdisjoint(involved)
        if isinstance(found, Deferred):
            return found.addCallback(self._keep, name, is_proven, version, now, generation)
        return self._keep(found, name, is_proven, version, now, generation)

    def _version(self, involved: tuple[Purpose, ...], owner: str) -> Hashable:
        return tuple(self._store.version(purpose, owner) for purpose in involved)

    def _keep(
        self,
        found: Any,
        name: _Name,
        is_proven: bool,
        version: Hashable,
        now: float,
        generation: int,
    ) -> Any:
        """Keep an answer, unless everything was dropped after it was asked for."""
        if generation != self._generation:
            return found
        if self._size != OFF and (found or is_proven):
            self._kept[name] = _Kept(found, version, now)
            if self._size and len(self._kept) > self._size:
                self._kept.popitem(last=False)
                self.counts["evicted"] += 1
                self._tell()
        return found

    def follow(self, dropped: Callable[[], None]) -> bool:
        """See IKeys."""
        self._followers.append(dropped)
        return self._size != OFF

    def _tell(self) -> None:
        for dropped in self._followers:
            dropped()

    def version(self, purpose: Purpose, owner: str = "") -> Hashable:
        """See IKeyStore."""
        version: Hashable = self._store.version(purpose, owner)
        return version

    def derived(self, label: bytes) -> bytes | None:
        """See IKeys."""
        derive = getattr(self._store, "derived", None)
        return None if derive is None else derive(label)

    def forget(self) -> None:
        """Drop everything kept; those who use a key just now finish with it."""
        self._drop()
        self._store.forget()

    def close(self) -> None:
        """Overwrite what is kept, and the store's own secrets."""
        for kept in self._kept.values():
            for key in kept.value if isinstance(kept.value, tuple) else (kept.value,):
                if isinstance(key, Secret):
                    key.wipe()
                elif hasattr(key, "forget"):
                    key.forget()
        self._drop()
        self._store.close()

    def _drop(self) -> None:
        self._generation += 1
        self._kept.clear()
        self._tell()


# Not as a decorator: compiled classes have none.
classImplements(KeyCache, IKeys)
