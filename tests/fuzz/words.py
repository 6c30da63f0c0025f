"""Changes to statements by their words, for fuzzers."""

from __future__ import annotations

import random
import re

from tests.fuzz.changes import Plain

_PIECE = re.compile(rb"\s+|[\w$]+|'(?:[^']|'')*'|.", re.S)


class Mutator:
    """Changes a text by its words: each mostly stays a text that a database understands.

    ``head`` bytes before a text are an input's own.
    """

    def __init__(self, texts: list[bytes], head: int = 0) -> None:
        self._head = head
        self._parts = [_PIECE.findall(text) for text in texts]
        self._words = sorted({word for words in self._parts for word in words})

    def changed(self, data: bytes, longest: int, chance: random.Random, plain: Plain) -> bytes:
        """One change; every fourth is one of bytes."""
        if len(data) <= self._head or chance.randrange(4) == 0:
            return plain(data, longest)
        head, text = bytearray(data[: self._head]), data[self._head :]
        if head and chance.randrange(10) == 0:
            head[chance.randrange(len(head))] ^= 1 << chance.randrange(8)
        return (bytes(head) + self.reworded(text, chance))[:longest]

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
