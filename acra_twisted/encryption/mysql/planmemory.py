"""Plans of MySQL's texts, kept by the skeleton of the text and the database of bare names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from acra_twisted.cache import GenerationCache
from acra_twisted.encryption.mysql.plan import Plan

#: Skeletons that are kept, and their bytes.
_ENTRIES: Final = 2_000
_BYTES: Final = 8 << 20
#: The longest skeleton that is kept.
_LONGEST: Final = 64 << 10
#: Plans of one skeleton, by the literals that decide.
_VARIANTS: Final = 16


def key_of(skeleton: bytes, database: str) -> bytes:
    """Return the key by which the plans of a skeleton are kept, for the database of bare names."""
    return b"%b\0%b" % (database.encode("utf-8", "surrogateescape"), skeleton)


class _Kept:
    """The ordinals of the literals that decide, and the plans by these."""

    __slots__ = ("deciding", "plans")

    def __init__(self, deciding: Sequence[int]) -> None:
        self.deciding = deciding
        self.plans: dict[tuple[bytes, ...], Plan] = {}


class PlanMemory:
    """Keeps plans, those of many texts in few of them."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: GenerationCache[bytes, _Kept] = GenerationCache(_ENTRIES, _BYTES)

    def find(self, key: bytes, literals: Sequence[bytes]) -> Plan | None:
        """Return the plan of a text with these literals; None if it is not known."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        return kept.plans.get(tuple([literals[one] for one in kept.deciding]))

    def learn(
        self, key: bytes, deciding: Sequence[int], literals: Sequence[bytes], plan: Plan
    ) -> None:
        """Keep the plan of a text, for all others of its skeleton in which the literals of the
        ordinals ``deciding`` are the same."""
        if len(key) > _LONGEST:
            return
        kept = self._kept.get(key)
        if kept is None or len(kept.plans) >= _VARIANTS or not set(deciding) <= set(kept.deciding):
            # Another value may have made other literals count.
            kept = _Kept(sorted({*(kept.deciding if kept else ()), *deciding}))
        kept.plans[tuple([literals[one] for one in kept.deciding])] = plan
        self._kept.put(key, kept)
