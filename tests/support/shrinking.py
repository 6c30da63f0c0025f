"""The shortest list for which something still holds, found by leaving parts out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

Item = TypeVar("Item")


def shrunk(items: Sequence[Item], holds: Callable[[Sequence[Item]], object]) -> list[Item]:
    """Return a list for which ``holds`` is true, as it is for all ``items``, and is not if one more
    item is left out."""
    kept = list(items)
    size = max(len(kept) // 2, 1)
    while True:
        at, before = 0, len(kept)
        while at < len(kept):
            tried = kept[:at] + kept[at + size :]
            if tried and holds(tried):
                kept = tried
            else:
                at += size
        if size > 1:
            size //= 2
        elif len(kept) == before:
            return kept
