"""Changes to statements by their words, for fuzzers."""

from __future__ import annotations

import random
import re

import atheris

_PIECE = re.compile(rb"\s+|[\w$]+|'(?:[^']|'')*'|.", re.S)


class Mutator:
    """Changes a text by its words: each mostly stays a text that a database understands."""

    def __init__(self, texts: list[bytes]) -> None:
        self._parts = [_PIECE.findall(text) for text in texts]
        self._words = sorted({word for words in self._parts for word in words})

    def changed(self, data: bytes, longest: int, seed: int) -> bytes:
        """One change; every fourth is of libFuzzer's own kind."""
        chance = random.Random(seed)  # noqa: S311 - no secret
        if not data or chance.randrange(4) == 0:
            return bytes(atheris.Mutate(data, longest))
        return self.reworded(data, chance)[:longest]

    def reworded(self, data: bytes, chance: random.Random) -> bytes:
        """One to three changes of words."""
        words = _PIECE.findall(data)
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(words) + 1)
            kind = chance.randrange(5)
            if kind == 0:
                words[at : at + 1] = [chance.choice(self._words)]
            elif kind == 1:
                words[at:at] = [chance.choice(self._words)]
            elif kind == 2:
                del words[at : at + chance.randint(1, 3)]
            else:
                # A part of this text, or of another, in the place of one.
                other = words if kind == 3 else chance.choice(self._parts)
                start = chance.randrange(len(other) + 1)
                part = other[start : start + chance.randint(1, 12)]
                words[at : at + chance.randint(0, 4)] = part
        return b"".join(words)
