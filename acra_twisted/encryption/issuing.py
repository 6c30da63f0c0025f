"""Tokens that a store has given out for the values of one statement."""

from __future__ import annotations

from collections.abc import Iterable

from acra_twisted.encryption.sealing import Stored
from acra_twisted.themis.cell import Random


class IssuedTokens:
    """Puts tokens in the place of the values of a column, in canonical form, each once.

    ``pairs`` are the values and their tokens: a value that is written twice stands there twice, and
    its tokens may differ.
    """

    __slots__ = ("_tokens",)

    def __init__(self, pairs: Iterable[tuple[bytes, bytes]]) -> None:
        self._tokens: dict[bytes, list[bytes]] = {}
        for value, token in pairs:
            self._tokens.setdefault(value, []).append(token)

    def store(self, plaintext: bytes, random_bytes: Random) -> Stored:
        """Return the token of a value, which is among the pairs."""
        return Stored(self._tokens[plaintext].pop())


class FoundTokens:
    """Knows the tokens by which the values of a column are found; ``pairs`` are both."""

    __slots__ = ("_tokens", "width")

    def __init__(self, pairs: Iterable[tuple[bytes, bytes]]) -> None:
        self._tokens = dict(pairs)
        self.width = 1

    def forms(self, plaintext: bytes) -> list[bytes]:
        """Return the token of a value, which is among the pairs."""
        return [self._tokens[plaintext]]
