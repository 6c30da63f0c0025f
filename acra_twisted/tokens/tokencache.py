"""Tokens and values that were asked for a moment ago.

An answer is used for a minute at most, so a token that somebody disables is refused by then; and
only while the owner's keys are the ones that opened it.  An answer that was asked for before
everything was forgotten, and comes after that, is not kept.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from enum import Enum
from typing import Final

from acra_twisted.cache import GenerationCache

#: Seconds for which an answer is used.
KEPT: Final = 60
#: Of each of two generations.
_ENTRIES: Final = 10_000
_SIZE: Final = 8 << 20
#: Longer answers are not kept.
_LONGEST: Final = 1024


class Written(Enum):
    """Tells whether an item is a value, and its answer the token, or the other way round."""

    VALUE = b"v"
    TOKEN = b"t"


class TokenCache:
    """``now`` gives seconds.  ``version`` is the key store's for the owner's key.  ``generation``
    is another after everything was forgotten."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self.generation = 0
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.generation += 1
        self._made = self._now()
        self._kept: GenerationCache[bytes, tuple[Hashable, bytes]] = GenerationCache(
            _ENTRIES, _SIZE
        )

    def get(
        self, written: Written, token_type: str, bucket: bytes, item: bytes, version: Hashable
    ) -> bytes | None:
        """Return the answer, None if there is none that may be used."""
        # All go together: an age of each would cost more than asking once a minute.
        if not 0 <= self._now() - self._made < KEPT:
            self.clear()
        found = self._kept.get(_key(written, token_type, bucket, item))
        return found[1] if found is not None and found[0] == version else None

    def put(
        self,
        written: Written,
        token_type: str,
        bucket: bytes,
        item: bytes,
        version: Hashable,
        answer: bytes,
        generation: int,
    ) -> None:
        """Keep an answer, if the generation is still the one in which it was asked for."""
        if generation == self.generation and len(answer) <= _LONGEST:
            self._kept.put(_key(written, token_type, bucket, item), (version, answer))


def _key(written: Written, token_type: str, bucket: bytes, item: bytes) -> bytes:
    return b"".join((written.value, bucket, token_type.encode(), b" ", item))
