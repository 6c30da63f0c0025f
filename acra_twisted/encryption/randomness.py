"""Random bytes for many values by few calls of their source."""

from __future__ import annotations

from acra_twisted.errors import CryptoError
from acra_twisted.themis.cell import Random


class RandomSupply:
    """Gives each byte of its source once.  ``values`` of ``size`` bytes each are fetched at a time;
    it keeps no byte that it has given.

    It is for one thread.  Raises CryptoError if the source gives less than it is asked for, and
    whatever the source raises: a value without random bytes is not sealed.
    """

    __slots__ = ("_source", "_fetched", "_bytes", "_place")

    def __init__(self, source: Random, size: int, values: int = 1) -> None:
        self._source = source
        self._fetched = size * values
        self._bytes = bytearray()
        self._place = 0

    def __call__(self, size: int) -> bytes:
        place = self._place
        if place + size > len(self._bytes):
            wanted = max(size, self._fetched)
            fetched = self._source(wanted)
            if len(fetched) != wanted:
                raise CryptoError("the source of random bytes has run dry")
            self._bytes, place = bytearray(fetched), 0
        end = self._place = place + size
        given = bytes(self._bytes[place:end])
        self._bytes[place:end] = bytes(size)
        return given
