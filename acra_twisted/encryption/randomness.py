"""Random bytes for many values by few calls of their source."""

from __future__ import annotations

from acra_twisted.errors import CryptoError
from acra_twisted.themis.cell import Random


class RandomSupply:
    """Gives each byte of its source once.  ``values`` of ``size`` bytes each are fetched at a time,
    and those that were given are not kept; any other number of bytes is the source's at once.

    It is for one thread.  Raises CryptoError if the source gives less than it is asked for, and
    whatever the source raises: a value without random bytes is not sealed.
    """

    __slots__ = ("_source", "_size", "_values", "_fetched")

    def __init__(self, source: Random, size: int, values: int = 1) -> None:
        self._source = source
        self._size = size
        self._values = values
        self._fetched: list[bytes] = []

    def __call__(self, size: int) -> bytes:
        if size != self._size:
            return self._drawn(size)
        fetched = self._fetched
        if not fetched:
            drawn = self._drawn(size * self._values)
            for at in range(0, len(drawn), size):
                fetched.append(drawn[at : at + size])
        return fetched.pop()

    def _drawn(self, size: int) -> bytes:
        drawn = self._source(size)
        if len(drawn) != size:
            raise CryptoError("the source of random bytes has run dry")
        return drawn
