"""Changes to conversations by their messages, for fuzzers: what reads them sees more than lengths
that are wrong."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

from tests.fuzz.changes import Plain
from tests.fuzz.words import Mutator as Words

#: Separates what the client says from what the database says, in turns.
TURN = b"\xf5\xf5"


class Part(NamedTuple):
    """A message without its header; ``kind`` is what the header says but for the length, empty for
    bytes that are no message, and TURN where the other side begins."""

    kind: bytes
    body: bytes


class Framing(NamedTuple):
    """The messages of a protocol: ``size`` is that of a header, ``ends`` returns where the message
    behind a header ends, at least ``size`` of a whole one, ``header`` makes one of a kind and a
    body, ``kind`` returns the kind that a header has."""

    size: int
    ends: Callable[[bytes], int]
    header: Callable[[bytes, bytes], bytes]
    kind: Callable[[bytes], bytes]


#: A letter, and a length that counts itself.
POSTGRESQL = Framing(
    5,
    lambda head: 1 + int.from_bytes(head[1:], "big"),
    lambda kind, body: kind + (4 + len(body)).to_bytes(4, "big"),
    lambda head: head[:1],
)
#: A length, and a number as the kind.
MYSQL = Framing(
    4,
    lambda head: 4 + int.from_bytes(head[:3], "little"),
    lambda kind, body: len(body).to_bytes(3, "little") + kind,
    lambda head: head[3:],
)


def split(data: bytes, framing: Framing) -> list[Part]:
    """The messages of a conversation, turn by turn."""
    parts: list[Part] = []
    for number, said in enumerate(data.split(TURN)):
        if number:
            parts.append(Part(TURN, b""))
        at = 0
        while len(said) - at >= framing.size:
            head = said[at : at + framing.size]
            end = at + framing.ends(head)
            if not at + framing.size <= end <= len(said):
                break
            parts.append(Part(framing.kind(head), said[at + framing.size : end]))
            at = end
        if at < len(said):
            parts.append(Part(b"", said[at:]))
    return parts


def join(parts: Sequence[Part], framing: Framing) -> bytes:
    """The bytes of such messages, with lengths that are right."""
    return b"".join(
        kind + body if kind in (b"", TURN) else framing.header(kind, body) + body
        for kind, body in parts
    )


class Mutator:
    """Changes an input by its messages; ``head`` bytes before them are an input's own.

    ``inputs`` are those to begin with, ``texts`` statements, whose words come into messages.
    """

    def __init__(
        self,
        inputs: Sequence[bytes],
        framing: Framing,
        head: int,
        texts: Sequence[bytes] = (b"SELECT 1",),
    ) -> None:
        self._framing, self._head = framing, head
        self._words = Words(list(texts))
        self._talks = [split(one[head:], framing) for one in inputs]
        self._kinds = sorted({part.kind for talk in self._talks for part in talk})

    def changed(self, data: bytes, longest: int, chance: random.Random, plain: Plain) -> bytes:
        """One to three changes; every fifth input's is one of bytes."""
        if len(data) <= self._head or chance.randrange(5) == 0:
            return plain(data, longest)
        head, parts = bytearray(data[: self._head]), split(data[self._head :], self._framing)
        for _ in range(chance.randint(1, 3)):
            if chance.randrange(10) == 0:
                head[chance.randrange(len(head))] ^= 1 << chance.randrange(8)
            else:
                self._change(parts, chance, plain)
        return (bytes(head) + join(parts, self._framing))[:longest]

    def _change(self, parts: list[Part], chance: random.Random, plain: Plain) -> None:
        at = chance.randrange(len(parts) + 1)
        kind = chance.randrange(6)
        if kind == 0:
            del parts[at : at + chance.randint(1, 3)]
        elif kind == 1:
            # Messages of this conversation, or of another, in the place of some.
            other = parts if chance.randrange(2) else chance.choice(self._talks)
            start = chance.randrange(len(other) + 1)
            parts[at : at + chance.randrange(3)] = other[start : start + chance.randint(1, 5)]
        elif at < len(parts):
            parts[at] = self._part(parts[at], kind, chance, plain)
        else:
            parts.append(Part(chance.choice(self._kinds), b""))

    def _part(self, part: Part, kind: int, chance: random.Random, plain: Plain) -> Part:
        if kind == 2:
            return part._replace(kind=chance.choice(self._kinds))
        if kind == 3:
            return part._replace(body=plain(part.body, len(part.body) + 20))
        return part._replace(body=self._words.reworded(part.body, chance))
