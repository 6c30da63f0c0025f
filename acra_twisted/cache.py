"""A bounded cache with cheap hits: two generations, each bounded by entries and by bytes.

A hit is one dict lookup; what is used in the older generation moves to the younger.  When the
younger is full the older is dropped: an approximation of LRU that keeps no order.
"""

from __future__ import annotations

from collections.abc import Sized
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Sized)
Value = TypeVar("Value")


class GenerationCache(Generic[Key, Value]):
    """``entries`` and ``size`` (of keys, by `len`) bound each of the two generations."""

    __slots__ = ("_young", "_old", "_entries", "_size", "_bytes")

    def __init__(self, entries: int, size: int) -> None:
        self._young: dict[Key, Value] = {}
        self._old: dict[Key, Value] = {}
        self._entries, self._size, self._bytes = entries, size, 0

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def get(self, key: Key) -> Value | None:
        """The value, or None."""
        found = self._young.get(key)
        if found is None and self._old:
            found = self._old.pop(key, None)
            if found is not None:
                self.put(key, found)
        return found

    def put(self, key: Key, value: Value) -> None:
        """Keep a value; a key that is larger than a generation is not kept."""
        if len(key) > self._size:
            return
        if len(self._young) >= self._entries or self._bytes + len(key) > self._size:
            self._old, self._young, self._bytes = self._young, {}, 0
        self._young[key] = value
        self._bytes += len(key)

    def remove(self, key: Key) -> None:
        """Forget a key, if it is there."""
        self._young.pop(key, None)
        self._old.pop(key, None)
